"""Windows: where they lie, what is in them, and how little memory they take."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from rab.audio import read_recording
from rab.domain import EmbedderCard, Recording
from rab.errors import AudioError
from rab.segments import WindowPolicy, cuts, spans, windows

Write = Callable[..., Recording]


def card(*, window_ms: float = 3000.0, sample_rate_hz: int = 48_000, resampler: str = "soxr") -> EmbedderCard:
    """Return what a model that cuts end to end wants to hear."""
    return EmbedderCard(
        name="fake",
        version="1",
        task="birds",
        sample_rate_hz=sample_rate_hz,
        window_ms=window_ms,
        hop_ms=window_ms,
        dim=4,
        n_classes=2,
        weights_sha256="0" * 64,
        preprocessing="none",
        resampler=resampler,
        licence="Apache-2.0",
        licence_url="https://www.apache.org/licenses/LICENSE-2.0",
        citation="none",
    )


def recorded(n_frames: int, sample_rate_hz: int) -> Recording:
    """Return a recording of a given length that lies nowhere."""
    return Recording(
        id="0" * 64,
        path="nowhere.wav",
        n_bytes=0,
        container="WAV",
        sample_rate_hz=sample_rate_hz,
        n_channels=1,
        n_frames=n_frames,
        duration_ms=1000 * n_frames / sample_rate_hz,
    )


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write samples to a file and read it as a recording."""

    def written(
        samples: npt.NDArray[np.float32], rate_hz: int, *, name: str = "a.wav", subtype: str = "FLOAT"
    ) -> Recording:
        soundfile.write(tmp_path / name, samples, rate_hz, subtype=subtype)
        return read_recording(tmp_path / name)

    return written


def ramp(n_samples: int) -> npt.NDArray[np.float32]:
    """Return samples that tell where they stand."""
    return np.linspace(-1, 1, n_samples, dtype=np.float32)


@pytest.mark.parametrize(
    ("seconds", "policy", "expected"),
    [
        (9.0, WindowPolicy(), [(0, 3000), (3000, 6000), (6000, 9000)]),
        (9.5, WindowPolicy(), [(0, 3000), (3000, 6000), (6000, 9000)]),
        (10.0, WindowPolicy(), [(0, 3000), (3000, 6000), (6000, 9000), (9000, 10_000)]),
        (9.5, WindowPolicy(min_tail_ms=0), [(0, 3000), (3000, 6000), (6000, 9000), (9000, 9500)]),
        (9.0, WindowPolicy(min_tail_ms=0), [(0, 3000), (3000, 6000), (6000, 9000)]),
        (0.2, WindowPolicy(), [(0, 200)]),
        (3.0, WindowPolicy(), [(0, 3000)]),
        (6.0, WindowPolicy(hop_ms=1500), [(0, 3000), (1500, 4500), (3000, 6000)]),
        (6.2, WindowPolicy(hop_ms=1500), [(0, 3000), (1500, 4500), (3000, 6000), (4500, 6200)]),
        (6.2, WindowPolicy(hop_ms=1000, min_tail_ms=2500), [(0, 3000), (1000, 4000), (2000, 5000), (3000, 6000)]),
        (12.5, WindowPolicy(hop_ms=6000), [(0, 3000), (6000, 9000)]),
        (14.0, WindowPolicy(hop_ms=6000), [(0, 3000), (6000, 9000), (12_000, 14_000)]),
    ],
)
def test_spans_cover_the_sound(seconds: float, policy: WindowPolicy, expected: list[tuple[float, float]]) -> None:
    """Whole windows, then at most one that holds new sound and enough of it."""
    assert list(spans(recorded(round(seconds * 44_100), 44_100), card(), policy)) == expected


def test_the_published_example_is_cut_as_birdnet_cuts_it() -> None:
    """BirdNET cuts its example of 120 s into 40 windows end to end, and into 48 that overlap by half a second."""
    recording = recorded(120 * 48_000, 48_000)
    assert len(list(spans(recording, card(), WindowPolicy()))) == 40
    assert len(list(spans(recording, card(), WindowPolicy(hop_ms=2500)))) == 48


