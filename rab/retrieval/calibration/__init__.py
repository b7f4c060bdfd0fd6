"""What raw scores and similarities are worth, learned from labels and proven on recordings that were held out.

    labels ─┬─ answers ── curves (Platt, steps, pooled) ── proof ── SpeciesCalibration
            │     └────── thresholds for a precision ─────────────┘
            └─ nearest namesakes ── conformal thresholds by SNR ─── NearThreshold

Pure functions: arrays and policies in, values out, the same for the same seed.
"""

from rab.retrieval.calibration.conformal import NearestCalls, conformal_threshold, near_thresholds, nearest_calls
from rab.retrieval.calibration.learn import Answers, CalibrationPolicy, Terms, calibrate
from rab.retrieval.calibration.thresholds import precision_threshold

__all__ = [
    "Answers",
    "CalibrationPolicy",
    "NearestCalls",
    "Terms",
    "calibrate",
    "conformal_threshold",
    "near_thresholds",
    "nearest_calls",
    "precision_threshold",
]
