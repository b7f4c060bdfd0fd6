"""What is learned from a library and kept with it: rerankers, probes, cluster models, calibrations.

Each belongs to one embedding space and one kind, has a name and counts its versions: a newer one does not replace an
older one, so that what an Evidence Pack names can be found again. The catalog keeps the document and reads nothing in
it; whoever learned it does.
"""

from collections.abc import Mapping

from sqlalchemy import Row, delete, func, insert, select

from rab.catalog.database import Database
from rab.catalog.rows import from_us, now_us
from rab.catalog.schema import learned
from rab.domain import Value
from rab.domain.value import Instant


class Learned(Value):
    """One version of something learned from the vectors of one space."""

    kind: str
    """`reranker`, `probe` and the like."""
    name: str
    space: str
    version: int
    """1 for the first of its kind, name and space."""
    learned_at: Instant
    document: str
    """JSON of whoever learned it."""


class LearnedThings(Database):
    """The part of the catalog that keeps what was learned."""

    def keep_learned(self, kind: str, name: str, space: str, document: str) -> Learned:
        """Keep a new version, and return it with its number."""
        own = (learned.c.kind == kind, learned.c.name == name, learned.c.space == space)
        with self._writing() as connection:
            latest = connection.scalar(select(func.max(learned.c.version)).where(*own))
            row = {
                "kind": kind,
                "name": name,
                "space": space,
                "version": 1 + (latest or 0),
                "learned_at_us": now_us(),
                "document": document,
            }
            kept = insert(learned).values(row).returning(*learned.c)
            return _learned(connection.execute(kept).one())

    def replace_learned(self, kind: str, space: str, documents: Mapping[str, str]) -> None:
        """Keep documents by name in place of all that was of a kind, in one transaction."""
        same = {"kind": kind, "space": space, "version": 1, "learned_at_us": now_us()}
        rows = [{**same, "name": name, "document": document} for name, document in documents.items()]
        with self._writing() as connection:
            connection.execute(delete(learned).where(learned.c.kind == kind, learned.c.space == space))
            if rows:
                connection.execute(insert(learned), rows)

    def learned(self, kind: str, name: str, space: str, version: int | None = None) -> Learned | None:
        """Return a version, the newest without a number; None where there is none."""
        own = select(learned).where(learned.c.kind == kind, learned.c.name == name, learned.c.space == space)
        if version is not None:
            own = own.where(learned.c.version == version)
        with self._reading() as connection:
            row = connection.execute(own.order_by(learned.c.version.desc()).limit(1)).first()
        return None if row is None else _learned(row)

    def all_learned(self, kind: str, space: str) -> list[Learned]:
        """Return the newest version of every name of a kind, by name."""
        newest = select(func.max(learned.c.pk)).where(learned.c.kind == kind, learned.c.space == space)
        every = select(learned).where(learned.c.pk.in_(newest.group_by(learned.c.name))).order_by(learned.c.name)
        with self._reading() as connection:
            return [_learned(row) for row in connection.execute(every)]

    def forget_learned(self, kind: str, name: str, space: str) -> int:
        """Forget all versions of a name, and return how many there were."""
        own = (learned.c.kind == kind, learned.c.name == name, learned.c.space == space)
        with self._writing() as connection:
            return connection.execute(delete(learned).where(*own)).rowcount


def _learned(row: "Row[tuple[object, ...]]") -> Learned:
    fields = row._asdict()
    return Learned(
        learned_at=from_us(fields["learned_at_us"]),
        **{name: fields[name] for name in ("kind", "name", "space", "version", "document")},
    )
