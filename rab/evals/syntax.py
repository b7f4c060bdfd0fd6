"""What the sequences suite asks beside motifs: entropy rates by condition, and whether instances sound alike.

Entropy rates are asked of chains whose rate is known: each of eight symbols is followed by the next one with a chance
p, and by any other alike. Dawn (p = 0.5) and night (p = 0.9) are two conditions of one library. Alignment is asked of
made notes: a motif of three sweeps, sung faster and slower by up to 15 %, in noise, against random notes.
"""

from collections.abc import Sequence as Many
from dataclasses import replace

import numpy as np

from rab.audio.spectrogram import spectrogram
from rab.domain.sequence import EntropyRate, Motif
from rab.evals.base import Instance, Score
from rab.evals.intervals import by_group
from rab.evals.quality_trials import N_INSTANCES, Trial, share
from rab.evals.sounds import RATE_HZ, made
from rab.retrieval.sequences import SequencePolicy, Sequences, agreement, entropy_rate, find_motifs, mel_frames
from rab.retrieval.sequences.alignment import Frames

CONDITIONS = {"dawn": 0.5, "night": 0.9}
_N_SYMBOLS = 8
_N_STEPS = 60
_N_RECORDINGS = 20
_N_INSTANCES = 6
_N_NOTES = 3
_KEPT = SequencePolicy(fold_repeats=False)


def chain_bits(chance: float) -> float:
    """Return the entropy rate of a chain, in bits a step."""
    other = (1 - chance) / (_N_SYMBOLS - 1)
    return float(-(chance * np.log2(chance) + (_N_SYMBOLS - 1) * other * np.log2(other)))


def chains(random: np.random.Generator, conditions: Many[tuple[str, float]]) -> Sequences:
    """Return chains of several conditions, twenty recordings of each."""
    symbols = []
    for _, chance in conditions:
        for _ in range(_N_RECORDINGS):
            by = np.where(random.random(_N_STEPS) < chance, 1, random.integers(2, _N_SYMBOLS + 1, _N_STEPS))
            symbols.append(np.cumsum(by) % _N_SYMBOLS)
    n = len(symbols)
    recording = np.repeat(np.arange(n), _N_STEPS)
    t0_ms = np.tile(3000.0 * np.arange(_N_STEPS), n)
    return Sequences(
        segment_ids=[f"{i:032x}" for i in range(n * _N_STEPS)],
        recording_ids=tuple(f"{i:064x}" for i in range(n)),
        alphabet=tuple(f"c{i}" for i in range(_N_SYMBOLS)),
        groups=tuple(name for name, _ in conditions),
        recording=recording,
        voice=recording,
        channel=np.full(n * _N_STEPS, -1),
        t0_ms=t0_ms,
        t1_ms=t0_ms + 3000,
        symbol=np.concatenate(symbols).astype(np.int64),
        group=recording // _N_RECORDINGS,
        broken=np.zeros(n * _N_STEPS, dtype=bool),
    )


def entropy_scores(seeds: range) -> tuple[tuple[Score, ...], str]:
    """Ask whether rates are right, their intervals hold the truth, and conditions are told apart where they differ."""
    found = [_rates(seed, tuple(CONDITIONS.items())) for seed in seeds]
    alike = [_rates(seed, (("dawn", 0.7), ("night", 0.7))) for seed in seeds]
    held = [
        Trial(
            f"seed {seed}, {name}",
            rates[name].low <= chain_bits(chance) <= rates[name].high,
            f"{_said(rates[name])}, truth {chain_bits(chance):.3f}",
        )
        for seed, rates in zip(seeds, found, strict=True)
        for name, chance in CONDITIONS.items()
    ]
    bias = {
        name: float(np.mean([rates[name].bits for rates in found]) - chain_bits(chance))
        for name, chance in CONDITIONS.items()
    }
    worst = max(bias, key=lambda name: abs(bias[name]))
    errors = [rates[worst].bits - chain_bits(CONDITIONS[worst]) for rates in found]
    far = np.argsort(-np.abs(errors), kind="stable")[:N_INSTANCES]
    low, high = by_group(errors, list(map(str, seeds)), seed=seeds[0], reduce=lambda drawn: abs(float(np.mean(drawn))))
    scores = (
        Score(
            case="entropy_bias_bits",
            value=abs(bias[worst]),
            n=len(found),
            reason=f"mean error at {worst}: {bias[worst]:+.3f} bits a step",
            low=low,
            high=high,
            instances=tuple(
                Instance(name=f"seed {seeds[i]}, {worst}", value=round(errors[i], 6), words=_said(found[i][worst]))
                for i in far.tolist()
            ),
        ),
        share("entropy_covered_share", held, "intervals hold the true rate"),
        share(
            "entropy_apart_share",
            [Trial(f"seed {seed}", _apart(rates), _both(rates)) for seed, rates in zip(seeds, found, strict=True)],
            "libraries have night below dawn",
        ),
        share(
            "entropy_false_share",
            [
                Trial(f"seed {seed}", _apart(rates) or _apart(rates, "dawn"), _both(rates))
                for seed, rates in zip(seeds, alike, strict=True)
            ],
            "equal conditions differ",
            right=False,
        ),
    )
    return scores, _table(found)


