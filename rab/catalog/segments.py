"""Segments: found by id, by filter, or by what sounds before and after.

A StoredSegment is put together from five tables by four statements, however many segments are asked for. Statements
that every Evidence Pack asks stand ready at the end: making one takes as long as running it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, Subquery, bindparam, func, select, tuple_, union_all

from rab.catalog.database import Database
from rab.catalog.filters import IN_ORDER, matching
from rab.catalog.labels import read_labels
from rab.catalog.rows import recording_of, segment_of, taxon_of
from rab.catalog.schema import (
    classes,
    cluster_members,
    clusters,
    model_runs,
    recordings,
    segments,
    spaces,
    taxon_scores,
)
from rab.catalog.statements import chunks
from rab.domain import CallSegment, LibraryFacts, SegmentFilter, SegmentPlace, StoredSegment, Taxon, TaxonScore
from rab.errors import InputError, NotFound

_MIN_PREFIX = 6
_LISTED = "`rab segments` lists them"


class Segments(Database):
    """The part of the catalog that knows segments."""

    def resolve_segment(self, prefix: str) -> str:
        """Return the id that begins with `prefix`, six characters at least.

        Raises `NotFound` when there is none, `InputError` for what is no id or begins several.
        """
        first = prefix.strip().lower()
        if not re.fullmatch(rf"[0-9a-f]{{{_MIN_PREFIX},32}}", first):
            raise InputError(
                f"{prefix!r} is no segment: an id is {_MIN_PREFIX} to 32 of the characters 0–9 and a–f", hint=_LISTED
            )
        begins = select(segments.c.id).where(segments.c.id >= first, segments.c.id < first + "g")
        with self._reading() as connection:
            found: Sequence[str] = connection.scalars(begins.order_by(segments.c.id).limit(3)).all()
        if not found:
            raise NotFound(f"there is no segment {prefix}", hint=_LISTED)
        if len(found) > 1:
            raise InputError(f"{prefix} begins several segments: {', '.join(found)}", hint="write more of the id")
        return found[0]

    def segment(self, segment_id: str) -> StoredSegment:
        """Return a segment by its whole id. Raises `NotFound`."""
        found = self.segments([segment_id])
        if segment_id not in found:
            raise NotFound(f"there is no segment {segment_id}", hint=_LISTED)
        return found[segment_id]

    def segments(self, ids: Sequence[str]) -> dict[str, StoredSegment]:
        """Return those that exist, by id."""
        with self._reading() as connection:
            return {
                stored.segment.id: stored
                for some in chunks(dict.fromkeys(ids))
                for stored in _whole(connection, connection.execute(_BY_ID, {"ids": some}).all())
            }

    def places(self, ids: Sequence[str]) -> dict[str, SegmentPlace]:
        """Return where those are that exist, by id: a tenth of the time that whole segments take."""
        with self._reading() as connection:
            rows = (connection.execute(_PLACES, {"ids": some}).all() for some in chunks(dict.fromkeys(ids)))
            return {one[0]: SegmentPlace(*one) for some in rows for one in some}

    def raw_scores(self, ids: Sequence[str]) -> dict[str, dict[str, float]]:
        """Return the raw scores of segments by scientific name; a segment without any is left out."""
        found: dict[str, dict[str, float]] = defaultdict(dict)
        with self._reading() as connection:
            for some in chunks(dict.fromkeys(ids)):
                for segment_id, name, raw_score in connection.execute(_RAW_SCORES, {"ids": some}).all():
                    found[segment_id][name] = raw_score
        return dict(found)

    def list_segments(
        self, space: str, where: SegmentFilter, *, limit: int | None = None, offset: int = 0
    ) -> list[StoredSegment]:
        """Return the matching segments of a space, in the order of recordings, voices and time."""
        page = select(segments.c.pk).where(matching(space, where)).order_by(*IN_ORDER).limit(limit).offset(offset)
        with self._reading() as connection:
            return _whole(connection, connection.execute(_ROWS.where(segments.c.pk.in_(page))).all())

    def segment_ids(self, space: str, where: SegmentFilter) -> list[str]:
        """Return the ids of all matching segments of a space, in the same order."""
        found = select(segments.c.id).where(matching(space, where)).order_by(*IN_ORDER)
        with self._reading() as connection:
            return list(connection.scalars(found))

    def around(self, segment_id: str, n_before: int, n_after: int) -> list[tuple[int, StoredSegment]]:
        """Return what sounds before and after a segment, to the same model, on the same voice of the same recording.

        Steps come in the order of time with their offset: −1 is the one before. Raises `NotFound`.
        """
        span = tuple_(segments.c.t0_ms, segments.c.t1_ms)
        with self._reading() as connection:
            own = connection.execute(select(segments).where(segments.c.id == segment_id)).first()
            if own is None:
                raise NotFound(f"there is no segment {segment_id}", hint=_LISTED)
            voice = select(segments.c.pk).where(
                segments.c.space_pk == own.space_pk,
                segments.c.recording_pk == own.recording_pk,
                segments.c.channel.is_(None) if own.channel is None else segments.c.channel == own.channel,
            )
            here = tuple_(own.t0_ms, own.t1_ms)
            latest_first = (segments.c.t0_ms.desc(), segments.c.t1_ms.desc())
            before = voice.where(span < here).order_by(*latest_first).limit(n_before).subquery()
            after = voice.where(span > here).order_by(*IN_ORDER).limit(n_after).subquery()
            beside = segments.c.pk.in_(union_all(select(before.c.pk), select(after.c.pk)))
            steps = _whole(connection, connection.execute(_ROWS.where(beside)).all())
        n_earlier = sum((one.segment.t0_ms, one.segment.t1_ms) < (own.t0_ms, own.t1_ms) for one in steps)
        return [*enumerate(steps[:n_earlier], start=-n_earlier), *enumerate(steps[n_earlier:], start=1)]

    def scores_beside(self, call: CallSegment, space: str) -> list[TaxonScore]:
        """Return what the model of another space gave the same stretch of the same voice, best first, each taxon once.

        Segments count that share half of the shorter of the two with the call.
        """
        with self._reading() as connection:
            rows = connection.execute(_BESIDE, {"space": space, "recording": call.recording_id, **_span(call)}).all()
            shared = {row.pk: min(row.t1_ms, call.t1_ms) - max(row.t0_ms, call.t0_ms) for row in rows}
            halves = {row.pk: min(row.t1_ms - row.t0_ms, call.t1_ms - call.t0_ms) / 2 for row in rows}
            own = [row.pk for row in rows if row.channel == call.channel and shared[row.pk] >= halves[row.pk]]
            found = [score for scores in _scores(connection, own).values() for score in scores]
        best: dict[str, TaxonScore] = {}
        for score in sorted(found, key=lambda one: (-one.raw_score, one.taxon.scientific_name)):
            best.setdefault(score.taxon.scientific_name, score)
        return list(best.values())

    def library_facts(self, space: str, where: SegmentFilter) -> LibraryFacts:
        """Return how many segments, recordings and sites of a space match.

        Without a filter the recordings' own counts are added up, which takes a hundredth of the time.
        """
        counted = select(segments.c.recording_pk, func.count().label("n")).where(matching(space, where))
        facts = _OF_ALL if where.is_empty else _facts(counted.group_by(segments.c.recording_pk).subquery())
        with self._reading() as connection:
            n_segments, n_recordings, n_sites = connection.execute(facts, {"space": space}).one()
        return LibraryFacts(
            space=space,
            n_segments=n_segments,
            n_recordings=n_recordings,
            n_sites=n_sites,
            filter_words=where.words,
        )


_ROWS = (
    select(segments, spaces.c.model, clusters.c.id.label("cluster_id"))
    .join(spaces, spaces.c.pk == segments.c.space_pk)
    .outerjoin(cluster_members, cluster_members.c.segment_pk == segments.c.pk)
    .outerjoin(clusters, clusters.c.pk == cluster_members.c.cluster_pk)
    .order_by(*IN_ORDER)
)


def _facts(per_recording: Subquery) -> Select[Any]:
    """Return the statement that adds up the segments, recordings and sites of rows (`recording_pk`, `n`)."""
    return select(
        func.coalesce(func.sum(per_recording.c.n), 0), func.count(), func.count(recordings.c.site.distinct())
    ).join_from(per_recording, recordings, recordings.c.pk == per_recording.c.recording_pk)


_OF_ALL = _facts(
    select(model_runs.c.recording_pk, model_runs.c.n_segments.label("n"))
    .join(spaces)
    .where(spaces.c.space == bindparam("space"), model_runs.c.n_segments > 0)
    .subquery()
)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_PKS: BindParameter[Any] = bindparam("pks", expanding=True)
_BY_ID = _ROWS.where(segments.c.id.in_(_IDS))
_PLACES = (
    select(
        segments.c.id,
        recordings.c.id,
        segments.c.t0_ms,
        segments.c.t1_ms,
        segments.c.channel,
        segments.c.snr_db,
    )
    .join_from(segments, recordings)
    .where(segments.c.id.in_(_IDS))
)
_BESIDE = (
    select(segments.c.pk, segments.c.channel, segments.c.t0_ms, segments.c.t1_ms)
    .select_from(segments.join(spaces).join(recordings))
    .where(
        spaces.c.space == bindparam("space"),
        recordings.c.id == bindparam("recording"),
        segments.c.t0_ms < bindparam("t1_ms"),
        segments.c.t1_ms > bindparam("t0_ms"),
    )
)
_RAW_SCORES = (
    select(segments.c.id, classes.c.scientific_name, taxon_scores.c.raw_score)
    .select_from(segments.join(taxon_scores).join(classes))
    .where(segments.c.id.in_(_IDS))
)
_RECORDINGS = select(recordings).where(recordings.c.pk.in_(_PKS))
_SCORES = (
    select(taxon_scores, classes)
    .join_from(taxon_scores, classes)
    .where(taxon_scores.c.segment_pk.in_(_PKS))
    .order_by(taxon_scores.c.segment_pk, taxon_scores.c.position)
)


def _span(call: CallSegment) -> dict[str, float]:
    return {"t0_ms": call.t0_ms, "t1_ms": call.t1_ms}


def _whole(connection: Connection, rows: Sequence[Row[Any]]) -> list[StoredSegment]:
    """Return the segments of rows of `_ROWS`, with what other tables say of them."""
    known = {row.recording_pk for row in rows}
    of_pk = {
        row.pk: recording_of(row) for some in chunks(known) for row in connection.execute(_RECORDINGS, {"pks": some})
    }
    scores = _scores(connection, [row.pk for row in rows])
    said = read_labels(connection, [row.id for row in rows])
    return [segment_of(row, of_pk[row.recording_pk], scores[row.pk], said[row.id]) for row in rows]


def _scores(connection: Connection, segment_pks: Iterable[int]) -> dict[int, list[TaxonScore]]:
    found: dict[int, list[TaxonScore]] = defaultdict(list)
    taxa: dict[int, Taxon] = {}
    for some in chunks(segment_pks):
        for row in connection.execute(_SCORES, {"pks": some}).all():
            if row.class_pk not in taxa:
                taxa[row.class_pk] = taxon_of(row)
            score = TaxonScore(
                taxon=taxa[row.class_pk],
                logit=row.logit,
                raw_score=row.raw_score,
                model=row.model,
                in_range=row.in_range,
            )
            found[row.segment_pk].append(score)
    return found
