"""The splits suite: whether what an evaluation is asked about is held apart from what it may learn from.

A leak makes every figure better, so no gate of another suite can notice it. Here the sounds are made so that a window
tells its group and nothing else: labels are dealt to groups by chance. Whoever leaves the groups out can only guess;
whoever lets a group stand on both sides of a split is nearly always right. What is above chance is the leak.

The sounds are written to a folder and come back the way that a user's do: by a manifest, by a table with a group column
of its own, by sub-folders. What learns from groups in ways that no chord can tell (the reranker's few weights, a
calibration's curve) is asked another way: when all that a group says is turned round, nothing may change in what is
said of that group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.domain import Recording
from rab.embedders.base import Embedder
from rab.evals import calibration, retrieval
from rab.evals.base import Instance, Score
from rab.evals.intervals import Bounds, by_group, of_share
from rab.evals.labelled import LabelledFile, LabelledWindows, labelled_files, labelled_windows, unit
from rab.evals.ladder import Mix, Mixed
from rab.evals.own_labels import Source, own_windows, read_folder
from rab.evals.probes import asked_of
from rab.evals.split_sounds import GROUP_COLUMN, N_LABELS, TABLE, GroupEar, write_made
from rab.evals.trials import put_to_libraries, put_to_own
from rab.retrieval.calibration import CalibrationPolicy
from rab.retrieval.calibration.proof import folds
from rab.retrieval.probes import Examples, ProbePolicy, few_shot_curve, train_probe
from rab.retrieval.rerank.held_out import left_out

_MEASURE = "reciprocal_rank"
_N_FOLDS = 5
_N_TURNED = 2
"""Groups of which it is tried what their own word changes."""
_N_RERANKED = 14
"""Groups whose windows teach a reranker: enough for five folds, few enough to teach it fifteen times."""


class _Read(NamedTuple):
    """The made recordings as they were read: by manifest, by a table of the user's, and by sub-folders."""

    files: tuple[LabelledFile, ...]
    windows: LabelledWindows
    table: LabelledWindows
    folders: LabelledWindows
    misread: Score


def run_splits(embedder: Embedder, recordings: Sequence[Recording], *, seed: int) -> tuple[Score, ...]:
    """Answer every case of the suite. Of the model its card alone is used; the recordings are not asked."""
    ear = GroupEar(embedder)
    with TemporaryDirectory() as folder:
        read = _read(Path(folder).resolve(), ear, seed)
    windows = read.windows
    names = tuple(taxon.scientific_name for taxon in ear.taxa)
    return (
        read.misread,
        _retrieval(windows, seed),
        _reranker(windows, seed),
        _depth(windows, seed),
        *_probes(windows, seed),
        _probe_questions(windows, read.files),
        *_calibration(windows, names, seed),
        _near(windows, seed),
        _own_folder("own_folder_leak", read.table, seed),
        _own_folder("sub_folder_leak", read.folders, seed),
    )


def _read(folder: Path, ear: GroupEar, seed: int) -> _Read:
    """Write the made recordings, and read them in every way; the table by its own group column."""
    made, cache = write_made(folder, ear.card, seed), folder / "cache"
    files = labelled_files(made.described)
    windows = labelled_windows(files, ear, cache=cache)
    by_column = Source(labels=TABLE, group_column=GROUP_COLUMN)
    table = own_windows(read_folder(made.described, by_column), ear, cache).windows
    folders = labelled_windows(labelled_files(made.sorted), ear, cache=cache)
    ways = {
        "MANIFEST.csv": windows,
        f"{TABLE}, column {GROUP_COLUMN}": table,
        "MANIFEST.csv of a user's folder": own_windows(read_folder(made.described, Source()), ear, cache).windows,
        "sub-folders": folders,
        "sub-folders of a user": own_windows(read_folder(made.sorted, Source()), ear, cache).windows,
    }
    return _Read(files, windows, table, folders, _misread(ways, made.group_of))


