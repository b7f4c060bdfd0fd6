"""Labels: what people, tables and models say of segments.

A label names its segment by id, so it outlives a segment that is cut anew, and meets it again. A new label makes the
payload beside the vector out of date, which is noted in the same transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, delete, func, select

from rab.catalog.database import Database
from rab.catalog.filters import matching
from rab.catalog.payloads import mark_outdated
from rab.catalog.rows import label_fields, label_of, to_us
from rab.catalog.schema import labels, segments
from rab.catalog.statements import chunks, insert_missing, stream
from rab.domain import Label, LabelSource, SegmentFilter, rejection_of
from rab.errors import NotFound


class Labels(Database):
    """The part of the catalog that knows labels."""

    def add_labels(self, given: Iterable[Label]) -> None:
        """Store labels, all or none; those that are known already change nothing.

        A person who names a taxon takes back having rejected it. Raises `NotFound` for a segment that does not exist.
        """
        with self._writing() as connection:
            for some in chunks(given, _N_AT_ONCE):
                put_labels(connection, some)

    def labels(
        self, space: str, where: SegmentFilter, *, source: LabelSource | None = None
    ) -> Iterator[tuple[str, Label]]:
        """Go through the labels of the matching segments of a space, of one source or of all: (segment id, label).

        They come as they were stored. One snapshot is read for as long as the caller goes on.
        """
        said = select(labels).join(segments, segments.c.id == labels.c.segment_id).where(matching(space, where))
        if source is not None:
            said = said.where(labels.c.source == source)
        with self._reading() as connection:
            for row in stream(connection, said.order_by(labels.c.pk)):
                yield row.segment_id, label_of(row)

    def remove_labels(self, source: LabelSource, provenance: str) -> int:
        """Remove the labels of a source whose provenance begins with these words; return how many there were."""
        begins = func.substr(labels.c.provenance, 1, len(provenance)) == provenance
        chosen = (labels.c.source == source, begins)
        with self._writing() as connection:
            mark_outdated(connection, segments.c.id.in_(select(labels.c.segment_id).where(*chosen)))
            n_removed = connection.execute(delete(labels).where(*chosen)).rowcount
        self._counted.clear()
        return n_removed

    def labels_of(self, ids: Sequence[str]) -> dict[str, tuple[Label, ...]]:
        """Return the labels of those segments that have some, oldest first."""
        with self._reading() as connection:
            found = read_labels(connection, ids)
        return {segment_id: tuple(some) for segment_id, some in found.items()}


_N_AT_ONCE = 1_000


def put_labels(connection: Connection, given: list[Label]) -> None:
    """Write labels of segments that exist, and note whose payloads that leaves behind. Raises `NotFound`."""
    ids = {label.segment_id for label in given}
    known = set(connection.scalars(select(segments.c.id).where(segments.c.id.in_(ids))))
    if missing := sorted(ids - known):
        raise NotFound(f"there is no segment {missing[0]}", hint="`rab segments` lists them")
    for label in given:
        if label.source == "human" and label.kind == "taxon":
            take_back(connection, label, rejection_of(label.taxon))
    connection.execute(insert_missing(connection, labels), [label_fields(label) for label in given])
    mark_outdated(connection, segments.c.id.in_(ids))


def take_back(connection: Connection, said: Label, name: str) -> None:
    """Remove what the author of a label said of its segment before under another name."""
    own = (labels.c.segment_id == said.segment_id, labels.c.source == said.source, labels.c.author == said.author)
    connection.execute(
        delete(labels).where(*own, labels.c.taxon == name, labels.c.labelled_at_us <= to_us(said.labelled_at))
    )


def read_labels(connection: Connection, segment_ids: Iterable[str]) -> dict[str, list[Label]]:
    """Return the labels of segments by their id, oldest first; nothing for those without."""
    found: dict[str, list[Label]] = defaultdict(list)
    for some in chunks(segment_ids):
        given = select(labels).where(labels.c.segment_id.in_(some))
        for row in connection.execute(given.order_by(labels.c.labelled_at_us, labels.c.pk)):
            found[row.segment_id].append(label_of(row))
    return found
