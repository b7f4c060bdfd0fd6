"""The quality suites hold on the real measurements, and notice estimators that were broken."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.io import wavfile

from rab.audio import find_audio, read_recording
from rab.audio.spectrogram import spectrogram
from rab.domain import Recording, SignalQuality, Waveform
from rab.domain.spectrogram import Spectrogram
from rab.embedders.base import Embedder
from rab.evals import quality as suite
from rab.evals.base import Answered, EvalRun, judge
from rab.evals.labelled import labelled_files
from rab.evals.quality import run_quality
from rab.evals.quality_labelled import run_quality_labelled
from rab.evals.sounds import CALLS, NOISES, RATE_HZ, at_level, band_power, in_noise, made
from rab.evals.suites import read_suite
from rab.quality import measure

Fault = Callable[[SignalQuality], dict[str, object]]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw two of each kind of call instead of eight."""
    monkeypatch.setattr(suite, "_N_DRAWS", 2)


@pytest.fixture(scope="module")
def recordings(samples_dir: Path) -> list[Recording]:
    files, _ = find_audio([samples_dir / "pykanto"])
    return [read_recording(file) for file in files[:4]]


def failures(name: str, answered: Answered) -> set[str]:
    """Return the cases of a suite that miss their gates."""
    run = EvalRun(
        suite=name,
        model="birdnet-v2.4",
        weights_sha256="",
        code_version="0",
        data_sha256="",
        machine="",
        seed=1,
        scores=answered.scores,
    )
    return {verdict.case for verdict in judge(run, read_suite(name), None) if not verdict.passed}


def broken(fault: Fault) -> Callable[..., SignalQuality]:
    """Return a measurement with a fault."""

    def measured(waveform: Waveform, seen: Spectrogram, *, band_hz: tuple[float, float] | None = None) -> SignalQuality:
        found = measure(waveform, seen, band_hz=band_hz)
        return found.model_copy(update=fault(found))

    return measured


def test_gates_hold_and_every_case_is_asked(birdnet: Embedder, recordings: list[Recording]) -> None:
    """The measurements pass every gate, each score has an interval, and what it rests on is named."""
    answered = run_quality(birdnet, recordings, seed=20260101)
    assert [case.name for case in read_suite("quality").cases] == [score.case for score in answered.scores]
    assert set() == failures("quality", answered)
    assert all(score.low is not None for score in answered.scores)
    assert all(f"\n| {noise} |" in answered.tables[0] for noise in (*NOISES, "recorded"))
    require_instances(answered)


def require_instances(answered: Answered) -> None:
    """Require that each case names its clips, the worst first and each once; a recorded background is heard."""
    for score in answered.scores:
        assert 0 < len(score.instances) <= 50
        assert len(score.instances) == len({one.name for one in score.instances})
        assert all(one.words for one in score.instances)
    recorded = next(one for one in answered.scores if one.case == "snr_bias_recorded_db").instances
    errors = [abs(one.value or 0) for one in recorded]
    assert sorted(errors, reverse=True) == errors
    assert Path(recorded[0].recording or "").is_file()
    assert (recorded[0].t0_ms or 0) < (recorded[0].t1_ms or 0)


