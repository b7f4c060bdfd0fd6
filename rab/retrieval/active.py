"""Which calls to listen to first: those that the labels at hand decide least, and not ten of one kind.

A label teaches most where the decision is closest: where the nearest labelled call is just about near enough, or where
two names are about equally near. The closest calls of a library often sound alike, so they are taken in turns, one of
each cluster before a second of any.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

Margins = npt.NDArray[np.float64]


def similarity_margins(
    vectors: npt.NDArray[np.float32],
    labelled: npt.NDArray[np.float32],
    names: Sequence[str],
    near_similarity: float,
) -> Margins:
    """Return how far each call is from the nearest decision, float64 [n] in units of cosine; small is undecided.

    `vectors` [n, dim] and `labelled` [m, dim] are unit rows, `names` [m] those of the labelled calls, one at least. The
    margin is the smaller of two: the distance of the best cosine from `near_similarity`, and from the best of another
    name (multi-class margin sampling, Scheffer and others 2001).
    """
    cosines = vectors @ labelled.T
    taxa = sorted(set(names))
    of_taxon = np.array([taxa.index(name) for name in names])
    best = np.stack([cosines[:, of_taxon == at].max(axis=1) for at in range(len(taxa))], axis=1).astype(np.float64)
    highest = np.sort(best, axis=1)[:, ::-1]
    margins = np.abs(highest[:, 0] - near_similarity)
    return np.asarray(np.minimum(margins, highest[:, 0] - highest[:, 1]) if len(taxa) > 1 else margins)


def score_margin(raw_scores: Sequence[float], candidate_score: float) -> float:
    """Return the same for a call in a library without labels: by the raw scores of a classifier."""
    first, second = [*sorted(raw_scores, reverse=True), 0.0, 0.0][:2]
    return min(abs(first - candidate_score), first - second)


def in_turns(margins: Sequence[float], groups: Sequence[Hashable]) -> list[int]:
    """Return the places of calls by margin, smallest first, one of each group before a second of any; ties by place."""
    taken: dict[Hashable, int] = defaultdict(int)
    turns = []
    for place in sorted(range(len(margins)), key=lambda one: (margins[one], one)):
        turns.append((taken[groups[place]], margins[place], place))
        taken[groups[place]] += 1
    return [place for _, _, place in sorted(turns)]


def frequent_first(groups: Sequence[Hashable | None]) -> list[int]:
    """Return the places of calls with those of the largest group first; within one in their order, None at the end."""
    sizes: dict[Hashable | None, int] = defaultdict(int)
    for group in groups:
        sizes[group] += 1
    first = {group: place for place, group in reversed(list(enumerate(groups)))}
    key = lambda place: (groups[place] is None, -sizes[groups[place]], first[groups[place]], place)  # noqa: E731
    return sorted(range(len(groups)), key=key)
