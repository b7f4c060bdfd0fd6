"""A SegmentFilter as SQL, and as what it means for recording time.

Every condition is true or false, never NULL: a segment without a site, a clock or an SNR fails a condition on it, and
so stays when a filter excludes by that condition. What `SegmentFilter.matches` decides is the law; a test compares.
"""

from sqlalchemy import ColumnElement, and_, not_, select, true

from rab.catalog.rows import to_us
from rab.catalog.schema import classes, cluster_members, clusters, recordings, segments, spaces, taxon_scores
from rab.domain import SegmentFilter

IN_ORDER = (segments.c.recording_pk, segments.c.channel, segments.c.t0_ms, segments.c.t1_ms)
"""Recordings as they were taken in, their voices, and time: the order of an index, so that a page costs a page."""


def detected() -> ColumnElement[bool]:
    """Whether a score counts: at or above the model's threshold, and not of a taxon out of range."""
    return and_(taxon_scores.c.above_threshold, taxon_scores.c.in_range.is_not(False))


def matching(space: str, where: SegmentFilter) -> ColumnElement[bool]:
    """Return the condition on `segments` that they are of a space and match a filter."""
    own = select(spaces.c.pk).where(spaces.c.space == space).scalar_subquery()
    return and_(segments.c.space_pk == own, *_conditions(where))


def _conditions(where: SegmentFilter) -> list[ColumnElement[bool]]:
    row = segments.c
    found: list[ColumnElement[bool]] = []
    if where.sites:
        found.append(row.recording_pk.in_(select(recordings.c.pk).where(recordings.c.site.in_(where.sites))))
    if where.recording_ids:
        found.append(row.recording_pk.in_(select(recordings.c.pk).where(recordings.c.id.in_(where.recording_ids))))
    if where.taxa:
        named = select(taxon_scores.c.segment_pk).join(classes).where(classes.c.scientific_name.in_(where.taxa))
        found.append(row.pk.in_(named.where(detected())))
    if where.cluster_ids:
        members = select(cluster_members.c.segment_pk).join(clusters)
        found.append(row.pk.in_(members.where(clusters.c.id.in_(where.cluster_ids))))
    if where.local_hours:
        found += [row.local_hour.is_not(None), row.local_hour.in_(where.local_hours)]
    if where.heard_from is not None:
        found += [row.heard_at_us.is_not(None), row.heard_at_us >= to_us(where.heard_from)]
    if where.heard_before is not None:
        found += [row.heard_at_us.is_not(None), row.heard_at_us < to_us(where.heard_before)]
    if where.snr_min_db is not None:
        found += [row.snr_db.is_not(None), row.snr_db >= where.snr_min_db]
    if where.snr_max_db is not None:
        found += [row.snr_db.is_not(None), row.snr_db <= where.snr_max_db]
    if where.exclude is not None:
        found.append(not_(and_(true(), *_conditions(where.exclude))))
    return found


def of_recording_time(where: SegmentFilter) -> SegmentFilter:
    """Return the filter that says at which moments a segment could be heard that `where` matches.

    Taxa, clusters and SNR say nothing about recording time: a moment without blackbirds was listened to all the same.
    So these conditions are dropped, and an exclusion stands only where it excludes every segment of a moment.
    """
    dropped = {"taxa": (), "cluster_ids": (), "snr_min_db": None, "snr_max_db": None}
    return where.model_copy(update={**dropped, "exclude": where.exclude and _of_whole_moments(where.exclude)})


def _of_whole_moments(excluded: SegmentFilter) -> SegmentFilter | None:
    """Return the filter of the moments at which `excluded` matches every segment; None when there can be none."""
    of_segments = (excluded.taxa, excluded.cluster_ids, excluded.snr_min_db, excluded.snr_max_db)
    if any(condition not in ((), None) for condition in of_segments):
        return None
    return excluded.model_copy(update={"exclude": excluded.exclude and of_recording_time(excluded.exclude)})
