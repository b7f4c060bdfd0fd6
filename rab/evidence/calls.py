"""From a stored segment to what a pack says of it: a durable link, and a name with its source."""

from rab.domain import CallName, CallRef, StoredSegment


def call_ref(stored: StoredSegment) -> CallRef:
    """Return the link by which anyone who has the file can find and play the call."""
    segment, recording = stored.segment, stored.recording
    return CallRef(
        segment_id=segment.id,
        recording_id=recording.id,
        file_name=recording.file_name,
        channel=segment.channel,
        t0_ms=segment.t0_ms,
        t1_ms=segment.t1_ms,
        site=recording.site,
        heard_at=stored.heard_at,
        zone=recording.notes.zone,
    )


def call_name(stored: StoredSegment, threshold: float) -> CallName | None:
    """Return what the call is said to be: a person's newest label, else an imported one, else the classifier's best.

    A classifier names a call only at or above `threshold` (raw score), and never a taxon out of range. None when
    nobody says anything.
    """
    for source in ("human", "imported"):
        labels = [label for label in stored.labels if label.source == source and label.kind == "taxon"]
        if labels:
            newest = max(labels, key=lambda label: label.labelled_at)
            common = next(
                (s.taxon.common_name for s in stored.scores if s.taxon.scientific_name == newest.taxon), newest.taxon
            )
            return CallName(
                scientific_name=newest.taxon,
                common_name=common,
                source=newest.source,
                by=newest.author,
                licence=newest.licence,
                provenance=newest.provenance,
            )
    best = next((s for s in stored.scores if s.raw_score >= threshold and s.in_range is not False), None)
    if best is None:
        return None
    return CallName(
        scientific_name=best.taxon.scientific_name,
        common_name=best.taxon.common_name,
        source="model",
        by=best.model,
        raw_score=best.raw_score,
    )
