"""Ranges: bats by boxes, birds by BirdNET, and both as one."""

from pathlib import Path

import pytest

from rab.domain import Taxon
from rab.embedders.base import Embedder
from rab.embedders.birdnet import BirdNETRange
from rab.embedders.ranges import EuropeanBats, Ranges, ranges_for
from rab.embedders.scores import taxa_without_range
from rab.embedders.weights import find
from rab.errors import InputError

BRISTOL, SAO_PAULO, TOKYO, LEIDEN = (51.45, -2.59), (-23.55, -46.63), (35.68, 139.69), (52.15, 4.47)
BATS = EuropeanBats()


def test_a_bat_of_britain_is_expected_there_and_not_in_brazil() -> None:
    """All names in Bristol, none in São Paulo."""
    assert BATS.names == BATS.expected(*BRISTOL, None)
    assert not BATS.expected(*SAO_PAULO, 20)


def test_few_of_them_reach_japan() -> None:
    """The greater horseshoe bat does, the common pipistrelle does not."""
    expected = BATS.expected(*TOKYO, None)

    assert "Rhinolophus ferrumequinum" in expected
    assert "Pipistrellus pipistrellus" not in expected


@pytest.mark.parametrize("place", [(90.1, 0), (0, -180.1), (float("nan"), 0)])
def test_a_place_off_the_earth_is_refused(place: tuple[float, float]) -> None:
    """Latitudes and longitudes have bounds."""
    with pytest.raises(InputError, match="no place on Earth"):
        BATS.expected(*place, None)


def test_several_models_answer_as_one(models_dir: Path) -> None:
    """Each for the names that it knows."""
    both = Ranges([BirdNETRange(find("birdnet-v2.4", models_dir)), BATS])

    expected = both.expected(*LEIDEN, 17)

    assert {"Turdus merula", "Pipistrellus pipistrellus"} <= expected
    assert {"Turdus merula", "Bubo virginianus", "Pipistrellus pipistrellus"} <= both.names
    assert not {"Engine", "Canis lupus"} & both.names


def test_a_classifier_gets_the_models_that_know_its_classes() -> None:
    """Bats for bats; for birds, a model of bats says nothing."""
    bat = Taxon(scientific_name="Nyctalus noctula", common_name="Common Noctule", group="mammal")
    bird = Taxon(scientific_name="Turdus merula", common_name="Eurasian Blackbird", group="bird")

    assert BATS.names == ranges_for([bat], [BATS]).names
    assert frozenset() == ranges_for([bird], [BATS]).names


def test_birdnets_range_model_knows_all_of_its_birds(birdnet: Embedder, models_dir: Path) -> None:
    """6,421 of 6,522 classes are birds, and none of them is left without a range."""
    names = BirdNETRange(find("birdnet-v2.4", models_dir)).names

    assert (6421, ()) == (len(names), taxa_without_range(birdnet.taxa, names))
