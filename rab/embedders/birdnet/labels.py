"""BirdNET's labels: 6,522 lines of `Scientific name_Common name`, not all of them birds, not all of them species.

101 classes are no birds: 42 insects, 41 amphibians, 7 mammals and 11 sounds. The labels do not say so, and it matters:
a summary must not count `Engine` as a species, and the location model, made from checklists of birds, knows none of
them (none scores above 0.002 anywhere on Earth, on a grid of 1 degree in weeks 10 and 30; its threshold is 0.03).
"""

from pathlib import Path

from rab.domain import Taxon, TaxonGroup
from rab.errors import ModelMissing

_SOUNDS = frozenset(
    {
        "Dog",
        "Engine",
        "Environmental",
        "Fireworks",
        "Gun",
        "Human non-vocal",
        "Human vocal",
        "Human whistle",
        "Noise",
        "Power tools",
        "Siren",
    }
)

_GENERA: dict[TaxonGroup, str] = {
    "amphibian": """Acris Anaxyrus Dryophytes Eleutherodactylus Gastrophryne Hyliola Incilius Lithobates Pseudacris
        Scaphiopus Spea""",
    "insect": """Allonemobius Amblycorypha Anaxipha Apis Atlanticus Conocephalus Cyrtoxipha Eunemobius Gryllus
        Microcentrum Miogryllus Neoconocephalus Neonemobius Oecanthus Orchelimum Orocharis Phyllopalpus Pterophylla
        Scudderia""",
    "mammal": "Alouatta Canis Odocoileus Sciurus Tamias Tamiasciurus",
}
_GROUP_OF_GENUS = {genus: group for group, genera in _GENERA.items() for genus in genera.split()}


def read_labels(path: Path) -> tuple[Taxon, ...]:
    """Read the classes in the order of the logits.

    Raises `ModelMissing` for a line that is not two names.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    names = [line.split("_") for line in lines]
    if any(len(pair) != 2 for pair in names):
        raise ModelMissing(f"{path} holds lines that are no labels", hint="run `rab models install birdnet-v2.4`")
    return tuple(Taxon(scientific_name=name, common_name=common, group=_group(name)) for name, common in names)


def _group(scientific_name: str) -> TaxonGroup:
    if scientific_name in _SOUNDS:
        return "sound"
    return _GROUP_OF_GENUS.get(scientific_name.split()[0], "bird")
