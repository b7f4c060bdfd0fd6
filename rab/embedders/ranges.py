"""Ranges that no network knows: where bats occur, and several range models as one.

BatDetect2 gives one of its 17 names to any bat call, wherever it was recorded. It was trained on the bats that breed in
Great Britain (Mac Aodha et al. 2022, bioRxiv 2022.12.14.520490), and all of them live in Europe; few live beyond, and
none outside the Old World. So a box around Europe, North Africa and the Near East says of most of the Earth that the
name must be wrong. It is coarse and errs towards expecting: a bat of the Mediterranean is expected in Lapland. What is
not expected is marked, and never deleted.
"""

from collections.abc import Sequence

from rab.domain import Taxon
from rab.embedders.base import RangeModel
from rab.errors import InputError

_EUROPEAN = frozenset(
    {
        "Barbastella barbastellus",
        "Barbastellus barbastellus",  # as BatDetect2 spells it
        "Myotis alcathoe",
        "Myotis bechsteinii",
        "Myotis brandtii",
        "Myotis daubentonii",
        "Myotis mystacinus",
        "Myotis nattereri",
        "Pipistrellus nathusii",
        "Pipistrellus pipistrellus",
        "Pipistrellus pygmaeus",
        "Plecotus auritus",
        "Plecotus austriacus",
    }
)
_ALSO_ASIAN = frozenset(
    {
        "Eptesicus serotinus",
        "Nyctalus leisleri",
        "Nyctalus noctula",
        "Rhinolophus ferrumequinum",
        "Rhinolophus hipposideros",
    }
)
"""Bats whose range reaches beyond 60° E: the greater horseshoe bat's to Japan, the others' to Central Asia and on."""

_EUROPE = (27.0, 72.0, -32.0, 60.0)
_ASIA = (20.0, 60.0, 60.0, 146.0)
"""South, north, west and east in degrees: Canaries to North Cape and Azores to Urals; then on to Japan."""


class EuropeanBats:
    """Where BatDetect2's bats occur, in any week, an `rab.embedders.base.RangeModel`.

    The boxes are rough knowledge of these species' ranges, drawn wide; no atlas was measured for them.
    """

    @property
    def names(self) -> frozenset[str]:
        """The scientific names of 17 bats, one of them in two spellings."""
        return _EUROPEAN | _ALSO_ASIAN

    def expected(self, lat_deg: float, lon_deg: float, week: int | None) -> frozenset[str]:
        """Return the bats that may occur at a place; the week does not matter, for they winter where they live.

        Raises `InputError` for a place off the Earth.
        """
        del week
        if not (abs(lat_deg) <= 90 and abs(lon_deg) <= 180):
            raise InputError(
                f"{lat_deg}, {lon_deg} is no place on Earth", hint="latitude is −90 to 90, longitude −180 to 180"
            )
        if _is_in(_EUROPE, lat_deg, lon_deg):
            return self.names
        return _ALSO_ASIAN if _is_in(_ASIA, lat_deg, lon_deg) else frozenset()


class Ranges:
    """Several range models as one: each is asked for the names that it knows."""

    def __init__(self, models: Sequence[RangeModel]) -> None:
        self._models = tuple(models)
        self._names = frozenset[str]().union(*(one.names for one in self._models))

    @property
    def names(self) -> frozenset[str]:
        """The scientific names that any of them knows."""
        return self._names

    def expected(self, lat_deg: float, lon_deg: float, week: int | None) -> frozenset[str]:
        """Return the names that any of them expects at a place in a week."""
        return frozenset[str]().union(*(one.expected(lat_deg, lon_deg, week) for one in self._models))


def ranges_for(taxa: Sequence[Taxon], models: Sequence[RangeModel]) -> Ranges:
    """Return those range models, as one, that know at least one of a classifier's classes."""
    classes = {taxon.scientific_name for taxon in taxa}
    return Ranges([one for one in models if not classes.isdisjoint(one.names)])


def _is_in(box: tuple[float, float, float, float], lat_deg: float, lon_deg: float) -> bool:
    south, north, west, east = box
    return south <= lat_deg <= north and west <= lon_deg <= east
