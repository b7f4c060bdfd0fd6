"""Human voices: windows in which a classifier hears people, told from all of its human classes.

They are looked for on the full logits, before any floor, species list or sensitivity: what a user wants to know of
birds has no say in what is known of people. A window counts from a raw score of 0.05. BirdNET-Pi goes by rank instead:
a human class among the ten best, or among as many per cent of all classes as is stated, however low it scores. On 442
windows of birds, BirdNET V2.4 gave no human class 0.05, while one stood among the ten best
in 10 of them and among the best hundredth in 54; of 250 clips from a Queensland island 9 reached 0.05, most of them
koalas (25 and 87 by rank). How many voices are missed has not been measured: no recording of speech was at hand.

Windows are flagged unless a user asks for more. To drop them protects nobody while the recording itself is kept, and
would silently cost a koala survey its calls (6 of 16 clips); a flag can be searched for, checked, and left out.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import Activation, Taxon, Value
from rab.embedders.scores.activation import Logits, raw_scores

Columns = npt.NDArray[np.intp]
PrivacyMode = Literal["drop", "flag", "off"]

_HUMAN = frozenset(
    """human vocal|human non vocal|human whistle|human voice|speech|male speech and man speaking|
    female speech and woman speaking|child speech and kid speaking|speech synthesizer|conversation|chatter|whispering|
    shout|yell|screaming|singing|male singing|female singing|laughter|giggle|chuckle and chortle|crying and sobbing|
    human group actions|crowd|cheering""".replace("\n    ", "").split("|")
)
"""Classes that tell of people, in small letters and without signs: BirdNET's three, and those of FSD50K's vocabulary
that are voices, of one or of many, which Perch's labels carry."""


class PrivacyPolicy(Value):
    """What becomes of windows in which people are heard: they are left out, marked, or not looked for."""

    mode: PrivacyMode = "flag"
    threshold: float = Field(default=0.05, gt=0, le=1)
    """Raw score at sensitivity 1 from which people count as heard: of the best human class, or under a softmax of all
    of them together."""


def human_classes(taxa: Sequence[Taxon]) -> Columns:
    """Return the columns, ascending, of a model's classes that tell of people: intp [n], often empty."""
    return np.array([column for column, taxon in enumerate(taxa) if _plain(taxon.scientific_name) in _HUMAN], np.intp)


def human_voice(
    logits: Logits, columns: Columns, policy: PrivacyPolicy, *, activation: Activation = "sigmoid"
) -> npt.NDArray[np.bool_]:
    """Say of each window whether people are heard in it: bool [n] for logits float32 [n, n_classes].

    `columns` are the model's `human_classes`. Nobody is heard by a model without one, or with the policy off.
    """
    if policy.mode == "off" or not len(columns):
        return np.zeros(len(logits), dtype=np.bool_)
    if activation == "softmax":
        heard = raw_scores(logits, activation)[:, columns].sum(axis=1)
    else:
        heard = raw_scores(logits[:, columns]).max(axis=1)
    return np.asarray(heard >= policy.threshold, dtype=np.bool_)


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ")
