"""Spectrogram: sound as power over time and frequency, and what in it stands out of the noise.

It is computed once per segment and shared: signal quality, descriptors and pictures all read the same frames. How it is
made stands in `rab.audio.spectrogram`, how the noise floor and the foreground are told apart in `rab.audio.foreground`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Cells = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

DYNAMIC_RANGE = np.float32(1e-6)
"""60 dB below a spectrogram's loudest cell stand window sidelobes and coding artefacts, not calls."""


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """Power in full-scale units: the sum over the bins of a frame is the mean square of its windowed samples.

    A full-scale sine has 0.5. Times are counted from the first sample. All arrays are read-only.
    """

    power: Cells
    """[n_frames, n_bins], one-sided."""
    floor: Cells
    """[n_bins], mean power of the noise; 0 where it could not be measured."""
    foreground: Mask
    """[n_frames, n_bins], cells that hold more than noise."""
    hz: npt.NDArray[np.float64]
    """[n_bins], centres of the bins."""
    ms: npt.NDArray[np.float64]
    """[n_frames], centres of the frames."""
    frame_ms: float
    hop_ms: float

    def __post_init__(self) -> None:
        for name in ("power", "floor", "foreground", "hz", "ms"):
            array = getattr(self, name).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def bin_hz(self) -> float:
        """Width of a bin."""
        return float(self.hz[1])

    @cached_property
    def noise(self) -> Cells:
        """[n_bins], the floor, but nowhere more than 60 dB below the loudest cell: what power is measured by."""
        noise: Cells = np.maximum(self.floor, self.power.max(initial=0) * DYNAMIC_RANGE)
        return noise
