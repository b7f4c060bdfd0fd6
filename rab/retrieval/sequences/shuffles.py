"""Shuffles: what the same sounds would do in another order. Times and gaps stay where they are; symbols move.

Symbols move within their recording alone, so what differs between recordings (who lives there, the hour) never counts
as sequence. Three ways, and in each the composition of every recording stays:

- Free: every order is as likely.
- Apart: no symbol may follow itself across a link, as in sequences whose repeats are folded; a free shuffle would put
  half of its steps into repeats that cannot be, and any real sequence would beat it. Drawn by a chain of random swaps
  (Metropolis; Besag & Clifford 1989, Biometrika 76:633–642): positions that are no neighbours of each other are
  paired within recordings, neighbours change places as well, and each swap is made unless a repeat would come of it.
- Transitions: pieces between two occurrences of a symbol change places, so each recording keeps how often every
  symbol follows every other (after Altschul & Erickson 1985, Mol. Biol. Evol. 2:526–538). What beats this is more
  than pairs.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from rab.retrieval.sequences.edges import Mask, Sequences, Whole

Null = Literal["composition", "transitions"]

_BURN_IN = 30
_SWEEPS = 5
"""Between two shuffles; each sweep offers a third of the steps a swap."""
_PIECES = 4
"""Symbols at which pieces are cut between two shuffles."""


def shuffles(
    steps: Sequences, linked: Mask, n: int, *, null: Null = "composition", apart: bool = False, seed: int = 0
) -> Iterator[Whole]:
    """Yield n shuffles of the symbols [n_steps]. `linked` [n_steps − 1] tells which steps follow each other."""
    random = np.random.default_rng(seed)
    if null == "transitions":
        return _by_pieces(steps, n, random)
    return _apart(steps, linked, n, random) if apart else _free(steps, n, random)


def _free(steps: Sequences, n: int, random: np.random.Generator) -> Iterator[Whole]:
    """Sort words of recording, chance and symbol: one sort of whole numbers is a third of the cost of an `argsort`."""
    symbol_bits = max(1, int(steps.symbol.max(initial=0)).bit_length())
    recording_bits = max(1, int(steps.recording.max(initial=0)).bit_length())
    chance_bits = 64 - symbol_bits - recording_bits
    own = (
        (steps.recording.astype(np.uint64) << np.uint64(64 - recording_bits)) if len(steps) else np.zeros(0, np.uint64)
    )
    own = own | steps.symbol.astype(np.uint64)
    for _ in range(n):
        words = random.integers(0, 1 << chance_bits, len(steps), dtype=np.uint64) << np.uint64(symbol_bits)
        words |= own
        words.sort()
        yield (words & np.uint64((1 << symbol_bits) - 1)).astype(np.int64)


def _apart(steps: Sequences, linked: Mask, n: int, random: np.random.Generator) -> Iterator[Whole]:
    symbol = steps.symbol.copy()
    for number in range(n):
        for _ in range(_SWEEPS if number else _BURN_IN):
            _sweep(symbol, steps.recording, linked, random)
            _swap_neighbours(symbol, steps.recording, linked, random)
        yield symbol


def _sweep(symbol: Whole, recording: Whole, linked: Mask, random: np.random.Generator) -> None:
    """Swap symbols between positions that are no neighbours of each other, in place."""
    chance = random.random(len(symbol))
    peak = np.ones(len(symbol), dtype=bool)
    peak[1:] &= chance[1:] > chance[:-1]
    peak[:-1] &= chance[:-1] > chance[1:]
    chosen = np.flatnonzero(peak)
    chosen = chosen[np.argsort(recording[chosen] + random.random(len(chosen)))]
    pairs = chosen[random.integers(2) :]
    pairs = pairs[: len(pairs) // 2 * 2].reshape(-1, 2)
    here, there = pairs[recording[pairs[:, 0]] == recording[pairs[:, 1]]].T
    fits = _fits(symbol, linked, here, symbol[there]) & _fits(symbol, linked, there, symbol[here])
    here, there = here[fits], there[fits]
    symbol[here], symbol[there] = symbol[there], symbol[here]


def _swap_neighbours(symbol: Whole, recording: Whole, linked: Mask, random: np.random.Generator) -> None:
    """Swap half of every third pair of neighbours, in place; without it, two steps would keep their order for ever."""
    here = np.arange(random.integers(3), len(symbol) - 1, 3)
    here = here[(random.random(len(here)) < 0.5) & (recording[here] == recording[here + 1])]
    before, behind = np.maximum(here - 1, 0), np.minimum(here + 2, len(symbol) - 1)
    bound = np.concatenate([[False], linked, [False]])  # whether a step follows the one before it
    repeats = bound[here] & (symbol[before] == symbol[here + 1]) | bound[here + 2] & (symbol[behind] == symbol[here])
    here = here[~repeats]
    symbol[here], symbol[here + 1] = symbol[here + 1], symbol[here]


def _fits(symbol: Whole, linked: Mask, places: Whole, put: Whole) -> Mask:
    before, behind = np.maximum(places - 1, 0), np.minimum(places + 1, len(symbol) - 1)
    follows = np.concatenate([[False], linked])[places]
    is_followed = np.concatenate([linked, [False]])[places]
    return np.asarray(~(follows & (symbol[before] == put)) & ~(is_followed & (symbol[behind] == put)))


def _by_pieces(steps: Sequences, n: int, random: np.random.Generator) -> Iterator[Whole]:
    symbol = steps.symbol.copy()
    starts = np.searchsorted(steps.recording, steps.recording)
    for _ in range(n):
        for cut in random.choice(symbol, _PIECES) if len(symbol) else ():
            symbol = _pieces_moved(symbol, steps.recording, starts, int(cut), random)
        yield symbol


def _pieces_moved(symbol: Whole, recording: Whole, starts: Whole, cut: int, random: np.random.Generator) -> Whole:
    """Return the symbols with the pieces that follow each occurrence of `cut` shuffled within recordings.

    What comes before the first occurrence stays first, and what comes after the last stays last.
    """
    n_cuts = np.concatenate([[0], np.cumsum(symbol == cut)])
    piece = n_cuts[:-1] - n_cuts[starts]  # cuts before this step, in its recording: each piece ends with the cut
    n_own = np.bincount(recording, symbol == cut)[recording]
    number = np.concatenate([[0], np.cumsum((np.diff(piece) != 0) | (np.diff(recording) != 0))])
    chance = random.random(int(number[-1]) + 1)[number]
    place = np.where(piece == 0, -1.0, np.where(piece == n_own, 2.0, chance))
    return np.asarray(symbol[np.lexsort((place, recording))])
