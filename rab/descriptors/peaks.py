"""Peaks between bins: a parabola through the log power of three bins (Smith and Serra 1987, PARSHL)."""

import numpy as np
import numpy.typing as npt


def interpolated_peak(
    power: npt.NDArray[np.floating], at: npt.NDArray[np.intp], hz: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the frequencies, float64 [n], of the peaks at bins `at` [n] of spectra `power` [n, n_bins] at `hz`."""
    middle = np.minimum(np.maximum(at, 1), power.shape[1] - 2)
    around = power[np.arange(len(power)), middle + np.array([[-1], [0], [1]])]
    below, peak, above = np.log(np.maximum(around, 1e-30))
    bend = below - 2 * peak + above
    curved = (bend < 0) & (middle == at)
    offset = np.where(curved, (below - above) / np.where(curved, 2 * bend, 1), 0)
    frequency: npt.NDArray[np.float64] = hz[at] + (hz[1] - hz[0]) * np.minimum(np.maximum(offset, -0.5), 0.5)
    return frequency
