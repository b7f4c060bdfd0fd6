"""Segments: found by id, by filter, or by what sounds before and after.

A StoredSegment is put together from five tables by five statements, however many segments are asked for.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Select, func, select, tuple_

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
from rab.domain import LibraryFacts, SegmentFilter, SegmentPlace, StoredSegment, TaxonScore
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
            found = [
                stored
                for some in chunks(dict.fromkeys(ids))
                for stored in _load(connection, select(segments.c.pk).where(segments.c.id.in_(some)))
            ]
        return {stored.segment.id: stored for stored in found}

    def places(self, ids: Sequence[str]) -> dict[str, SegmentPlace]:
        """Return where those are that exist, by id: a tenth of the time that whole segments take."""
        row = segments.c
        found = select(row.id, recordings.c.id, row.t0_ms, row.t1_ms, row.channel, row.snr_db)
        found = found.join_from(segments, recordings)
        with self._reading() as connection:
            rows = (connection.execute(found.where(row.id.in_(some))).all() for some in chunks(dict.fromkeys(ids)))
            return {one[0]: SegmentPlace(*one) for some in rows for one in some}

    def raw_scores(self, ids: Sequence[str]) -> dict[str, dict[str, float]]:
        """Return the raw scores of segments by scientific name; a segment without any is left out."""
        scored = segments.join(taxon_scores).join(classes)
        every = select(segments.c.id, classes.c.scientific_name, taxon_scores.c.raw_score).select_from(scored)
        found: dict[str, dict[str, float]] = defaultdict(dict)
        with self._reading() as connection:
            for some in chunks(dict.fromkeys(ids)):
                for segment_id, name, raw_score in connection.execute(every.where(segments.c.id.in_(some))):
                    found[segment_id][name] = raw_score
        return dict(found)

    def known_segments(self, ids: Sequence[str]) -> set[str]:
        """Return which of the ids exist."""
        with self._reading() as connection:
            return {
                segment_id
                for some in chunks(ids)
                for segment_id in connection.scalars(select(segments.c.id).where(segments.c.id.in_(some)))
            }

    def list_segments(
        self, space: str, where: SegmentFilter, *, limit: int | None = None, offset: int = 0
    ) -> list[StoredSegment]:
        """Return the matching segments of a space, in the order of recordings, voices and time."""
        page = select(segments.c.pk).where(matching(space, where)).order_by(*IN_ORDER).limit(limit).offset(offset)
        with self._reading() as connection:
            return _load(connection, page)

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
            before = _load(connection, voice.where(span < here).order_by(*latest_first).limit(n_before))
            after = _load(connection, voice.where(span > here).order_by(*IN_ORDER).limit(n_after))
        return [*enumerate(before, start=-len(before)), *enumerate(after, start=1)]

    def library_facts(self, space: str, where: SegmentFilter) -> LibraryFacts:
        """Return how many segments, recordings and sites of a space match.

        Without a filter the recordings' own counts are added up, which takes a hundredth of the time.
        """
        counted = select(segments.c.recording_pk, func.count().label("n")).where(matching(space, where))
        per_recording = counted.group_by(segments.c.recording_pk).subquery()
        if where.is_empty:
            run = model_runs.c
            of_space = select(run.recording_pk, run.n_segments.label("n")).join(spaces).where(spaces.c.space == space)
            per_recording = of_space.where(run.n_segments > 0).subquery()
        facts = select(
            func.coalesce(func.sum(per_recording.c.n), 0), func.count(), func.count(recordings.c.site.distinct())
        ).join_from(per_recording, recordings, recordings.c.pk == per_recording.c.recording_pk)
        with self._reading() as connection:
            n_segments, n_recordings, n_sites = connection.execute(facts).one()
        return LibraryFacts(
            space=space,
            n_segments=n_segments,
            n_recordings=n_recordings,
            n_sites=n_sites,
            filter_words=where.words,
        )


def _load(connection: Connection, wanted: Select[tuple[int]]) -> list[StoredSegment]:
    """Return the segments with those row numbers, in the order of recordings, voices and time."""
    chosen = wanted.subquery()
    rows = connection.execute(
        select(segments, spaces.c.model, clusters.c.id.label("cluster_id"))
        .join(chosen, chosen.c.pk == segments.c.pk)
        .join(spaces)
        .outerjoin(cluster_members, cluster_members.c.segment_pk == segments.c.pk)
        .outerjoin(clusters, clusters.c.pk == cluster_members.c.cluster_pk)
        .order_by(*IN_ORDER)
    ).all()
    known = {row.recording_pk for row in rows}
    of_pk = {
        row.pk: recording_of(row)
        for some in chunks(known)
        for row in connection.execute(select(recordings).where(recordings.c.pk.in_(some)))
    }
    scores = _scores(connection, [row.pk for row in rows])
    said = read_labels(connection, [row.id for row in rows])
    return [segment_of(row, of_pk[row.recording_pk], scores[row.pk], said[row.id]) for row in rows]


def _scores(connection: Connection, segment_pks: Iterable[int]) -> dict[int, list[TaxonScore]]:
    found: dict[int, list[TaxonScore]] = defaultdict(list)
    every = select(taxon_scores, classes).join_from(taxon_scores, classes)
    for some in chunks(segment_pks):
        chosen = every.where(taxon_scores.c.segment_pk.in_(some))
        for row in connection.execute(chosen.order_by(taxon_scores.c.segment_pk, taxon_scores.c.position)):
            score = TaxonScore(
                taxon=taxon_of(row), logit=row.logit, raw_score=row.raw_score, model=row.model, in_range=row.in_range
            )
            found[row.segment_pk].append(score)
    return found