def shuffled_score(sequences: Many[Sequences], seed: int) -> Score:
    """Ask whether a motif is still found when the symbols of each recording are shuffled."""
    random = np.random.default_rng(seed)
    reported = []
    for library, own in enumerate(sequences):
        moved = own.symbol.copy()
        for number in np.unique(own.recording):
            here = np.flatnonzero(own.recording == number)
            moved[here] = moved[random.permutation(here)]
        reported.append(motif_trial(f"library {library}", find_motifs(replace(own, symbol=moved)).motifs))
    of_what = "shuffled libraries, each with a motif before, still report one"
    return share("false_share_shuffled", reported, of_what, right=False)


def motif_trial(name: str, motifs: Many[Motif]) -> Trial:
    """Return whether a library reports a motif, with the first of them."""
    first = "" if not motifs else f"{len(motifs)} reported, first {' '.join(motifs[0].symbols)}, {motifs[0].n} times"
    return Trial(name, bool(motifs), first or "none reported")


def alignment_scores(seeds: range) -> tuple[Score, Score]:
    """Ask whether instances of one motif are confirmed to sound alike, and random notes are not."""
    planted: list[Trial] = []
    chance: list[Trial] = []
    for seed in seeds:
        random = np.random.default_rng(seed)
        motif = [_note(random) for _ in range(_N_NOTES)]
        instances = [[_sung(random, note) for note in motif] for _ in range(_N_INSTANCES)]
        others, more = _by_chance(random), _by_chance(random)
        for found, those in ((planted, instances), (chance, more)):
            said = agreement(those, others, seed=seed)
            words = "nothing is said" if said is None else "confirmed" if said.confirmed else "not confirmed"
            found.append(Trial(f"seed {seed}", said is not None and said.confirmed, words))
    return (
        share("alignment_confirmed_share", planted, "planted motifs are confirmed by alignment"),
        share("alignment_false_share", chance, "random sequences are confirmed", right=False),
    )


def _rates(seed: int, conditions: tuple[tuple[str, float], ...]) -> dict[str, EntropyRate]:
    sequences = chains(np.random.default_rng(seed), conditions)
    rates = {name: entropy_rate(own, _KEPT, group=name) for name, own in sequences.by_group().items()}
    return {name: rate for name, rate in rates.items() if rate is not None}


def _apart(rates: dict[str, EntropyRate], lower: str = "night") -> bool:
    """Return whether the whole interval of one condition lies below that of the other."""
    return rates[lower].high < rates["dawn" if lower == "night" else "night"].low


def _said(rate: EntropyRate) -> str:
    return f"{rate.bits:.3f} [{rate.low:.3f}, {rate.high:.3f}] bits a step"


def _both(rates: dict[str, EntropyRate]) -> str:
    return ", ".join(f"{name} {_said(rate)}" for name, rate in rates.items())


def _table(found: Many[dict[str, EntropyRate]]) -> str:
    lines = [
        "Entropy rate by condition, bits a step: truth, mean estimate, mean interval",
        "",
        "| condition | truth | estimate | interval |",
        "|---|---|---|---|",
    ]
    for name, chance in CONDITIONS.items():
        bits, low, high = np.mean([[one[name].bits, one[name].low, one[name].high] for one in found], axis=0)
        lines.append(f"| {name} | {chain_bits(chance):.3f} | {bits:.3f} | [{low:.3f}, {high:.3f}] |")
    return "\n".join(lines)


def _note(random: np.random.Generator) -> tuple[float, float]:
    """Return where a sweep begins and ends, in Hz."""
    return float(random.uniform(1500, 6000)), float(random.uniform(1500, 6000))


def _sung(random: np.random.Generator, note: tuple[float, float]) -> Frames:
    """Return a sweep of about half a second, faster or slower, in noise 20 dB below it."""
    n = round(0.5 * RATE_HZ * float(random.uniform(0.85, 1.15)))
    hz = np.linspace(*note, n)
    sound = np.concatenate(
        [np.zeros(RATE_HZ // 10), np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ), np.zeros(RATE_HZ // 10)]
    )
    return mel_frames(spectrogram(made(sound + 0.07 * random.standard_normal(len(sound)))))


def _by_chance(random: np.random.Generator) -> list[list[Frames]]:
    return [[_sung(random, _note(random)) for _ in range(_N_NOTES)] for _ in range(_N_INSTANCES)]
