"""The depth suite asks its questions of any labelled folder, and notices a policy that was broken."""

import shutil
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from scipy.io import wavfile

from rab.cli import rab
from rab.domain import DepthDecision, EmbeddedBatch, EmbedderCard, SignalQuality, Taxon
from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.base import EvalRun, judge
from rab.evals.labelled import labelled_files
from rab.evals.risk import aurc, calibration_error, draws
from rab.evals.run import run_suite
from rab.evals.suites import read_suite
from rab.retrieval.depth import DepthPolicy, Vote, depth

RATE_HZ = 48_000
SPECIES_HZ = {"finch": 2000.0, "owl": 700.0, "wren": 5000.0, "warbler": 3500.0}


class Bands:
    """A small model that hears the level of 40 bands: calls at other pitches lie apart, and noise lies over all."""

    def __init__(self, like: Embedder) -> None:
        self.card: EmbedderCard = like.card.model_copy(update={"name": "bands", "dim": 40, "n_classes": 1})
        self.taxa: tuple[Taxon, ...] = like.taxa[:1]

    def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
        """Return log levels between 300 Hz and 9 kHz, less their mean."""
        power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
        edges = np.geomspace(300, 9000, 41) * windows.shape[1] / self.card.sample_rate_hz
        sums = np.stack([power[:, int(a) : int(b) + 1].sum(axis=1) for a, b in pairwise(edges)])
        levels = np.log(sums + 1e-9).T
        levels -= levels.mean(axis=1, keepdims=True)
        return EmbeddedBatch(levels.astype(np.float32), np.zeros((len(windows), 1), np.float32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of four species, five recordings each, and of rain."""
    root = tmp_path_factory.mktemp("labelled")
    drawn = np.random.default_rng(4)
    t_s = np.arange(3 * RATE_HZ) / RATE_HZ
    for name, low_hz in SPECIES_HZ.items():
        for number in range(5):
            within_s = t_s % drawn.uniform(0.4, 0.7)
            pitch_hz = low_hz * drawn.uniform(0.93, 1.07)
            call = np.sin(2 * np.pi * pitch_hz * (within_s + within_s**2)) * (within_s < 0.25)
            write(root / name / f"{number}.wav", 0.4 * call + 0.001 * drawn.standard_normal(len(t_s)))
    for number in range(6):
        write(root / "rain" / f"{number}.wav", 0.1 * drawn.standard_normal(len(t_s)))
    return root


def write(path: Path, sound: npt.NDArray[np.float64]) -> None:
    path.parent.mkdir(exist_ok=True)
    wavfile.write(path, RATE_HZ, (32_767 * sound.clip(-1, 1)).astype(np.int16))


@pytest.fixture(scope="module")
def bands(birdnet: Embedder) -> Embedder:
    return Bands(birdnet)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def run(bands: Embedder, folder: Path, cache: Path) -> EvalRun:
    return run_suite("depth", bands, [folder], cache=cache)


def values(run: EvalRun) -> dict[str, float | None]:
    return {score.case: score.value for score in run.scores}


def failures(run: EvalRun) -> set[str]:
    return {verdict.case for verdict in judge(run, read_suite("depth"), None) if not verdict.passed}


def test_every_case_is_asked(run: EvalRun) -> None:
    """The suite's data and its code name the same cases, and each has an answer."""
    assert [score.case for score in run.scores] == [case.name for case in read_suite("depth").cases]
    assert None not in values(run).values()


def test_every_score_opens_to_what_it_rests_on(run: EvalRun) -> None:
    """Each case names votes or calls, each once, which can be heard; the surest wrong votes come first."""
    for score in run.scores:
        assert 0 < len(score.instances) <= 50
        assert len(score.instances) == len({one.name for one in score.instances})
        assert all(Path(one.recording or "").is_file() and one.words for one in score.instances)
    wrong = next(one for one in run.scores if one.case == "aurc_ratio").instances
    assert all(one.words.startswith("wrong, ") for one in wrong)
    assert sorted((one.value or 0 for one in wrong), reverse=True) == [one.value for one in wrong]


def test_tables_hold_every_rung_and_way_to_vote(run: EvalRun) -> None:
    """The tables compare the fixed depths with the policy, rung by rung, and tell the error of the measured SNR."""
    ways, rungs, sizes, measured = run.tables
    assert all(f"| k = {k} |" in ways for k in (1, 3, 5, 10, 15, 20, 30, 50))
    assert "| policy, fitted elsewhere |" in ways
    for rung in ("-20", "-5", "0", "10", "30"):
        assert f"\n| {rung} |" in rungs
        assert f"\n| {rung} |" in measured
    assert "\n| all |" in sizes


def test_run_repeats_itself(run: EvalRun, bands: Embedder, folder: Path, cache: Path) -> None:
    """The same folder and seed give the same scores, from the cache as without it."""
    assert run_suite("depth", bands, [folder], cache=cache).scores == run.scores


def test_fixed_depth_is_noticed(bands: Embedder, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A depth that no longer follows the signal fails the case that asks for it."""

    def fixed(quality: SignalQuality, policy: DepthPolicy) -> DepthDecision:
        return depth(quality, policy).model_copy(update={"k": 10})

    for module in ("rab.evals.depth", "rab.evals.depth_cases"):
        monkeypatch.setattr(sys.modules[module], "depth", fixed)
    assert "depth_growth" in failures(run_suite("depth", bands, [folder], cache=cache))


def test_boasting_is_noticed(bands: Embedder, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vote that is always sure is badly calibrated, and claims what the library cannot know."""

    def sure(labels: Sequence[str | None], *_: object, **__: object) -> Vote:
        named = [label for label in labels if label is not None]
        return Vote(label=named[0] if named else None, share=1, confidence=1, n_kept=len(labels))

    monkeypatch.setattr(sys.modules["rab.evals.depth"], "vote", sure)
    broken = failures(run_suite("depth", bands, [folder], cache=cache))
    assert {"calibration_error", "unseen_claim_share", "claim_precision"} <= broken


def test_one_label_is_refused(bands: Embedder, folder: Path, tmp_path: Path) -> None:
    """A folder with one species has nothing to tell apart, and the suite says what it needs."""
    shutil.copytree(folder / "finch", tmp_path / "finch")
    with pytest.raises(InputError, match="two labels") as caught:
        run_suite("depth", bands, [tmp_path])
    assert "MANIFEST.csv" in caught.value.hint


def test_command_without_labels_is_a_wrong_input(folder: Path, models_dir: Path, tmp_path: Path) -> None:
    """`rab eval run depth` on recordings that nobody labelled ends with exit code 2 and the next step."""
    (tmp_path / "a.wav").write_bytes((folder / "owl" / "0.wav").read_bytes())
    result = CliRunner().invoke(
        rab, ["eval", "run", "depth", "--data", str(tmp_path)], env={"RAB_MODELS_DIR": str(models_dir)}
    )
    assert isinstance(result.exception, InputError)
    assert (result.exception.exit_code, "no labelled recordings" in result.exception.message) == (2, True)


def test_command_takes_no_samples_for_labels() -> None:
    """Without --data nothing is taken for labelled: the samples' folders are named for where they come from."""
    result = CliRunner().invoke(rab, ["eval", "run", "depth"])
    assert isinstance(result.exception, InputError)
    assert (result.exception.exit_code, "--data" in result.exception.hint) == (2, True)


def test_aurc_of_known_votes() -> None:
    """Sure right votes before unsure wrong ones cost little, the other way round much; ties share their error."""
    right = np.array([True, True, False, False])
    once = np.ones((1, 4))
    assert aurc(np.array([0.9, 0.8, 0.2, 0.1]), right, once)[0] == pytest.approx((0 + 0 + 1 / 3 + 2 / 4) / 4)
    assert aurc(np.array([0.1, 0.2, 0.8, 0.9]), right, once)[0] == pytest.approx((1 + 1 + 2 / 3 + 2 / 4) / 4)
    assert aurc(np.full(4, 0.5), right, once)[0] == pytest.approx(0.5)


def test_aurc_counts_what_is_drawn() -> None:
    """A vote that is drawn twice counts twice, and one that is not drawn does not count."""
    found = aurc(np.array([0.9, 0.5, 0.1]), np.array([True, False, True]), np.array([[1.0, 2.0, 0.0]]))
    assert found[0] == pytest.approx((1 * 0 + 2 * (2 / 3)) / 3)


def test_calibration_error_of_known_votes() -> None:
    """Votes of confidence 0.8 that are right 6 times in 10 are 0.2 off."""
    assert calibration_error(np.full(10, 0.8), np.arange(10) < 6) == pytest.approx(0.2)


def test_draws_take_whole_groups() -> None:
    """A bootstrap draws recordists, not windows; the first row counts every query once."""
    groups = np.array(["a", "a", "b", "c"])
    drawn = draws(groups, np.ones(4, dtype=bool), 1)
    assert drawn[0].tolist() == [1, 1, 1, 1]
    assert (drawn[1:, 0] == drawn[1:, 1]).all()
    assert set(drawn[1:].max(axis=1).astype(int)) <= {1, 2, 3}


@pytest.mark.shared
def test_manifest_of_the_wider_recordings_is_read_whole(shared_data: Path) -> None:
    """Every row of a real manifest names a file that is there, in a set, with a label and a group."""
    files = labelled_files(shared_data)
    assert len(files) > 600
    assert {"phoebe_xc", "qut_stbees", "esc10"} <= {one.set for one in files}
    assert all(one.label and one.group for one in files)
