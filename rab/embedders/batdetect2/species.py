"""The species that BatDetect2 knows, by the names in its checkpoint, with their English names.

The published network was trained on the bats of the United Kingdom. Names stay as published, also where the genus is
called otherwise today: the barbastelle is a `Barbastella` everywhere else.
"""

from collections.abc import Sequence

from rab.domain import Taxon
from rab.errors import ModelMissing

_COMMON_NAMES = {
    "Barbastellus barbastellus": "Western Barbastelle",
    "Eptesicus serotinus": "Serotine",
    "Myotis alcathoe": "Alcathoe Bat",
    "Myotis bechsteinii": "Bechstein's Bat",
    "Myotis brandtii": "Brandt's Bat",
    "Myotis daubentonii": "Daubenton's Bat",
    "Myotis mystacinus": "Whiskered Bat",
    "Myotis nattereri": "Natterer's Bat",
    "Nyctalus leisleri": "Leisler's Bat",
    "Nyctalus noctula": "Noctule",
    "Pipistrellus nathusii": "Nathusius' Pipistrelle",
    "Pipistrellus pipistrellus": "Common Pipistrelle",
    "Pipistrellus pygmaeus": "Soprano Pipistrelle",
    "Plecotus auritus": "Brown Long-eared Bat",
    "Plecotus austriacus": "Grey Long-eared Bat",
    "Rhinolophus ferrumequinum": "Greater Horseshoe Bat",
    "Rhinolophus hipposideros": "Lesser Horseshoe Bat",
}

N_CLASSES = len(_COMMON_NAMES)


def taxa_of(names: Sequence[str]) -> tuple[Taxon, ...]:
    """Return the classes in the checkpoint's order. Raises `ModelMissing` for other species than the published ones."""
    if set(names) != set(_COMMON_NAMES) or len(names) != N_CLASSES:
        raise ModelMissing(
            "the checkpoint names other species than BatDetect2 1.3.1",
            hint="run `rab models install batdetect2-v1.3.1` again",
        )
    return tuple(Taxon(scientific_name=name, common_name=_COMMON_NAMES[name], group="mammal") for name in names)
