"""From a stored segment to what a pack says of it: a durable link, and a name with its source."""

from rab.domain import CallName, CallRef, Label, StoredSegment, names_in_force, rejected_taxa


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

    A classifier names a call only at or above `threshold` (raw score), and never a taxon out of range. A name that a
    person rejected falls to the next that speaks. None when nobody says anything.
    """
    standing, rejected = names_in_force(stored.labels), rejected_taxa(stored.labels)
    for source in ("human", "imported"):
        labels = [label for label in standing if label.source == source]
        if labels:
            return _labelled(stored, max(labels, key=lambda label: label.labelled_at))
    heard = (one for one in stored.scores if one.raw_score >= threshold and one.in_range is not False)
    best = next((one for one in heard if one.taxon.scientific_name not in rejected), None)
    if best is None:
        return None
    return CallName(
        scientific_name=best.taxon.scientific_name,
        common_name=best.taxon.common_name,
        source="model",
        by=best.model,
        raw_score=best.raw_score,
    )


def human_names(stored: StoredSegment) -> tuple[CallName, ...]:
    """Return what people label the call and nobody rejected since, newest first."""
    said = [label for label in names_in_force(stored.labels) if label.source == "human"]
    return tuple(_labelled(stored, one) for one in sorted(said, key=lambda label: label.labelled_at, reverse=True))


def call_types(stored: StoredSegment) -> tuple[str, ...]:
    """Return what people label the call's type, in their words, sorted."""
    return tuple(sorted({one.taxon for one in stored.labels if one.kind == "call_type" and one.source == "human"}))


def _labelled(stored: StoredSegment, label: Label) -> CallName:
    common = next(
        (one.taxon.common_name for one in stored.scores if one.taxon.scientific_name == label.taxon), label.taxon
    )
    return CallName(
        scientific_name=label.taxon,
        common_name=common,
        source=label.source,
        by=label.author,
        licence=label.licence,
        provenance=label.provenance,
    )
