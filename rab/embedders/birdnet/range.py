"""BirdNET's location and week model: which birds an observer would report at a place in a week of the year.

It was trained on checklists, so it answers "is the species reported there then", which is close to "could it be heard".
Not the same: of the storm petrels that breed underground in Shetland and come ashore at night, few are reported, and it
gives them 0.027 there in early July, below the threshold (0.45 over the year). So what it does not expect is marked,
and never deleted.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from rab.embedders.birdnet.labels import read_labels
from rab.embedders.litert import LiteRTNetwork
from rab.embedders.weights import InstalledModel
from rab.errors import InputError

THRESHOLD = 0.03
"""Occurrence score from which a species counts as expected: BirdNET-Analyzer's default (`--sf_thresh`)."""

_N_WEEKS = 48
_WHOLE_YEAR = -1


class BirdNETRange:
    """The location and week model of BirdNET V2.4 (`MData_Model_V2_FP16`), an `rab.embedders.base.RangeModel`.

    An answer takes 1 ms; the last 256 are kept.

    Source: BirdNET-Analyzer's documentation: latitude and longitude in degrees, week 1–48, or −1 for the whole year.
    """

    def __init__(self, installed: InstalledModel) -> None:
        taxa = read_labels(installed.path("labels"))
        self._names = np.array([taxon.scientific_name for taxon in taxa], dtype=object)
        self._birds = frozenset(taxon.scientific_name for taxon in taxa if taxon.group == "bird")
        self._network = LiteRTNetwork(installed.path("range"), n_threads=1, name="BirdNET's location model")
        self._answer: Callable[[float, float, int | None], frozenset[str]] = lru_cache(maxsize=256)(self._ask)

    @property
    def names(self) -> frozenset[str]:
        """The scientific names of the birds among BirdNET's labels: 6,421."""
        return self._birds

    def expected(self, lat_deg: float, lon_deg: float, week: int | None) -> frozenset[str]:
        """Return the scientific names of birds expected at a place in a week, 1–48, or at any time of the year.

        No other animal is ever expected: the model knows none. Raises `InputError` for a place off the Earth or a week
        out of the year.
        """
        if not (abs(lat_deg) <= 90 and abs(lon_deg) <= 180 and (week is None or 1 <= week <= _N_WEEKS)):
            raise InputError(
                f"{lat_deg}, {lon_deg} in week {week} is no place and time on Earth",
                hint="latitude is −90 to 90, longitude −180 to 180, week 1 to 48",
            )
        return self._answer(lat_deg, lon_deg, week)

    def _ask(self, lat_deg: float, lon_deg: float, week: int | None) -> frozenset[str]:
        when = _WHOLE_YEAR if week is None else week
        (asked,), outputs = self._network.inputs, list(self._network.outputs)
        (occurrence,) = self._network(outputs, **{asked: np.array([[lat_deg, lon_deg, when]], dtype=np.float32)})
        return frozenset(self._names[occurrence[0] >= THRESHOLD])
