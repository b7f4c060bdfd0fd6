"""BatDetect2 with its real weights, fetched once and kept beside the checkout."""

from pathlib import Path

import numpy as np
import pytest

from rab.embedders.batdetect2 import BatDetect2
from rab.embedders.weights import InstalledModel, install


@pytest.fixture(scope="session")
def installed(models_dir: Path) -> InstalledModel:
    """Return BatDetect2's weights, their licence accepted for testing."""
    return install("batdetect2-v1.3.1", models_dir, accepted=True)


@pytest.fixture(scope="session")
def batdetect2(installed: InstalledModel) -> BatDetect2:
    """Return BatDetect2 on one thread, so that tests do not compete for cores."""
    return BatDetect2(installed, n_threads=1)


@pytest.fixture(scope="session")
def made() -> np.ndarray:
    """Return half a second at 300 kHz, int16: faint noise and five sweeps like those of bats."""
    rate_hz = 300_000
    sound = np.random.default_rng(7).normal(0, 0.002, rate_hz // 2)
    sweeps = [
        (0.03, 95_000, 45_000, 5),
        (0.11, 90_000, 46_000, 5),
        (0.19, 60_000, 25_000, 8),
        (0.30, 83_000, 81_000, 40),
        (0.42, 26_000, 20_000, 14),
    ]
    for start_s, high_hz, low_hz, n_ms in sweeps:
        n = n_ms * rate_hz // 1000
        t_s = np.arange(n) / rate_hz
        fall = np.log(low_hz / high_hz) / (n / rate_hz)
        at = int(start_s * rate_hz)
        sound[at : at + n] += 0.2 * np.hanning(n) * np.sin(2 * np.pi * high_hz * np.expm1(fall * t_s) / fall)
    return np.round(sound * 32767).astype(np.int16)
