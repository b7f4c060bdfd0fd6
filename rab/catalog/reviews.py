"""Reviews: what people answered to suggestions, and which detections they verified or rejected.

What a review says is kept as labels (a name, a `not` name, or both), in the transaction that keeps the review. Of one
author the newest review of a segment counts: what his earlier reviews named there is taken back, and what they rejected
stands until he names it. Every review that was given stays in the book.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from rab.catalog.aggregates import rows_sha256
from rab.catalog.database import Database
from rab.catalog.filters import detected, matching
from rab.catalog.labels import put_labels, take_back
from rab.catalog.rows import label_of, review_fields, review_of, to_us
from rab.catalog.schema import classes, labels, reviews, segments, taxon_scores
from rab.catalog.statements import chunks, stream
from rab.domain import Label, Review, SegmentFilter, names_in_force, rejected_taxa

_N_EXEMPLARS = 5


@dataclass(frozen=True)
class ReviewCount:
    """How many segments people decided on in one way, with some to listen to and the rows' fingerprint."""

    n_segments: int
    exemplar_ids: tuple[str, ...]
    rows_sha256: str


@dataclass(frozen=True)
class ReviewedTaxon:
    """What people say of a taxon, beside what the model detects.

    A detection that nobody looked at is in none of the three.
    """

    scientific_name: str
    verified: ReviewCount
    """Segments in which the model detects it and a person names it."""
    rejected: ReviewCount
    """Segments in which the model detects it and a person says that it is not there."""
    added: ReviewCount
    """Segments in which a person names it and the model does not detect it."""


class Reviews(Database):
    """The part of the catalog that knows reviews."""

    def add_reviews(self, given: Iterable[Review]) -> int:
        """Store reviews in their order, all or none; return how many said something new.

        One that says the same as the newest by its author on its segment changes nothing; one that is older than that
        is only put into the book. Raises `NotFound` naming a segment that does not exist.
        """
        with self._writing() as connection:
            n_new = sum(_add(connection, review) for review in given)
        self._counted.clear()
        return n_new

    def reviews_of(self, ids: Sequence[str]) -> dict[str, tuple[Review, ...]]:
        """Return every review that was given of those segments that have some, in the order of giving."""
        found: dict[str, list[Review]] = defaultdict(list)
        with self._reading() as connection:
            for some in chunks(ids):
                own = select(reviews).where(reviews.c.segment_id.in_(some)).order_by(reviews.c.pk)
                for row in connection.execute(own):
                    found[row.segment_id].append(review_of(row))
        return {segment_id: tuple(some) for segment_id, some in found.items()}

    def reviewed_taxa(
        self, space: str, where: SegmentFilter, *, n_exemplars: int = _N_EXEMPLARS
    ) -> tuple[ReviewedTaxon, ...]:
        """Count, of each taxon, the matching segments that people decided on; by name.

        Who rejected a name later than somebody gave it counts, and the other way round. Detections are scores at or
        above the model's threshold, of taxa that are not out of range.
        """
        with self._reading() as connection:
            said = _said(connection, space, where)
            found = _detected_in(connection, list(said))
        ways: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for segment_id, some in said.items():
            for taxon in {label.taxon for label in names_in_force(some)}:
                ways[taxon]["verified" if (segment_id, taxon) in found else "added"].append(segment_id)
            for taxon in rejected_taxa(some):
                if (segment_id, taxon) in found:
                    ways[taxon]["rejected"].append(segment_id)
        return tuple(
            ReviewedTaxon(
                taxon, *(_count(taxon, way, ways[taxon][way], n_exemplars) for way in ("verified", "rejected", "added"))
            )
            for taxon in sorted(ways)
        )


def _add(connection: Connection, review: Review) -> int:
    own = (reviews.c.segment_id == review.segment_id, reviews.c.author == review.author)
    newest_first = select(reviews).where(*own).order_by(reviews.c.reviewed_at_us.desc(), reviews.c.pk.desc())
    row = connection.execute(newest_first.limit(1)).first()
    before = None if row is None else review_of(row)
    if before is not None and before.says_as(review):
        return 0
    connection.execute(insert(reviews), review_fields(review))
    if before is None or before.reviewed_at <= review.reviewed_at:
        _take_back_reviews(connection, review)
        for label in review.labels:
            if (taxon := label.rejected_taxon) is not None:
                take_back(connection, label, taxon)
                take_back(connection, label, label.taxon)
        put_labels(connection, list(review.labels))
    return 1


def _take_back_reviews(connection: Connection, review: Review) -> None:
    """Remove the names that earlier reviews of the same author gave to the segment."""
    own = (labels.c.segment_id == review.segment_id, labels.c.source == "human", labels.c.author == review.author)
    earlier = (labels.c.pack_id.is_not(None), labels.c.labelled_at_us <= to_us(review.reviewed_at))
    connection.execute(delete(labels).where(*own, *earlier, labels.c.kind == "taxon"))


def _said(connection: Connection, space: str, where: SegmentFilter) -> dict[str, list[Label]]:
    """Return what people name and reject, by segment, oldest first."""
    human = (labels.c.source == "human", labels.c.kind.in_(("taxon", "rejection")))
    rows = select(labels).join(segments, segments.c.id == labels.c.segment_id).where(matching(space, where), *human)
    said: dict[str, list[Label]] = defaultdict(list)
    for row in stream(connection, rows.order_by(labels.c.segment_id, labels.c.labelled_at_us, labels.c.pk)):
        said[row.segment_id].append(label_of(row))
    return said


def _detected_in(connection: Connection, ids: Sequence[str]) -> set[tuple[str, str]]:
    scored = select(segments.c.id, classes.c.scientific_name).join_from(segments, taxon_scores).join(classes)
    return {
        (segment_id, taxon)
        for some in chunks(ids)
        for segment_id, taxon in connection.execute(scored.where(segments.c.id.in_(some), detected()))
    }


def _count(taxon: str, way: str, ids: Sequence[str], n_exemplars: int) -> ReviewCount:
    in_order = sorted(ids)
    return ReviewCount(len(in_order), tuple(in_order[:n_exemplars]), rows_sha256((one, taxon, way) for one in in_order))