@pytest.mark.parametrize(
    ("fault", "red"),
    [
        (lambda one: {"snr_db": None if one.snr_db is None else one.snr_db + 6}, {"snr_bias_db", "snr_bias_faint_db"}),
        (
            lambda one: {"snr_db": None if one.snr_db is None else one.snr_db - 6},
            {"snr_bias_db", "snr_bias_weather_db"},
        ),
        (lambda one: {"snr_db": None}, {"snr_bias_db", "snr_found_share"}),
        (lambda one: {"snr_db": 12.0}, {"phantom_share", "snr_spread_db"}),
        (lambda one: {"rain": False}, {"rain_found_share"}),
        (lambda one: {"wind": False}, {"wind_found_share"}),
        (lambda one: {"rain": True}, {"weather_false_share"}),
        (lambda one: {"clipped_fraction": 0.0}, {"clipping_error"}),
        (lambda one: {"clipped_fraction": 0.05}, {"clipping_false_share"}),
        (lambda one: {"overlap_fraction": 0.0}, {"overlap_found_share"}),
        (lambda one: {"overlap_fraction": 0.5}, {"overlap_false_share"}),
        (lambda one: {"silent": False}, {"silence_found_share"}),
    ],
)
def test_broken_measurement_is_noticed(
    fault: Fault, red: set[str], birdnet: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An estimate off by 6 dB, one that is never made, and flags that never or always stand turn their case red."""
    monkeypatch.setattr(suite, "_N_DRAWS", 1)
    monkeypatch.setattr(sys.modules["rab.evals.quality"], "measure", broken(fault))
    assert red <= failures("quality", run_quality(birdnet, [], seed=20260101))


def test_deaf_flag_for_people_is_noticed(birdnet: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag for people that never stands fails its case, whatever the classifier hears."""

    def deaf(logits: npt.NDArray[np.float32], *_: object, **__: object) -> npt.NDArray[np.bool_]:
        return np.zeros(len(logits), dtype=np.bool_)

    monkeypatch.setattr(sys.modules["rab.evals.quality"], "human_voice", deaf)
    assert "voice_found_share" in failures("quality", run_quality(birdnet, [], seed=20260101))


@pytest.mark.parametrize("name", list(CALLS))
def test_level_of_a_mixture_is_what_it_says(name: str) -> None:
    """A call less its mixture leaves a noise whose power in the call's band is the rung below the call's own."""
    call = CALLS[name](np.random.default_rng(3))
    noise = NOISES["pink"](np.random.default_rng(4))
    clip = in_noise(call, noise, 10.0).samples.astype(np.float64)
    scale = float(clip @ call.samples / (call.samples @ call.samples))
    left = clip / scale - call.samples
    power = float(np.mean(call.samples[call.sounds] ** 2))
    found_db = 10 * np.log10(power / band_power(left, call.low_hz, call.high_hz))
    assert found_db == pytest.approx(10.0, abs=0.5)


def test_noise_has_its_level() -> None:
    """A full-scale sine is 0 dBFS, and a noise at −30 dBFS has a thousandth of its power."""
    sound = at_level(NOISES["white"](np.random.default_rng(0)), -30.0)
    assert np.mean(sound**2) == pytest.approx(0.5e-3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a labelled folder: two birds, rain and wind."""
    root = tmp_path_factory.mktemp("quality")
    for number in range(4):
        random = np.random.default_rng(number)
        for name, kind in (("finch", "sweep"), ("wren", "trill")):
            call = CALLS[kind](random)
            write(root / name / f"{number}.wav", 0.1 * in_noise(call, NOISES["white"](random), 35.0).samples)
        for name in ("rain", "wind"):
            write(root / name / f"{number}.wav", made(at_level(NOISES[name](random), -28.0), peak=None).samples)
    return root


def write(path: Path, samples: npt.NDArray[np.float32]) -> None:
    path.parent.mkdir(exist_ok=True)
    wavfile.write(path, RATE_HZ, samples)


def test_labelled_suite_holds_on_made_recordings(folder: Path, birdnet: Embedder) -> None:
    """On labelled recordings whose calls and noises are made, every gate holds and both weathers stand in the table."""
    answered = run_quality_labelled(birdnet, labelled_files(folder), seed=1)
    assert [case.name for case in read_suite("quality_labelled").cases] == [score.case for score in answered.scores]
    assert not {"rain_found_share", "rain_false_share", "wind_false_share"} & failures("quality_labelled", answered)
    assert "\n| rain |" in answered.tables[0]
    assert "\n| wind, known band |" in answered.tables[0]


def test_bias_of_real_calls_is_noticed(folder: Path, birdnet: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """An estimate off by 9 dB is off by 9 dB here too, though the same estimator heard the clear call."""
    before = {one.case: one.value for one in run_quality_labelled(birdnet, labelled_files(folder), seed=1).scores}
    fault = broken(lambda one: {"snr_db": None if one.snr_db is None else one.snr_db + 9})
    monkeypatch.setattr(sys.modules["rab.evals.quality_labelled"], "measure", fault)
    after = run_quality_labelled(birdnet, labelled_files(folder), seed=1)
    values = {one.case: one.value for one in after.scores}
    assert values["snr_bias_known_band_db"] == pytest.approx((before["snr_bias_known_band_db"] or 0) + 9, abs=2)
    assert "snr_bias_known_band_db" in failures("quality_labelled", after)


def test_labels_that_are_missing_are_said(folder: Path, birdnet: Embedder, tmp_path: Path) -> None:
    """Without labelled weather its cases are not scored, and say why."""
    shutil.copytree(folder / "finch", tmp_path / "finch")
    answered = run_quality_labelled(birdnet, labelled_files(tmp_path), seed=1)
    said = {score.case: score.reason for score in answered.scores if score.value is None}
    assert said["rain_found_share"] == "no window is labelled rain"
    assert {"snr_bias_db", "snr_bias_known_band_db", "wind_found_share", "rain_found_share"} == set(said)


def test_silence_has_no_level() -> None:
    """Digital silence stays silent on its way through the suite's own sounds."""
    silence = made(np.zeros(RATE_HZ), peak=None)
    assert measure(silence, spectrogram(silence)).silent


def test_the_wrong_ones_come_first(birdnet: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was answered wrongly stands before what was answered rightly, whichever way the share is good."""
    monkeypatch.setattr(suite, "_N_DRAWS", 1)
    fault = broken(lambda one: {"rain": one.noise_floor_dbfs is not None and one.noise_floor_dbfs > -60})
    monkeypatch.setattr(sys.modules["rab.evals.quality"], "measure", fault)
    for score in run_quality(birdnet, [], seed=20260101).scores:
        words = [one.words.partition(":")[0] for one in score.instances]
        if set(words) == {"right", "wrong"}:
            assert sorted(words, reverse=True) == words
