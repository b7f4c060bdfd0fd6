"""From logits to raw scores, 0–1.

Sensitivity is the slope of the sigmoid: a raw score is sigmoid(sensitivity · logit). That is what the `birdnet` package
means by it and what BirdNET-Analyzer computed up to its version 1, whose option was turned round first: an option of s
gave the slope 2 − s, so that a higher option raised the scores below 0.5. From version 2 on, BirdNET-Analyzer shifts
instead of tilting: sigmoid(logit + 10 · (s − 1)). All agree at 1.0. They clip logits at ±15 or ±20, which is not done
here: it changes no score by more than 0.0006, and none that any floor would keep.
"""

import numpy as np
import numpy.typing as npt

from rab.domain import Activation

Logits = npt.NDArray[np.float32]


def raw_scores(logits: Logits, activation: Activation = "sigmoid", sensitivity: float = 1.0) -> Logits:
    """Return raw scores float32 [n, n_classes] of logits of that shape, so computed that no logit overflows.

    Softmax is taken over the row and knows no sensitivity: its classes share 1, and a slope would change how they share
    it, not how sure the model is. Sensitivity is ignored there, as BirdNET-Analyzer ignores it for Perch.
    """
    if activation == "softmax":
        shares = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)
    steep = np.float32(sensitivity) * logits
    small = np.exp(-np.abs(steep))
    return np.asarray(np.where(steep >= 0, np.float32(1), small) / (np.float32(1) + small), dtype=np.float32)
