"""A library's names: which there are, and how often they occur by what people say and by what a model detects.

Counting takes longer than a question may, and what is counted changes only with an ingest or a label. So a count is
kept in memory with the state of the library that it was made in, and made anew when that has changed.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from statistics import median
from typing import Literal, TypeVar, cast

from sqlalchemy import Connection, func, select

from rab.catalog.database import Database
from rab.catalog.filters import detected
from rab.catalog.schema import classes, labels, model_runs, recordings, segments, spaces, taxon_scores
from rab.catalog.statements import chunks

Counted = TypeVar("Counted")
State = tuple[int | None, int | None]
"""What grows with every ingest and every label."""
Named = Literal["site", "habitat", "recording", "model", "taxon", "label"]
"""What a filter speaks of by name; of a recording it is the id, of a taxon the scientific name."""


class Names(Database):
    """The part of the catalog that knows names."""

    def names(self, of: Named, among: Sequence[str] | None = None) -> list[str]:
        """Return the names that the library has, sorted: all, or those that stand among the given ones."""
        column = _NAMES[of]
        every = select(column).where(column.is_not(None)).distinct()
        some = [every] if among is None else [every.where(column.in_(part)) for part in chunks(among)]
        with self._reading() as connection:
            return sorted({name for one in some for name in connection.scalars(one)})

    def common_names(self) -> set[tuple[str, str]]:
        """Return (common name, scientific name) of all that a classifier ever gave a score to."""
        with self._reading() as connection:
            rows = connection.execute(select(classes.c.common_name, classes.c.scientific_name))
            return {(common, scientific) for common, scientific in rows}

    def exemplars_per_name(self, space: str) -> float | None:
        """Return how many segments of a space a typical name has: the median over its names; None without any.

        A segment counts for each taxon that a person or a table gives it, and for each that is detected in it.
        """
        with self._reading() as connection:
            own: int | None = connection.scalar(select(spaces.c.pk).where(spaces.c.space == space))
            state = library_state(connection, own)
            return self._while_unchanged(state, ("exemplars", space), lambda: _exemplars_per_name(connection, space))

    def _while_unchanged(self, state: State, key: Hashable, count: Callable[[], Counted]) -> Counted:
        """Return what was counted before, if nothing was taken into the space or labelled since; else count."""
        kept = self._counted.get(key)
        if kept is None or kept[0] != state:
            if len(self._counted) >= _N_KEPT:
                self._counted.clear()
            kept = self._counted[key] = state, count()
        return cast("Counted", kept[1])


_NAMES = {
    "site": recordings.c.site,
    "habitat": recordings.c.habitat,
    "recording": recordings.c.id,
    "model": spaces.c.model,
    "taxon": classes.c.scientific_name,
    "label": labels.c.taxon,
}
_N_KEPT = 4096


def library_state(connection: Connection, space_pk: int | None) -> State:
    """Return what grows with every ingest and every label. Whoever removes labels empties what was counted."""
    own = model_runs.c.space_pk == space_pk
    newest_run = select(func.max(model_runs.c.committed_at_us)).where(own).scalar_subquery()
    newest_label = select(func.max(labels.c.pk)).scalar_subquery()
    committed_at_us, label_pk = connection.execute(select(newest_run, newest_label)).one()
    return committed_at_us, label_pk


def _exemplars_per_name(connection: Connection, space: str) -> float | None:
    found: Counter[str] = Counter()
    own = segments.join(spaces).join(labels, labels.c.segment_id == segments.c.id)
    said = select(labels.c.taxon, func.count(labels.c.segment_id.distinct())).select_from(own)
    said = said.where(spaces.c.space == space, labels.c.source != "model", labels.c.kind == "taxon")
    found.update(dict(connection.execute(said.group_by(labels.c.taxon)).all()))
    model = select(spaces.c.model).where(spaces.c.space == space).scalar_subquery()
    heard = select(classes.c.scientific_name, func.count()).select_from(taxon_scores.join(classes))
    heard = heard.where(classes.c.model == model, detected())
    for name, n in connection.execute(heard.group_by(classes.c.scientific_name)):
        found[name] += n
    return float(median(found.values())) if found else None
