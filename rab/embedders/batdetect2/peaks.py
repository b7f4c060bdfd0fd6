"""From the network's maps to calls: where the chance of a call peaks, and what stands there.

A pixel is a call where its chance is the highest of the 9 x 9 pixels around it (9 ms and 7.7 kHz). It marks where the
call begins and its lowest frequency; the size map holds how long and how high it is. Of a chunk the surest calls stay,
100 to a second. Constants and order of the steps are the authors'.

Source: batdetect2 1.3.1, `detector.post_process`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rab.embedders.batdetect2.spectrogram import HIGH_HZ, LOW_HZ, N_ROWS, column_ms

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_REACH = 4
_N_PER_SECOND = 200
"""In the authors' time, which counts a column once where it stands for two steps: 100 per second of sound."""
_LEAST_FEATURE = np.float32(1e-6)
"""No feature is negative and all might be zero; a vector without length would resemble nothing."""
_ROW_HZ = (HIGH_HZ - LOW_HZ) / N_ROWS


@dataclass(frozen=True, eq=False)
class Calls:
    """The calls of a window, by start: float64 [m], logits float32 [m, n_classes], features float32 [m, dim].

    A logit's sigmoid is the probability of the class, which the classes share with each other and with "no call".
    """

    t0_ms: Doubles
    t1_ms: Doubles
    low_hz: Doubles
    high_hz: Doubles
    detection_score: Doubles
    logits: Floats
    features: Floats


def find_calls(
    detection: Floats, classes: Floats, sizes: Floats, features: Floats, *, threshold: float, end_ms: float
) -> Calls:
    """Return the calls whose chance is above `threshold`, of the network's outputs [n, 128, w] of one window.

    What would begin at `end_ms` or later, in the zeros behind the sound, is none.
    """
    chance = detection[0]
    row, column = _peaks(chance, threshold)
    heard = column_ms(column.astype(np.float64)) < end_ms
    row, column = row[heard], column[heard]
    width, height = sizes[:, row, column].astype(np.float64)
    low_hz = (N_ROWS - row.astype(np.float64)) * _ROW_HZ + LOW_HZ
    return Calls(
        t0_ms=column_ms(column.astype(np.float64)),
        t1_ms=column_ms(column + width),
        low_hz=low_hz,
        high_hz=low_hz + height * _ROW_HZ,
        detection_score=chance[row, column].astype(np.float64),
        logits=_logits(classes[:, row, column].T.astype(np.float64)),
        features=np.maximum(features[:, row, column].T, _LEAST_FEATURE),
    )


def _peaks(chance: Floats, threshold: float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return rows and columns of the peaks, by column and then by row."""
    row, column = np.nonzero(chance > threshold)
    around = np.pad(chance, _REACH, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(around, (2 * _REACH + 1, 2 * _REACH + 1))
    peak = windows[row, column].max(axis=(1, 2), initial=-np.inf) == chance[row, column]
    row, column = row[peak], column[peak]
    n_kept = int(_N_PER_SECOND * column_ms(chance.shape[1] / 2) / 1000)
    surest = np.argsort(-chance[row, column], kind="stable")[:n_kept]
    order = surest[np.lexsort((row[surest], column[surest]))]
    return row[order], column[order]


def _logits(relative: Doubles) -> Floats:
    """Return the logit of each class's share, of logits [m, n] relative to that of "no call".

    The odds of a class are its own weight to the sum of all the others', and of 1 for "no call".
    """
    n_calls, n_classes = relative.shape
    others = np.where(np.eye(n_classes, dtype=bool), -np.inf, relative[:, np.newaxis, :])
    rest = np.logaddexp.reduce(np.concatenate([others, np.zeros((n_calls, n_classes, 1))], axis=2), axis=2)
    logits: Floats = (relative - rest).astype(np.float32)
    return logits
