"""One recording's commit: everything that one model heard in it, in one transaction.

A recording has one cutting for each model: a commit replaces the one before, be it made with another window policy or
by other weights of the same model (then in another embedding space; segment ids name the model, not its weights). So a
call is counted once, however often its recording was ingested. Segments that are cut the same keep their place in
clusters; labels outlive even those that are not.

What is known of a recording's place and time is not forgotten when it is ingested again by someone who tells less.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from rab import __version__
from rab.catalog.payloads import mark_outdated
from rab.catalog.rows import heard_fields, now_us, recording_fields, recording_of, segment_fields
from rab.catalog.schema import classes, model_runs, recordings, segments, spaces, taxon_scores
from rab.catalog.statements import chunks, insert_missing, upsert
from rab.domain import EmbedderCard, Recording, StoredSegment, TaxonScore
from rab.errors import InputError

_N_SEGMENTS_HELD = 500


def commit(
    connection: Connection, recording: Recording, card: EmbedderCard, cut: Iterable[StoredSegment], policy: str
) -> list[str]:
    """Write a recording, its segments with their scores, and that the model is done with it.

    Segments are taken a few hundred at a time, so a night of them is never in memory at once. Returns the ids of
    segments of that space that an earlier commit wrote and this one does not.
    """
    recording_pk, known = put_recording(connection, recording)
    space_pk = _put_space(connection, card)
    _forget_other_spaces(connection, recording_pk, space_pk)
    written: set[str] = set()
    audio_ms = 0.0
    for some in chunks(cut, _N_SEGMENTS_HELD):
        written |= _put_segments(connection, (recording_pk, space_pk), known, card, some)
        audio_ms += sum(stored.segment.t1_ms - stored.segment.t0_ms for stored in some)
    gone = _forget_all_but(connection, recording_pk, space_pk, written)
    run = {
        "recording_pk": recording_pk,
        "space_pk": space_pk,
        "policy": policy,
        "score_threshold": card.score_threshold,
        "code_version": __version__,
        "committed_at_us": now_us(),
        "n_segments": len(written),
        "audio_ms": audio_ms,
    }
    connection.execute(upsert(connection, model_runs, "recording_pk", "space_pk"), run)
    return gone


def _put_segments(
    connection: Connection, keys: tuple[int, int], recording: Recording, card: EmbedderCard, some: list[StoredSegment]
) -> set[str]:
    for stored in some:
        if (stored.segment.recording_id, stored.segment.embedder) != (recording.id, card.key):
            raise InputError(
                f"segment {stored.segment.id} is not of recording {recording.id[:12]} and {card.key}",
                hint="commit each recording with its own segments",
            )
    recording_pk, space_pk = keys
    rows = [
        {"recording_pk": recording_pk, "space_pk": space_pk, **segment_fields(stored, recording)} for stored in some
    ]
    statement = upsert(connection, segments, "id").returning(segments.c.id, segments.c.pk)
    pks: dict[str, int] = dict(connection.execute(statement, rows).all())
    _put_scores(connection, pks, card.score_threshold, some)
    return set(pks)


def put_recording(connection: Connection, recording: Recording) -> tuple[int, Recording]:
    """Write a recording; return its row's number, and the recording with all that is known of it."""
    row = connection.execute(select(recordings).where(recordings.c.id == recording.id).with_for_update()).first()
    before = None if row is None else recording_of(row)
    known = recording if before is None else _with_what_was_known(recording, before)
    heard_fields(known, 0.0)  # refuses a time zone that does not exist
    if row is not None and known == before:
        return row.pk, known
    written = upsert(connection, recordings, "id").returning(recordings.c.pk)
    pk = int(connection.execute(written, recording_fields(known)).scalar_one())
    if before is not None and _clock(before) != _clock(known):
        _hear_again(connection, pk, known)
    if before is not None and _told(before) != _told(known):
        mark_outdated(connection, segments.c.recording_pk == pk)
    return pk, known


def _told(recording: Recording) -> tuple[object, ...]:
    """Return what payloads repeat of a recording."""
    notes = recording.notes
    return recording.site, notes.habitat, notes.lat_deg, notes.lon_deg, *_clock(recording)


def _clock(recording: Recording) -> tuple[object, object]:
    return recording.notes.started_at, recording.notes.zone


