"""The splits suite: whether what an evaluation is asked about is held apart from what it may learn from.

A leak makes every figure better, so no gate of another suite can notice it. Here the sounds are made so that a window
tells its group and nothing else: labels are dealt to groups by chance. Whoever leaves the groups out can only guess;
whoever lets a group stand on both sides of a split is nearly always right. What is above chance is the leak.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rab.domain import Recording, SignalQuality
from rab.embedders.base import Embedder
from rab.evals.base import Instance, Score
from rab.evals.intervals import Bounds, by_group, of_share
from rab.evals.labelled import LabelledWindows, unit
from rab.evals.ladder import Mix, Mixed
from rab.evals.retrieval import retrieval_report
from rab.evals.trials import put_to_libraries, put_to_own
from rab.retrieval.calibration.proof import folds
from rab.retrieval.probes import Examples, ProbePolicy, few_shot_curve, train_probe

_N_SETS, _N_LABELS, _N_GROUPS, _N_WINDOWS = 2, 5, 50, 3
_DIM, _N_CLASSES = 32, 8
_MEASURE = "reciprocal_rank"
_SPREAD = 0.3
"""Of windows around their group: the nearest neighbour of nearly every window is of its own group."""
_QUALITY = SignalQuality(
    snr_db=20.0,
    snr_unmeasured=None,
    band_low_hz=1000.0,
    band_high_hz=4000.0,
    noise_floor_dbfs=-60.0,
    peak_dbfs=-20.0,
    clipped_fraction=0.0,
    overlap_fraction=0.0,
    rain=False,
    wind=False,
    silent=False,
)


def run_splits(embedder: Embedder, recordings: Sequence[Recording], *, seed: int) -> tuple[Score, ...]:
    """Answer every case of the suite. Neither the model nor the recordings are asked."""
    windows = windows_of_groups(seed)
    return (
        _retrieval(windows, seed),
        _depth(windows, seed),
        *_probes(windows, seed),
        _calibration(windows, seed),
        _own_folder(windows, seed),
    )


def windows_of_groups(seed: int) -> LabelledWindows:
    """Return windows of two sets that sound like their group; labels are dealt to the groups of a set in turn."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(_N_GROUPS, _DIM))
    group_of = np.repeat(np.arange(_N_GROUPS), _N_WINDOWS)
    n = len(group_of)
    label_of = np.arange(_N_GROUPS) // _N_SETS % _N_LABELS
    times = np.tile(3000.0 * np.arange(_N_WINDOWS), _N_GROUPS)
    names = [f"group {one}" for one in group_of]
    return LabelledWindows(
        vectors=unit(centres[group_of] + _SPREAD * random.normal(size=(n, _DIM))),
        logits=np.full((n, _N_CLASSES), -4.0, np.float32),
        labels=np.array([f"label {label_of[one]}" for one in group_of]),
        groups=np.array(names),
        sets=np.array([f"set {one % _N_SETS}" for one in group_of]),
        recording_ids=np.array([f"recording of {name} {i % 2}" for i, name in enumerate(names)]),
        paths=tuple(Path(f"{name}.wav") for name in names),
        t0_ms=times,
        t1_ms=times + 3000,
        quality=(_QUALITY,) * n,
    )


def _retrieval(windows: LabelledWindows, seed: int) -> Score:
    """Hold the first relevant place against that of vectors that tell nothing at all, in the same splits."""
    random = np.random.default_rng(seed + 1)
    nothing = unit(random.normal(size=windows.vectors.shape))
    found, guessed = (
        retrieval_report(LabelledWindows(**{**windows.__dict__, "vectors": vectors}), seed=seed, trains=False)
        for vectors in (windows.vectors, nothing)
    )
    reached, guess = (one.mean("cosine", _MEASURE) for one in (found, guessed))
    low, high = found.bounds("cosine", _MEASURE)
    return Score(
        case="retrieval_leak",
        value=reached - guess,
        n=len(windows),
        reason=f"mean reciprocal rank {reached:.3f}, and {guess:.3f} of vectors that tell nothing",
        low=None if low is None else low - guess,
        high=None if high is None else high - guess,
        instances=_unheard(found.instances("cosine", _MEASURE)[::-1]),
    )


