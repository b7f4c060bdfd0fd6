"""Peaks between bins: a parabola through the log power of three bins (Smith and Serra 1987, PARSHL)."""

import numpy as np
import numpy.typing as npt


def interpolated_peak(
    power: npt.NDArray[np.floating], at: npt.NDArray[np.intp], hz: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the frequencies, float64 [n], of the peaks at bins `at` [n] of spectra `power` [n, n_bins] at `hz`."""
    rows, middle = np.arange(len(power)), np.clip(at, 1, power.shape[1] - 2)
    below, peak, above = (np.log(np.maximum(power[rows, middle + step], 1e-30)) for step in (-1, 0, 1))
    bend = below - 2 * peak + above
    offset = np.where(bend < 0, (below - above) / (2 * np.where(bend < 0, bend, -1)), 0)
    inside = middle == at
    frequency: npt.NDArray[np.float64] = hz[at] + (hz[1] - hz[0]) * np.where(inside, np.clip(offset, -0.5, 0.5), 0)
    return frequency