@given(
    n_frames=st.integers(1, 2_000_000),
    rate_hz=st.sampled_from([8_000, 22_050, 44_100, 48_000, 312_500]),
    window_ms=st.sampled_from([500.0, 1000.0, 3000.0, 333.333]),
    hop_share=st.sampled_from([0.1, 0.5, 1.0, 1.7]),
    min_tail_ms=st.sampled_from([0.0, 1.0, 300.0, 1000.0]),
)
def test_spans_are_whole_but_for_the_last(
    n_frames: int, rate_hz: int, window_ms: float, hop_share: float, min_tail_ms: float
) -> None:
    """For any recording and policy: equal steps, no empty span, nothing beyond the sound, no sound left that counts."""
    recording = recorded(n_frames, rate_hz)
    policy = WindowPolicy(hop_ms=window_ms * hop_share, min_tail_ms=min_tail_ms)
    planned = list(spans(recording, card(window_ms=window_ms), policy))
    half_sample_ms = 500 / rate_hz + 1e-3
    hop_ms = policy.hop_ms or 0
    assert [t0 for t0, _ in planned] == [round(index * hop_ms, 3) for index in range(len(planned))]
    assert all(t1 - t0 == pytest.approx(window_ms) for t0, t1 in planned[:-1])
    assert all(t0 < t1 <= recording.duration_ms + half_sample_ms for t0, t1 in planned)
    last_ms = planned[-1][1]
    left_ms = recording.duration_ms - max(last_ms, len(planned) * hop_ms)
    assert left_ms <= max(min_tail_ms, 0) + 2 * half_sample_ms or last_ms >= recording.duration_ms - half_sample_ms


@pytest.mark.parametrize("hop_ms", [None, 700.0, 2000.0])
@pytest.mark.parametrize("resampler", ["soxr", "polyphase"])
@pytest.mark.parametrize("rate_hz", [22_050, 32_000, 48_000, 96_000])
def test_both_views_hold_the_same_sound(write: Write, hop_ms: float | None, resampler: str, rate_hz: int) -> None:
    """A click is in the same place of the native samples and of the model's, in every window that it falls into."""
    samples = np.zeros(round(rate_hz * 5.5), np.float32)
    for click_ms in range(100, 5500, 450):
        samples[round(click_ms * rate_hz / 1000)] = 1.0
    recording = write(samples, rate_hz)
    model = card(window_ms=1000.0, sample_rate_hz=32_000, resampler=resampler)
    for window in windows(recording, model, WindowPolicy(hop_ms=hop_ms), None):
        for click_ms in range(100, 5500, 450):
            if window.t0_ms <= click_ms < window.t1_ms:
                native_at, model_at = (
                    round(click_ms * hz / 1000) - round(window.t0_ms * hz / 1000) for hz in (rate_hz, 32_000)
                )
                assert window.native.samples[native_at] == 1.0
                near = slice(max(model_at - 3, 0), model_at + 4)
                assert abs(int(window.samples[near].argmax()) + near.start - model_at) <= 1


def test_windows_are_slices_of_the_whole(write: Write) -> None:
    """Cutting while decoding gives what cutting the whole, resampled in one piece, would give."""
    samples = np.random.default_rng(0).uniform(-1, 1, 44_100 * 10).astype(np.float32)
    whole = soxr.resample(samples, 44_100, 48_000, quality="VHQ")
    cut = list(windows(write(samples, 44_100), card(), WindowPolicy(hop_ms=1300), None))
    assert [window.t0_ms for window in cut] == [0, 1300, 2600, 3900, 5200, 6500, 7800]
    for window in cut:
        start, first = round(window.t0_ms * 44.1), round(window.t0_ms * 48)
        np.testing.assert_array_equal(window.native.samples, samples[start : start + 132_300])
        expected = whole[first : first + 144_000]
        np.testing.assert_allclose(window.samples[: len(expected)], expected, atol=1e-6)


def test_the_last_window_is_padded_for_the_model_alone(write: Write) -> None:
    """Native samples end where the sound does; the model's window is filled up with zeros."""
    (first, last) = windows(write(ramp(48_000 * 4 + 480), 48_000), card(), WindowPolicy(), None)
    assert (last.t0_ms, last.t1_ms, last.native.t0_ms, len(last.native.samples)) == (3000.0, 4010.0, 3000.0, 48_480)
    assert len(first.samples) == len(last.samples) == 144_000
    np.testing.assert_array_equal(last.samples[:48_480], last.native.samples)
    assert not last.samples[48_480:].any()


def test_arrays_are_read_only(write: Write) -> None:
    """A window is shared by those who measure and those who embed."""
    (window,) = windows(write(ramp(48_000), 48_000), card(), WindowPolicy(), None)
    assert not window.samples.flags.writeable
    assert not window.native.samples.flags.writeable


def test_one_channel_or_the_mean_of_all(write: Write) -> None:
    """Each voice is cut by itself."""
    recording = write(np.stack([ramp(48_000), np.zeros(48_000, np.float32)], axis=1), 48_000)
    for channel, expected in ((0, ramp(48_000)), (None, ramp(48_000) / 2)):
        (window,) = windows(recording, card(window_ms=1000), WindowPolicy(), channel)
        np.testing.assert_array_equal(window.samples, expected)


