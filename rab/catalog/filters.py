"""A SegmentFilter as SQL, and as what it means for recording time.

Every condition is true or false, never NULL: a segment without a site, a clock or an SNR fails a condition on it, and
so stays when a filter excludes by that condition. What `SegmentFilter.matches` decides is the law; a test compares.
"""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Select, and_, between, func, not_, or_, select, true

from rab.catalog.rows import to_us
from rab.catalog.schema import classes, cluster_members, clusters, labels, recordings, segments, spaces, taxon_scores
from rab.domain import Box, Near, SegmentFilter

IN_ORDER = (segments.c.recording_pk, segments.c.channel, segments.c.t0_ms, segments.c.t1_ms)
"""Recordings as they were taken in, their voices, and time: the order of an index, so that a page costs a page."""


def detected() -> ColumnElement[bool]:
    """Whether a score counts: at or above the model's threshold, and not of a taxon out of range."""
    return and_(taxon_scores.c.above_threshold, taxon_scores.c.in_range.is_not(False))


def matching(space: str, where: SegmentFilter) -> ColumnElement[bool]:
    """Return the condition on `segments` that they are of a space and match a filter.

    Raises `InputError` for a filter that asks for a precision.
    """
    where.require_raw_scores()
    own = select(spaces.c.pk).where(spaces.c.space == space).scalar_subquery()
    return and_(segments.c.space_pk == own, *_conditions(where))


def _conditions(where: SegmentFilter) -> list[ColumnElement[bool]]:
    found = [*_of_recording(where), *_of_clock(where), *_of_taxa(where), *_of_labels(where)]
    row = segments.c
    if where.models:
        found.append(row.space_pk.in_(select(spaces.c.pk).where(spaces.c.model.in_(where.models))))
    if where.cluster_ids:
        members = select(cluster_members.c.segment_pk).join(clusters)
        found.append(row.pk.in_(members.where(clusters.c.id.in_(where.cluster_ids))))
    if where.human_voice:
        found.append(row.human_voice)
    if where.snr_min_db is not None:
        found += [row.snr_db.is_not(None), row.snr_db >= where.snr_min_db]
    if where.snr_max_db is not None:
        found += [row.snr_db.is_not(None), row.snr_db <= where.snr_max_db]
    found += [or_(*(and_(true(), *_conditions(one)) for one in group)) for group in where.any_of]
    found += [not_(and_(true(), *_conditions(one))) for one in where.exclude]
    return found


def _of_recording(where: SegmentFilter) -> Iterator[ColumnElement[bool]]:
    row = recordings.c
    sets = [(row.site, where.sites), (row.habitat, where.habitats), (row.id, where.recording_ids)]
    conditions: list[ColumnElement[bool]] = [column.in_(values) for column, values in sets if values]
    if where.box is not None:
        conditions.append(_in_box(where.box))
    if where.near is not None:
        conditions.append(_within(where.near))
    if conditions:
        yield segments.c.recording_pk.in_(select(row.pk).where(*conditions))


def _in_box(box: Box) -> ColumnElement[bool]:
    lat_deg, lon_deg = recordings.c.lat_deg, recordings.c.lon_deg
    sides = (between(lon_deg, west, east) for west, east in box.lon_ranges_deg)
    return and_(between(lat_deg, box.south_deg, box.north_deg), or_(*sides))


def _within(near: Near) -> ColumnElement[bool]:
    """Say that the squared chord is not too long: the sums of `Near.holds`, in the same order, to the same bit."""
    row, (x, y, z) = recordings.c, near.centre
    dx, dy, dz = row.unit_x - x, row.unit_y - y, row.unit_z - z
    return dx * dx + dy * dy + dz * dz <= near.chord2


def _of_clock(where: SegmentFilter) -> Iterator[ColumnElement[bool]]:
    row = segments.c
    if where.local_hours:
        yield and_(row.local_hour.is_not(None), row.local_hour.in_(where.local_hours))
    if where.month_days:
        days = [f"{day // 100:02d}-{day % 100:02d}" for day in where.month_days]
        yield and_(row.local_date.is_not(None), func.substr(row.local_date, 6, 5).in_(days))
    if where.heard_from is not None:
        yield and_(row.heard_at_us.is_not(None), row.heard_at_us >= to_us(where.heard_from))
    if where.heard_before is not None:
        yield and_(row.heard_at_us.is_not(None), row.heard_at_us < to_us(where.heard_before))


def _of_taxa(where: SegmentFilter) -> Iterator[ColumnElement[bool]]:
    raw_score, low, high = taxon_scores.c.raw_score, where.raw_score_min, where.raw_score_max
    if not where.taxa and low is None and high is None:
        return
    conditions = [detected()]
    if low is not None or high is not None:
        conditions = [taxon_scores.c.in_range.is_not(False), true() if low is None else raw_score >= low]
        conditions.append(true() if high is None else raw_score <= high)
    scored: Select[tuple[int]] = select(taxon_scores.c.segment_pk).where(*conditions)
    if where.taxa:
        scored = scored.join(classes).where(classes.c.scientific_name.in_(where.taxa))
    yield segments.c.pk.in_(scored)


def _of_labels(where: SegmentFilter) -> Iterator[ColumnElement[bool]]:
    said = select(labels.c.segment_id)
    named = [labels.c.taxon.in_(where.labels)] if where.labels else []
    named += [labels.c.source.in_(where.label_sources)] if where.label_sources else []
    if named:
        yield segments.c.id.in_(said.where(*named))
    if where.reviewed:
        yield segments.c.id.in_(said.where(labels.c.source == "human"))


_OF_SEGMENTS = {
    "taxa",
    "raw_score_min",
    "raw_score_max",
    "labels",
    "label_sources",
    "reviewed",
    "human_voice",
    "cluster_ids",
    "snr_min_db",
    "snr_max_db",
}
"""Conditions that say nothing about recording time: a moment without blackbirds was listened to all the same."""


def of_recording_time(where: SegmentFilter) -> SegmentFilter:
    """Return the filter that says at which moments a segment could be heard that `where` matches.

    Conditions on what is heard are dropped, and an exclusion stands only where it excludes every segment of a moment.
    Raises `InputError` for a filter that asks for a precision.
    """
    where.require_raw_scores()
    kept = {name: value for name, value in where.conditions.items() if name not in _OF_SEGMENTS}
    groups = tuple(tuple(map(of_recording_time, group)) for group in where.any_of)
    excluded = [whole for one in where.exclude if (whole := _of_whole_moments(one)) is not None]
    return SegmentFilter(**kept, any_of=groups, exclude=tuple(excluded))


def _of_whole_moments(where: SegmentFilter) -> SegmentFilter | None:
    """Return the filter of the moments at which `where` matches every segment; None when there can be none."""
    if not _OF_SEGMENTS.isdisjoint(where.conditions):
        return None
    groups = []
    for group in where.any_of:
        whole = tuple(one for one in map(_of_whole_moments, group) if one is not None)
        if not whole:
            return None
        groups.append(whole)
    excluded = tuple(map(of_recording_time, where.exclude))
    return SegmentFilter(**where.conditions, any_of=tuple(groups), exclude=excluded)
