"""Waveform: samples of one voice, and where in the recording they begin."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono samples, float32 [n_samples], full scale ±1."""


@dataclass(frozen=True, eq=False)
class Waveform:
    """Mono sound: float32 [n_samples] at `sample_rate_hz`, beginning `t0_ms` into its recording. Read-only."""

    samples: Samples
    sample_rate_hz: int
    t0_ms: float = 0.0

    def __post_init__(self) -> None:
        samples = np.ascontiguousarray(self.samples, dtype=np.float32).view()
        samples.flags.writeable = False
        object.__setattr__(self, "samples", samples)

    @property
    def duration_ms(self) -> float:
        """Length in milliseconds."""
        return 1000.0 * len(self.samples) / self.sample_rate_hz

    @property
    def t1_ms(self) -> float:
        """Where the samples end in the recording."""
        return self.t0_ms + self.duration_ms
