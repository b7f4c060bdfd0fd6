"""Named scores: the few classes of each window that are worth keeping, with what their place says.

A class that the range model does not expect keeps its score and is marked: whoever counts species leaves it out,
whoever checks can still see it. A class that the range model does not know by its scientific name stays unmarked, and
`taxa_without_range` names it. Synonyms are not bridged: the models name species after different years of the eBird
checklist, and no table of what was renamed comes with them.

The best of a row are found without sorting it, since all but a few of 6,522 classes are thrown away.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import Activation, EmbedderCard, Taxon, TaxonScore, Value
from rab.embedders.scores.activation import Logits, raw_scores
from rab.embedders.scores.species_lists import SpeciesList

Columns = npt.NDArray[np.intp]


class ScorePolicy(Value):
    """Which scores are kept, and how raw scores are made.

    It decides what is stored, so it belongs in the fingerprint of an ingest: a raw score in the catalog is the
    confidence at this sensitivity, and the logit beside it is what the network said.
    """

    sensitivity: float = Field(default=1.0, ge=0.5, le=1.5)
    """Slope of the sigmoid, within BirdNET-Analyzer's bounds; models with a softmax ignore it."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Raw score from which a class counts as detected; None: each model's own."""
    floor: float = Field(default=0.05, ge=0, le=1)
    """Raw scores from here are kept."""
    at_least: int = Field(default=3, ge=0)
    """How many of the best are kept in any case."""
    species: SpeciesList | None = None
    """Classes off this list are not kept; None: every class is."""

    def threshold_for(self, card: EmbedderCard) -> float:
        """Return the raw score from which a class of this model counts as detected."""
        return card.score_threshold if self.threshold is None else self.threshold


def taxon_scores(
    logits: Logits,
    taxa: Sequence[Taxon],
    model: str,
    *,
    floor: float = 0.05,
    at_least: int = 3,
    expected: Sequence[frozenset[str] | None] | None = None,
    ranged: frozenset[str] | None = None,
    activation: Activation = "sigmoid",
    sensitivity: float = 1.0,
    columns: Columns | None = None,
) -> list[tuple[TaxonScore, ...]]:
    """Return each window's scores, best first: all of at least `floor`, and the `at_least` best in any case.

    `logits` is float32 [n, n_classes] with the classes in the order of `taxa`. `expected` holds, for each window, the
    species expected there and then, or None where that is not known. `ranged` are all names that the range model knows
    (`RangeModel.names`): others stay unmarked. Without it, every bird and every class of no stated group is marked.
    `columns`, ascending, are the classes of a species list: no other is kept. Equal logits stand in the order of the
    classes.
    """
    raw = raw_scores(logits, activation, sensitivity)
    classes = np.arange(logits.shape[1]) if columns is None else columns
    if columns is not None:
        logits, raw = logits[:, columns], raw[:, columns]
    places = expected if expected is not None else [None] * len(logits)
    best = _best(logits, raw, floor, at_least)
    return [
        tuple(
            TaxonScore(
                taxon=taxa[classes[column]],
                logit=float(logits[row, column]),
                raw_score=float(raw[row, column]),
                model=model,
                in_range=_in_range(taxa[classes[column]], names, ranged),
            )
            for column in kept
        )
        for (row, kept), names in zip(enumerate(best), places, strict=True)
    ]


def taxa_without_range(taxa: Sequence[Taxon], ranged: frozenset[str]) -> tuple[str, ...]:
    """Return the scientific names of the birds among a model's classes that the range model does not know.

    Classes of no stated group are left out: which of them are birds is not known.
    """
    return tuple(one.scientific_name for one in taxa if one.group == "bird" and one.scientific_name not in ranged)


def week_of(day: date) -> int:
    """Return the week of BirdNET's 48-week year, 1–48: four to a month, the fourth lasting to the month's end."""
    return 4 * (day.month - 1) + min(4, (day.day + 6) // 7)


def _best(logits: Logits, raw: Logits, floor: float, at_least: int) -> list[Columns]:
    """Return each row's kept columns, best first."""
    n_classes = logits.shape[1]
    is_kept = raw >= floor
    n_kept = np.maximum(is_kept.sum(axis=1), at_least)
    if 0 < at_least < n_classes:
        is_kept |= logits >= np.partition(logits, n_classes - at_least, axis=1)[:, n_classes - at_least, None]
    elif at_least:
        is_kept[:] = True
    best = []
    for row, n in enumerate(n_kept):
        kept = np.flatnonzero(is_kept[row])
        best.append(kept[np.argsort(-logits[row, kept], kind="stable")][:n])
    return best


def _in_range(taxon: Taxon, expected: frozenset[str] | None, ranged: frozenset[str] | None) -> bool | None:
    name = taxon.scientific_name
    is_ranged = taxon.group in {None, "bird"} if ranged is None else name in ranged
    return name in expected if expected is not None and is_ranged else None