def _depth(windows: LabelledWindows, seed: int) -> Score:
    """Ask the nearest neighbour in a library of all exemplars, as the depth suite puts it together."""
    at = tuple(Mix(i, None, 20.0) for i in range(len(windows)))
    nobody = windows.select(np.zeros(0, dtype=np.intp))
    trials = put_to_libraries(Mixed(windows, at, 0), windows, Mixed(nobody, (), 0), np.random.default_rng(seed))
    whole = next(one for one in trials if one.library.n_exemplars is None and not one.library.unseen)
    return _above_chance("depth_leak", whole.labels[:, 0] == whole.truth, windows, seed)


def _own_folder(windows: LabelledWindows, seed: int) -> Score:
    trials = put_to_own(windows, windows)
    return _above_chance("own_folder_leak", trials.labels[:, 0] == trials.truth, windows, seed)


def _probes(windows: LabelledWindows, seed: int) -> tuple[Score, Score]:
    """Teach a probe with everything, and with four examples of each label."""
    examples = Examples(windows.vectors, windows.labels.tolist(), windows.groups.tolist())
    policy = ProbePolicy(seed=seed, strengths=(1.0, 100.0), n_bootstrap=200)
    probe = train_probe(
        examples, name="leak", kind="habitat", space="made", taught_with=f"{datetime.now(UTC):%Y}", policy=policy
    )
    whole = Score(case="probe_leak", value=None, n=0, reason="the probe held nothing apart")
    if probe.metrics is not None and probe.metrics.held_out != "segment":
        held = probe.metrics
        whole = _less_chance("probe_leak", held.balanced_accuracy, Bounds(held.low, held.high), held.n_examples)
    few = Score(case="few_shot_leak", value=None, n=0, reason="nothing was held apart")
    for one in few_shot_curve(examples, (4,), policy=policy):
        few = _less_chance("few_shot_leak", one.balanced_accuracy, Bounds(one.low, one.high), one.n_draws)
    return whole, few


def _calibration(windows: LabelledWindows, seed: int) -> Score:
    """Deal groups to folds as calibration does, and count those in two."""
    groups = np.unique(windows.groups, return_inverse=True)[1].astype(np.intp)
    right = np.random.default_rng(seed).random(len(groups)) < 0.5
    dealt = folds(groups, right, 5, seed)
    several = [int(one) for one in np.unique(groups) if len(set(dealt[groups == one].tolist())) > 1]
    low, high = of_share(len(several), _N_GROUPS)
    return Score(
        case="calibration_leak",
        value=len(several) / _N_GROUPS,
        n=_N_GROUPS,
        reason=f"{len(several)} of {_N_GROUPS} groups stand in two folds",
        low=low,
        high=high,
        instances=tuple(Instance(name=f"group {one}", value=1.0, words="stands in two folds") for one in several),
    )


def _above_chance(case: str, right: npt.NDArray[np.bool_], windows: LabelledWindows, seed: int) -> Score:
    bounds = by_group(right.astype(np.float64), windows.groups.tolist(), seed=seed)
    score = _less_chance(case, float(right.mean()), bounds, len(right))
    instances = [windows.instance(int(i), 1.0, "named rightly") for i in np.flatnonzero(right)]
    return score.model_copy(update={"instances": _unheard(instances)[:20]})


def _less_chance(case: str, value: float, bounds: Bounds, n: int) -> Score:
    chance = 1 / _N_LABELS
    return Score(
        case=case,
        value=value - chance,
        n=n,
        reason=f"{value:.3f}, and {chance:.3f} by chance; labels are dealt to groups at random",
        low=None if bounds.low is None else bounds.low - chance,
        high=None if bounds.high is None else bounds.high - chance,
    )


def _unheard(instances: Sequence[Instance]) -> tuple[Instance, ...]:
    """Return instances without a place: these sounds were never made."""
    return tuple(one.model_copy(update={"recording": None, "t0_ms": None, "t1_ms": None}) for one in instances)
