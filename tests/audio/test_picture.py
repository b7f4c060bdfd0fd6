"""Pictures show where sound is: time to the right, frequency upwards."""

import io

import numpy as np
import pytest
from PIL import Image

from rab.audio.picture import labelled_spectrogram_png, spectrogram_png
from rab.audio.spectrogram import spectrogram
from rab.domain import Waveform
from rab.domain.spectrogram import Spectrogram

RATE_HZ = 48_000


@pytest.fixture
def beep() -> Spectrogram:
    """Return 3 s of faint noise with a tone of 6 kHz in its last second."""
    t_s = np.arange(3 * RATE_HZ) / RATE_HZ
    tone = np.where(t_s >= 2, 0.5 * np.sin(2 * np.pi * 6000 * t_s), 0)
    noise = 0.001 * np.random.default_rng(0).standard_normal(len(t_s))
    return spectrogram(Waveform((tone + noise).astype(np.float32), RATE_HZ))


def grey(png: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return lightness [height, width] of a picture."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=np.float64)


def test_tone_lies_where_it_sounds(beep: Spectrogram) -> None:
    """The lightest pixel lies in the last third, half-way up to 12 kHz."""
    picture = grey(spectrogram_png(beep, high_hz=12_000, width_px=300, height_px=120))
    assert picture.shape == (120, 300)
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    assert 57 <= row <= 63
    assert column >= 198
    assert picture[:, 210:].max() > picture[:, :190].max() + 60


def test_axes_leave_the_picture_as_it_is(beep: Spectrogram) -> None:
    """The labelled picture has the size asked for, white margins, and the tone inside."""
    picture = grey(labelled_spectrogram_png(beep, high_hz=12_000, width_px=400, height_px=200))
    assert picture.shape == (200, 400)
    assert picture[0, 0] == 255
    assert picture[199, 399] == 255


def test_colours_grow_lighter_with_level() -> None:
    """Levels that rise evenly give lightness that rises, so that print in grey still tells them apart."""
    levels = np.repeat(10 ** np.linspace(-6, -1, 64, dtype=np.float32)[:, None], 4, axis=1)
    ladder = Spectrogram(
        power=levels,
        floor=np.full(4, 1e-6, dtype=np.float32),
        foreground=np.zeros(levels.shape, dtype=bool),
        hz=np.arange(4, dtype=np.float64),
        ms=np.arange(64, dtype=np.float64),
        frame_ms=20,
        hop_ms=10,
    )
    across = grey(spectrogram_png(ladder, width_px=64, height_px=4))[2]
    assert (np.diff(across[8:-4]) >= 0).all()
    assert across[-1] - across[0] > 150


def test_silence_and_snippets_have_pictures() -> None:
    """Digital silence, and a snippet shorter than a frame, give a dark picture and no error."""
    for n in (0, 10, RATE_HZ):
        silent = spectrogram(Waveform(np.zeros(n, np.float32), RATE_HZ))
        assert np.ptp(grey(spectrogram_png(silent))) == 0
        assert grey(labelled_spectrogram_png(silent)).shape == (200, 480)


def test_equal_sound_gives_equal_bytes(beep: Spectrogram) -> None:
    """A picture is a function of the sound."""
    assert spectrogram_png(beep) == spectrogram_png(beep)