def _misread(ways: Mapping[str, LabelledWindows], group_of: Mapping[Path, str]) -> Score:
    """Count the windows that share a written group with others and are not held with exactly those."""
    shares: dict[str, float] = {}
    instances = []
    for way, windows in ways.items():
        written = np.array([group_of[path] for path in windows.paths])
        together = written[:, None] == written[None, :]
        wrong = ((windows.groups[:, None] == windows.groups[None, :]) != together).any(axis=1)
        shares[way] = float(wrong.mean())
        instances += [
            Instance(name=f"{way}: {_named(windows, i)}", value=1.0, words=f"read as of group {windows.groups[i]}")
            for i in np.flatnonzero(wrong).tolist()[:20]
        ]
    worst = max(shares, key=shares.__getitem__)
    n = sum(map(len, ways.values()))
    low, high = of_share(round(shares[worst] * len(ways[worst])), len(ways[worst]))
    said = ", ".join(f"{way} {share:.3f}" for way, share in shares.items() if share)
    reason = f"groups are not those that stand in {said}" if said else f"read in {len(ways)} ways"
    return Score(
        case="groups_misread", value=shares[worst], n=n, reason=reason, low=low, high=high, instances=tuple(instances)
    )


def _retrieval(windows: LabelledWindows, seed: int) -> Score:
    """Hold the first relevant place against that of vectors that tell nothing at all, in the same splits."""
    random = np.random.default_rng(seed + 1)
    nothing = unit(random.normal(size=windows.vectors.shape))
    found, guessed = (
        retrieval.retrieval_report(replace(windows, vectors=vectors), seed=seed, trains=False)
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
        instances=tuple(
            Instance(name=_named(windows, at), value=float(value), words="reciprocal rank of the first of its label")
            for name in found.ranked
            for at, value in zip(found.at[name], found.values(name, "cosine", _MEASURE), strict=True)
            if value == 1
        ),
    )


def _reranker(windows: LabelledWindows, seed: int) -> Score:
    """Turn round what a group says of its candidates: the reranker that ranks the group must not have heard it."""
    chosen = list(dict.fromkeys(windows.groups.tolist()))[:_N_RERANKED]
    some = windows.select(np.isin(windows.groups, chosen))
    asked = retrieval.queries(some)
    examples = [one.example for one in asked]
    ranked = left_out(examples, "labels", retrieval.TODAY, seed=seed)
    groups = np.array([_written(some, one.at) for one in asked])
    turned = np.unique(groups)[:_N_TURNED]
    changed = [retrieval.own_word(examples, groups == group, ranked, seed=seed) for group in turned]
    n, at = int(np.isin(groups, turned).sum()), [asked[i].at for one in changed for i in one.tolist()]
    return _hanging("reranker_leak", [_named(some, i) for i in at], n)


def _depth(windows: LabelledWindows, seed: int) -> Score:
    """Ask the nearest neighbour in a library of all exemplars, as the depth suite puts it together."""
    at = tuple(Mix(i, None, 20.0) for i in range(len(windows)))
    nobody = windows.select(np.zeros(0, dtype=np.intp))
    trials = put_to_libraries(Mixed(windows, at, 0), windows, Mixed(nobody, (), 0), np.random.default_rng(seed))
    whole = next(one for one in trials if one.library.n_exemplars is None and not one.library.unseen)
    return _above_chance("depth_leak", whole.labels[:, 0] == whole.truth, windows, seed)


def _probes(windows: LabelledWindows, seed: int) -> tuple[Score, Score]:
    """Teach a probe with everything, and with eight examples of each label."""
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
    for one in few_shot_curve(examples, (8,), policy=policy):
        few = _less_chance("few_shot_leak", one.balanced_accuracy, Bounds(one.low, one.high), one.n_draws)
    return whole, few


def _probe_questions(windows: LabelledWindows, files: Sequence[LabelledFile]) -> Score:
    """Ask what the probes suite makes of the same folder: its questions, its groups, its longest learning curve."""
    case = "probe_questions_leak"
    shots = [(one, one.shots[-1]) for one in asked_of(windows, files) if one.shots]
    if not shots:
        return Score(case=case, value=None, n=0, reason="the probes suite found no question")
    question, shot = max(shots, key=lambda pair: pair[1].accuracy)
    return _less_chance(case, shot.accuracy, shot.bounds, len(question.examples.names))


