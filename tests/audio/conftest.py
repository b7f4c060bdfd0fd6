"""Sound files of every kind, written for the tests, and the wider recordings where they lie beside the checkout."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "extensible.wav": ("WAVEX", "PCM_24"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus.ogg": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
}
"""Container and encoding behind each extension that the tests write."""

Write = Callable[..., Path]
Noise = Callable[..., npt.NDArray[np.float32]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write samples [n] or [n, channels] to a new file, of the format that its extension names."""

    def write_sound(
        name: str, samples: npt.NDArray[np.floating], rate_hz: int = 48_000, *, comment: str = "", guano: str = ""
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        extension = next(key for key in sorted(FORMATS, key=len, reverse=True) if name.lower().endswith(key))
        container, subtype = FORMATS[extension]
        n_channels = 1 if samples.ndim == 1 else samples.shape[1]
        with soundfile.SoundFile(path, "w", rate_hz, n_channels, format=container, subtype=subtype) as sound:
            if comment:
                sound.comment = comment
            for start in range(0, len(samples), rate_hz):  # libsndfile dies on one large Vorbis write
                sound.write(samples[start : start + rate_hz])
        if guano:
            text = guano.encode()
            text += b"\0" * (len(text) % 2)
            content = path.read_bytes() + b"guan" + struct.pack("<I", len(text)) + text
            path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
        return path

    return write_sound


@pytest.fixture
def noise() -> Noise:
    """Make quiet white noise, float32 [n] or [n, channels]."""

    def make(seconds: float, rate_hz: int = 48_000, n_channels: int = 1) -> npt.NDArray[np.float32]:
        samples = 0.1 * np.random.default_rng(0).standard_normal((round(seconds * rate_hz), n_channels))
        return (samples if n_channels > 1 else samples[:, 0]).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of wider recordings, or skip."""
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the wider recordings are not beside this checkout")
    return folder