def _with_what_was_known(recording: Recording, before: Recording) -> Recording:
    notes, then = recording.notes, before.notes
    kept: dict[str, Any] = {}
    if notes.started_at is None and then.started_at is not None:
        kept |= {"started_at": then.started_at, "zone": then.zone}
    if notes.lat_deg is None and then.lat_deg is not None:
        kept |= {"lat_deg": then.lat_deg, "lon_deg": then.lon_deg}
    if notes.habitat is None and then.habitat is not None:
        kept |= {"habitat": then.habitat}
    site = recording.site if recording.site is not None else before.site
    if kept or site != recording.site:
        kept["caveats"] = then.caveats
    return recording.model_copy(update={"site": site, "notes": notes.model_copy(update=kept)})


def _hear_again(connection: Connection, recording_pk: int, recording: Recording) -> None:
    """Set when the segments of a recording were heard, after its clock was corrected."""
    everywhere = segments.c.space_pk.in_(select(spaces.c.pk))  # lets the index serve, which begins with the space
    own = select(segments.c.pk, segments.c.t0_ms).where(segments.c.recording_pk == recording_pk, everywhere)
    times = [{"row": pk, **heard_fields(recording, t0_ms)} for pk, t0_ms in connection.execute(own)]
    if times:
        connection.execute(update(segments).where(segments.c.pk == bindparam("row")), times)


def _put_space(connection: Connection, card: EmbedderCard) -> int:
    row = {"space": card.space, "model": card.key, "card": card.model_dump_json()}
    known = select(spaces.c.pk, spaces.c.card).where(spaces.c.space == card.space)
    found = connection.execute(known).first()
    if found is None or found.card != row["card"]:
        connection.execute(upsert(connection, spaces, "space"), row)
        found = connection.execute(known).one()
    return int(found.pk)


def _forget_other_spaces(connection: Connection, recording_pk: int, space_pk: int) -> None:
    """Remove what the model heard in a recording with other weights."""
    model = select(spaces.c.model).where(spaces.c.pk == space_pk).scalar_subquery()
    others = connection.scalars(select(spaces.c.pk).where(spaces.c.model == model, spaces.c.pk != space_pk)).all()
    for table in (model_runs, segments):
        connection.execute(delete(table).where(table.c.recording_pk == recording_pk, table.c.space_pk.in_(others)))


def _forget_all_but(connection: Connection, recording_pk: int, space_pk: int, cut: set[str]) -> list[str]:
    """Remove the segments of an earlier cutting; return their ids."""
    own = select(segments.c.pk, segments.c.id).where(
        segments.c.recording_pk == recording_pk, segments.c.space_pk == space_pk
    )
    gone = {segment_id: pk for pk, segment_id in connection.execute(own) if segment_id not in cut}
    for some in chunks(gone.values()):
        connection.execute(delete(segments).where(segments.c.pk.in_(some)))
    return sorted(gone)


def _put_scores(
    connection: Connection, pks: dict[str, int], score_threshold: float, cut: Sequence[StoredSegment]
) -> None:
    for some in chunks(pks.values()):
        connection.execute(delete(taxon_scores).where(taxon_scores.c.segment_pk.in_(some)))
    class_pks = _class_pks(connection, {_class(score) for stored in cut for score in stored.scores})
    rows = [
        {
            "segment_pk": pks[stored.segment.id],
            "position": position,
            "class_pk": class_pks[_class(score)],
            "logit": score.logit,
            "raw_score": score.raw_score,
            "in_range": score.in_range,
            "above_threshold": score.raw_score >= score_threshold,
        }
        for stored in cut
        for position, score in enumerate(stored.scores)
    ]
    if rows:
        connection.execute(taxon_scores.insert(), rows)


_Class = tuple[str, str, str, str]
"""What a classifier can name, as the columns of `classes` have it."""


def _class(score: TaxonScore) -> _Class:
    taxon = score.taxon
    return score.model, taxon.scientific_name, taxon.common_name, taxon.group or ""


def _class_pks(connection: Connection, wanted: set[_Class]) -> dict[_Class, int]:
    """Return the rows of classes, written where they are new; always in one order, so that no two commits deadlock."""
    row = classes.c
    columns = (row.model, row.scientific_name, row.common_name, row.taxon_group)
    every = select(*columns, row.pk).where(row.model.in_({model for model, *_ in wanted}))

    def known() -> dict[_Class, int]:
        return {tuple(key): pk for *key, pk in connection.execute(every)}

    found = known()
    if new := sorted(wanted - found.keys()):
        names = [column.name for column in columns]
        connection.execute(insert_missing(connection, classes), [dict(zip(names, key, strict=True)) for key in new])
        found = known()
    return found
