"""What every model asks of the windows that it is given."""

import numpy as np
import numpy.typing as npt

from rab.domain import EmbedderCard
from rab.errors import InputError


def require_windows(windows: npt.NDArray[np.float32], card: EmbedderCard) -> None:
    """Raise `InputError` for windows of another shape than [n, window_samples], or with samples that are not finite."""
    n_samples = round(card.window_ms * card.sample_rate_hz / 1000)
    if windows.ndim != 2 or windows.shape[1] != n_samples:
        raise InputError(
            f"{card.key} hears windows of {n_samples} samples, not an array of {windows.shape}",
            hint="cut them with rab.segments.windows and the model's card",
        )
    if not np.isfinite(windows).all():
        raise InputError("a window holds samples that are not finite", hint="leave that stretch of sound out")
