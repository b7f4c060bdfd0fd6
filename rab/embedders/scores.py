"""From logits to named scores: the few classes of each window that are worth keeping, with what their place says.

A raw score is the sigmoid of the logit (BirdNET's confidence at sensitivity 1.0). A class that the range model does not
expect keeps its score and is marked: whoever counts species leaves it out, whoever checks can still see it.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from rab.domain import Taxon, TaxonScore

Logits = npt.NDArray[np.float32]


def taxon_scores(
    logits: Logits,
    taxa: Sequence[Taxon],
    model: str,
    *,
    floor: float = 0.05,
    at_least: int = 3,
    expected: Sequence[frozenset[str] | None] | None = None,
) -> list[tuple[TaxonScore, ...]]:
    """Return each window's scores, best first: all of at least `floor`, and the `at_least` best in any case.

    `logits` is float32 [n, n_classes] with the classes in the order of `taxa`. `expected` holds, for each window, the
    species expected there and then, or None where that is not known. Range models know birds alone, so classes of any
    other group stay unmarked. Equal logits stand in the order of the classes.
    """
    raw = raw_scores(logits)
    order = np.argsort(-logits, axis=1, kind="stable")
    n_kept = np.maximum((raw >= floor).sum(axis=1), at_least)
    places = expected if expected is not None else [None] * len(logits)
    return [
        tuple(
            TaxonScore(
                taxon=taxa[column],
                logit=float(logits[row, column]),
                raw_score=float(raw[row, column]),
                model=model,
                in_range=_in_range(taxa[column], names),
            )
            for column in order[row, : n_kept[row]]
        )
        for row, names in zip(range(len(logits)), places, strict=True)
    ]


def raw_scores(logits: Logits) -> Logits:
    """Return the sigmoid of each logit, 0–1, computed so that no logit overflows."""
    return np.exp(-np.logaddexp(np.float32(0), -logits))


def week_of(day: date) -> int:
    """Return the week of BirdNET's 48-week year, 1–48: four to a month, the fourth lasting to the month's end."""
    return 4 * (day.month - 1) + min(4, (day.day + 6) // 7)


def _in_range(taxon: Taxon, expected: frozenset[str] | None) -> bool | None:
    if expected is None or taxon.group not in {None, "bird"}:
        return None
    return taxon.scientific_name in expected