def _calibration(windows: LabelledWindows, names: Sequence[str], seed: int) -> tuple[Score, Score]:
    """Deal answers to folds and teach curves as the calibration suite does, by groups as they were made."""
    policy = CalibrationPolicy(seed=seed, max_ece=1.0)
    asked = calibration.Asked.of([windows], names, windows.snr_db)
    written = np.array([_written(windows, at) for at in asked.clips.tolist()])
    dealt = folds(asked.answers.groups, asked.answers.right, _N_FOLDS, seed)
    several = [group for group in np.unique(written) if len(set(dealt[written == group].tolist())) > 1]
    n_groups = len(np.unique(written))
    low, high = of_share(len(several), n_groups)
    split = Score(
        case="calibration_leak",
        value=len(several) / n_groups,
        n=n_groups,
        reason=f"{len(several)} of {n_groups} groups stand in two folds",
        low=low,
        high=high,
        instances=tuple(Instance(name=str(one), value=1.0, words="stands in two folds") for one in several),
    )
    told = calibration.foretold(asked, policy)
    if not told.given.any():
        return split, Score(case="curve_leak", value=None, n=0, reason="no curve was learned")
    turned = [group for group in np.unique(written) if len(set(asked.answers.right[written == group].tolist())) > 1]
    turned = [group for group in turned if told.given[written == group].any()][:_N_TURNED]
    changed = [calibration.own_word(asked, told, written == group, policy) for group in turned]
    at = [i for one in changed for i in np.flatnonzero(one).tolist()]
    n = int((np.isin(written, turned) & told.given).sum())
    return split, _hanging("curve_leak", [f"{_named(windows, int(asked.clips[i]))}, answer {i}" for i in at], n)


def _near(windows: LabelledWindows, seed: int) -> Score:
    """Hold calls of the label that are near against strangers that are as near: by chance they are as many."""
    bands = calibration.near(windows, CalibrationPolicy(seed=seed))
    if not bands:
        return Score(case="near_leak", value=None, n=0, reason="no band has recordings enough")
    worst = max(bands, key=lambda one: one.coverage - one.foreign_share)
    return Score(
        case="near_leak",
        value=worst.coverage - worst.foreign_share,
        n=worst.n_calls,
        reason=f"{worst.coverage:.3f} of the calls are near one of their label, {worst.foreign_share:.3f} a stranger",
        low=worst.coverage_low - worst.foreign_share,
        high=worst.coverage_high - worst.foreign_share,
    )


def _own_folder(case: str, windows: LabelledWindows, seed: int) -> Score:
    trials = put_to_own(windows, windows)
    return _above_chance(case, trials.labels[:, 0] == trials.truth, windows, seed)


def _hanging(case: str, names: Sequence[str], n: int) -> Score:
    """Score what hangs on what its own group says."""
    low, high = of_share(len(names), n)
    return Score(
        case=case,
        value=len(names) / n if n else None,
        n=n,
        reason=f"{len(names)} of {n} answers to {_N_TURNED} groups hang on what the groups themselves say",
        low=low,
        high=high,
        instances=tuple(Instance(name=name, value=1.0, words="hangs on its own group's word") for name in names),
    )


def _above_chance(case: str, right: npt.NDArray[np.bool_], windows: LabelledWindows, seed: int) -> Score:
    written = [_written(windows, i) for i in range(len(windows))]
    score = _less_chance(case, float(right.mean()), by_group(right.astype(np.float64), written, seed=seed), len(right))
    instances = [
        Instance(name=_named(windows, i), value=1.0, words="named rightly") for i in np.flatnonzero(right).tolist()
    ]
    return score.model_copy(update={"instances": tuple(instances[:20])})


def _less_chance(case: str, value: float, bounds: Bounds, n: int) -> Score:
    chance = 1 / N_LABELS
    return Score(
        case=case,
        value=value - chance,
        n=n,
        reason=f"{value:.3f}, and {chance:.3f} by chance; labels are dealt to groups at random",
        low=None if bounds.low is None else bounds.low - chance,
        high=None if bounds.high is None else bounds.high - chance,
    )


def _written(windows: LabelledWindows, at: int) -> str:
    """Return the group that a window was made of, by its recording's name: `group 7 a.wav` is of group 7."""
    return " ".join(windows.paths[at].stem.split(" ")[:2])


def _named(windows: LabelledWindows, at: int) -> str:
    """Name a window of a sound that nobody can hear any more."""
    return f"{windows.paths[at].stem}, {windows.labels[at]}, {windows.t0_ms[at] / 1000:g} s"
