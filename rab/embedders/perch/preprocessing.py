"""What is done to a window before Perch hears it: the mean goes, and the peak becomes 0.25.

So a call sounds alike to the network however far away it was. perch-hoplite divides by the peak only where that is
above zero, and leaves what stands elsewhere to chance; here silence stays silence.

Source: perch-hoplite, `zoo_interface.EmbeddingModel.normalize_audio` with `target_peak` 0.25.
"""

import numpy as np
import numpy.typing as npt

TARGET_PEAK = 0.25


def normalised(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return float32 [n, samples], each row with mean 0 and peak 0.25; a constant row becomes zeros.

    What is left of a constant without its mean is rounding, up to 1e-7 of its level in float32; scaled to 0.25 it would
    be loud noise. So a row whose peak falls below 1e-6 of what it was counts as silent.
    """
    centred = windows - windows.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    peak = np.abs(centred).max(axis=1, keepdims=True, initial=0)
    level = np.abs(windows).max(axis=1, keepdims=True, initial=0)
    heard = peak > np.float32(1e-6) * level
    gain = np.divide(np.float32(TARGET_PEAK), peak, out=np.zeros_like(peak), where=heard)
    scaled: npt.NDArray[np.float32] = centred * gain
    return scaled
