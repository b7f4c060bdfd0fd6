"""Recordings and deployments: what was recorded, where, and which models are done with it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, delete, func, insert, select, true

from rab.catalog.commit import commit, put_recording
from rab.catalog.database import Database
from rab.catalog.rows import read_document, recording_of
from rab.catalog.schema import deployments, model_runs, recordings, spaces
from rab.domain import Deployment, EmbedderCard, Recording, StoredSegment
from rab.errors import NotFound


class Recordings(Database):
    """The part of the catalog that knows recordings."""

    def put_deployments(self, given: Sequence[Deployment]) -> None:
        """Store deployments; the rows of each site that is named replace those it had."""
        with self._writing() as connection:
            connection.execute(delete(deployments).where(deployments.c.site.in_({one.site for one in given})))
            for one in given:
                connection.execute(insert(deployments).values(site=one.site, document=one.model_dump_json()))

    def deployments(self) -> list[Deployment]:
        """Return all deployments, in the order in which they were stored."""
        with self._reading() as connection:
            found = connection.scalars(select(deployments.c.document).order_by(deployments.c.pk))
            return [read_document(Deployment, document) for document in found]

    def commit_recording(
        self, recording: Recording, card: EmbedderCard, segments: Iterable[StoredSegment], *, policy: str
    ) -> list[str]:
        """Store what a model heard in a recording, and that it is done; in one transaction, and again without effect.

        An earlier commit of the recording by that model is replaced. `policy` is the fingerprint of how it was cut.
        Labels and clusters of `segments` are not part of a commit: they have doors of their own. Raises `InputError`
        for segments of another recording or model. Returns the ids of segments that the earlier commit had and this one
        has not: their vectors are of no more use.
        """
        with self._writing() as connection:
            return commit(connection, recording, card, segments, policy)

    def refresh_recording(self, recording: Recording) -> None:
        """Store where a recording lies now, and what is newly known of its place and time; nothing is forgotten."""
        with self._writing() as connection:
            put_recording(connection, recording)

    def is_done(self, recording_id: str, space: str, policy: str) -> bool:
        """Return whether a recording is committed for that embedding space, cut by that policy."""
        run = select(model_runs.c.policy).join(recordings).join(spaces)
        with self._reading() as connection:
            found = connection.scalar(run.where(recordings.c.id == recording_id, spaces.c.space == space))
        return found == policy

    def recording(self, recording_id: str) -> Recording:
        """Return a recording by its id. Raises `NotFound`."""
        with self._reading() as connection:
            row = connection.execute(select(recordings).where(recordings.c.id == recording_id)).first()
        if row is None:
            raise NotFound(f"there is no recording {recording_id}", hint="`rab recordings` lists them")
        return recording_of(row)

    def recordings(self, *, sites: Sequence[str] = (), limit: int | None = None, offset: int = 0) -> list[Recording]:
        """Return recordings, of all sites or of some, in the order of their start; those without one come last."""
        started = recordings.c.started_at_us
        listed = select(recordings).where(_at(sites)).order_by(started.is_(None), started, recordings.c.pk)
        with self._reading() as connection:
            return [recording_of(row) for row in connection.execute(listed.limit(limit).offset(offset))]

    def count_recordings(self, *, sites: Sequence[str] = ()) -> int:
        """Return how many recordings there are, at all sites or at some."""
        with self._reading() as connection:
            return connection.scalar(select(func.count()).select_from(recordings).where(_at(sites))) or 0

    def cards(self) -> list[EmbedderCard]:
        """Return, for each model that filled the catalog, the card under which it last did, by the model's key."""
        last = func.max(model_runs.c.committed_at_us)
        runs = select(spaces.c.model, spaces.c.card).join(model_runs).group_by(spaces.c.pk).order_by(last)
        with self._reading() as connection:
            newest: dict[str, str] = dict(connection.execute(runs).all())
        return [read_document(EmbedderCard, newest[model]) for model in sorted(newest)]

    def card(self, key: str) -> EmbedderCard | None:
        """Return the card under which a model last filled the catalog; None when it never did."""
        return next((card for card in self.cards() if card.key == key), None)


def _at(sites: Sequence[str]) -> ColumnElement[bool]:
    return recordings.c.site.in_(sites) if sites else true()
