"""The ladder's rungs are what they say, in the call's own band."""

from pathlib import Path

import numpy as np
import pytest

from rab.audio.spectrogram import spectrogram
from rab.domain import Waveform
from rab.embedders.base import Embedder
from rab.evals.labelled import labelled_files, labelled_windows
from rab.evals.ladder import Mix, bias, is_noise, ladder, mix, mixed, own_noise
from rab.quality import measure

RATE_HZ = 48_000


def call(seed: int = 0, noise_rms: float = 0.001) -> Waveform:
    """Return six sweeps of 3 to 6 kHz in very faint noise, 3 s."""
    t_s = np.arange(3 * RATE_HZ) / RATE_HZ
    within_s = t_s % 0.5
    sweep = np.sin(2 * np.pi * (3000 * within_s + 5000 * within_s**2)) * (within_s < 0.3)
    return Waveform(
        (0.3 * sweep + noise_rms * np.random.default_rng(seed).standard_normal(len(t_s))).astype(np.float32), RATE_HZ
    )


def white(seed: int = 1) -> Waveform:
    samples = 0.1 * np.random.default_rng(seed).standard_normal(3 * RATE_HZ)
    return Waveform(samples.astype(np.float32), RATE_HZ)


@pytest.mark.parametrize("rung_db", [5.0, 10.0, 20.0, 30.0])
def test_mix_lies_on_its_rung(rung_db: float) -> None:
    """Where the estimator is proven, it finds the level that the mix was made at."""
    clip = mix(call(), white(), rung_db)
    assert clip is not None
    found = measure(clip, spectrogram(clip)).snr_db
    assert found == pytest.approx(rung_db, abs=1.5)


def test_level_counts_in_the_calls_band_alone() -> None:
    """Rumble outside the band changes nothing: the noise that is added there only goes along."""
    t_s = np.arange(3 * RATE_HZ) / RATE_HZ
    rumble = Waveform(white().samples + np.sin(2 * np.pi * 60 * t_s).astype(np.float32), RATE_HZ)
    plain, rumbling = mix(call(), white(), 10.0), mix(call(), rumble, 10.0)
    assert plain is not None
    assert rumbling is not None
    ratio = np.linalg.norm(rumbling.samples) / np.linalg.norm(plain.samples)
    assert ratio > 1.5
    in_band = measure(rumbling, spectrogram(rumbling), band_hz=(3000, 6000)).snr_db
    assert in_band == pytest.approx(10.0, abs=1.5)


def test_noisy_recording_has_no_clip_on_a_clear_rung() -> None:
    """A call at 15 dB cannot be brought to 30 dB by adding noise, and silence cannot be mixed at all."""
    noisy = mix(call(), white(), 15.0)
    assert noisy is not None
    assert mix(noisy, white(2), 30.0) is None
    assert mix(Waveform(np.zeros(3 * RATE_HZ, np.float32), RATE_HZ), white(), 0.0) is None


def test_mix_is_no_louder_than_the_call() -> None:
    """However much noise is added, no sample passes the call's own peak, so nothing clips."""
    clip = mix(call(), white(), -20.0)
    assert clip is not None
    assert np.abs(clip.samples).max() <= np.abs(call().samples).max() * 1.0001


def test_own_noise_holds_no_call() -> None:
    """What lies between the calls is as long as the recording and 30 dB softer than they are."""
    quiet = own_noise(call(noise_rms=0.003))
    assert quiet is not None
    assert len(quiet.samples) == 3 * RATE_HZ
    assert np.std(quiet.samples) == pytest.approx(0.003, rel=0.2)


def test_ladder_keeps_the_noise_of_a_call(tmp_path: Path, birdnet: Embedder) -> None:
    """A call meets one noise on every rung, and the mixed clips keep the call's label and group."""
    from scipy.io import wavfile

    for name, sound in (("finch/a.wav", call(0)), ("finch/b.wav", call(5)), ("rain/c.wav", white())):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        wavfile.write(tmp_path / name, RATE_HZ, (32_767 * sound.samples).clip(-32_768, 32_767).astype(np.int16))
    windows = labelled_windows(labelled_files(tmp_path), birdnet)
    noisy = np.array([is_noise(label) for label in windows.labels])
    assert noisy.tolist() == [False, False, True]
    calls, noises = windows.select(~noisy), windows.select(noisy)
    plan = ladder(calls, noises, rungs_db=(-10.0, 10.0), seed=3)
    assert len({(one.call, one.noise) for one in plan}) == 2
    found = mixed(calls, noises, [Mix(0, 0, -10.0), Mix(1, 0, 20.0)], birdnet, cache=tmp_path / "cache")
    kept = mixed(calls, noises, [Mix(0, 0, -10.0), Mix(1, 0, 20.0)], birdnet, cache=tmp_path / "cache")
    assert found.windows.groups.tolist() == ["finch/a.wav", "finch/b.wav"]
    np.testing.assert_array_equal(found.windows.vectors, kept.windows.vectors)
    nearer = np.sum(found.windows.vectors * calls.vectors, axis=1)
    assert nearer[1] > nearer[0]
    assert [row.rung_db for row in bias(found)] == [-10.0, 20.0]
    assert bias(found)[1].median_error_db == pytest.approx(0, abs=1.5)
