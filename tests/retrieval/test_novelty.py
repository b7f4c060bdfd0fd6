"""Novelty is said in words, and what people make is told from what nobody names."""

import pytest

from rab.domain import NoveltyScore
from rab.retrieval.novelty import human_made_classes


@pytest.mark.parametrize(
    ("novelty", "words"),
    [
        (None, "no other recording to compare with"),
        (0.5, "like much of the library"),
        (0.95, "unusual: farther out than 95 %"),
        (0.9994, "unlike anything else here: farther out than 99.9 %"),
    ],
)
def test_novelty_is_said_in_words(novelty: float | None, words: str) -> None:
    """A rank is told as what it means, never rounded up to all."""
    assert words == NoveltyScore(segment_id="a", novelty=novelty).words


def test_sounds_of_people_are_known_however_a_model_writes_them() -> None:
    """BirdNET's and Perch's classes of people and machines count; animals, weather and noise do not."""
    names = ["Engine", "Human non-vocal", "Gunshot_and_gunfire", "Turdus merula", "Noise", "Environmental", "Rain"]
    assert ("Engine", "Gunshot_and_gunfire", "Human non-vocal") == human_made_classes(names)