def test_time_expanded_bats_are_cut_in_real_time(write: Write, tmp_path: Path) -> None:
    """Two seconds of the bat, ten times slower in the file, are two windows of one second."""
    soundfile.write(tmp_path / "bat.wav", ramp(25_600 * 20), 25_600)
    recording = read_recording(tmp_path / "bat.wav", time_expansion=10)
    cut = list(windows(recording, card(window_ms=1000, sample_rate_hz=256_000), WindowPolicy(), None))
    assert [(w.t0_ms, w.t1_ms, len(w.native.samples), len(w.samples)) for w in cut] == [
        (0.0, 1000.0, 256_000, 256_000),
        (1000.0, 2000.0, 256_000, 256_000),
    ]


def test_damage_behind_the_last_window_is_damage(write: Write) -> None:
    """A tail too short to be a segment is still decoded, so a broken file is never half taken in."""
    samples = ramp(48_000 * 3 + 4_800)
    samples[-1] = np.nan
    cut = windows(write(samples, 48_000), card(), WindowPolicy(), None)
    assert next(cut).t1_ms == 3000.0
    with pytest.raises(AudioError, match=r"not numbers .* at 3\.100 s"):
        next(cut)


@pytest.mark.parametrize(("rate_hz", "hop_ms"), [(48_000, None), (48_000, 500.0), (384_000, None)])
def test_memory_does_not_grow_with_the_file(write: Write, rate_hz: int, hop_ms: float | None) -> None:
    """Two minutes or one, the peak is that of a window and a block, which at 384 kHz are 4.6 and 1.5 MB."""
    peaks = []
    for minutes in (1, 2):
        recording = write(
            np.zeros(rate_hz * 60 * minutes, np.float32), rate_hz, name=f"{minutes}.flac", subtype="PCM_16"
        )
        tracemalloc.start()
        for _ in windows(recording, card(), WindowPolicy(hop_ms=hop_ms), None):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0]
    assert peaks[1] < 25e6


def test_several_models_and_channels_share_one_decoding(write: Write) -> None:
    """Each hears what it would hear alone, in order, and the recording is read once."""
    sound = np.random.default_rng(7).uniform(-0.5, 0.5, (48_000 * 8, 2)).astype(np.float32)
    recording = write(sound, 48_000)
    cards = [card(), card(window_ms=5000.0, sample_rate_hz=32_000, resampler="polyphase")]
    together: dict[tuple[int, int | None], list[tuple[float, bytes, bytes]]] = {}
    ends = []
    for cut in cuts(recording, cards, WindowPolicy(), (0, 1, None)):
        window = cut.window
        heard = (window.t0_ms, window.samples.tobytes(), window.native.samples.tobytes())
        together.setdefault((cut.model, cut.channel), []).append(heard)
        ends.append(window.t1_ms)
    alone = {
        (model, channel): [
            (window.t0_ms, window.samples.tobytes(), window.native.samples.tobytes())
            for window in windows(recording, cards[model], WindowPolicy(), channel)
        ]
        for model in (0, 1)
        for channel in (0, 1, None)
    }
    assert alone == together
    assert sorted(ends) == ends


def test_memory_of_several_models_does_not_grow_with_the_file(write: Write) -> None:
    """What one model has read and another has not is a window at most."""
    peaks = []
    cards = [card(), card(window_ms=5000.0, sample_rate_hz=32_000)]
    for minutes in (1, 2):
        silence = np.zeros(48_000 * 60 * minutes, np.float32)
        recording = write(silence, 48_000, name=f"{minutes}.flac", subtype="PCM_16")
        tracemalloc.start()
        for _ in cuts(recording, cards, WindowPolicy(), (None,)):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0]


def test_a_model_that_finds_calls_hears_every_tail_and_never_twice(write: Write) -> None:
    """Its windows lie end to end whatever hop was asked for, and the last may be short."""
    bats = card(window_ms=2000.0).model_copy(update={"finds_calls": True})
    recording = write(ramp(48_000 * 4 + 4_800), 48_000)
    found = spans(recording, bats, WindowPolicy(hop_ms=500.0))
    assert [(0.0, 2000.0), (2000.0, 4000.0), (4000.0, 4100.0)] == list(found)


@pytest.mark.parametrize("hop_ms", [0.0, -1.0])
def test_windows_must_step_forward(hop_ms: float) -> None:
    """A policy that would never end cannot be made."""
    with pytest.raises(ValueError, match="greater than 0"):
        WindowPolicy(hop_ms=hop_ms)
