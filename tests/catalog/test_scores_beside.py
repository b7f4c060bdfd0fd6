"""What another model gave the same stretch of sound is found by the recording, the voice and the time."""

from typing import TYPE_CHECKING

from rab.catalog import Catalog
from rab.domain import CallSegment

if TYPE_CHECKING:
    from tests.conftest import Make


def names(catalog: Catalog, call: CallSegment, space: str) -> list[tuple[str, float]]:
    return [(one.taxon.scientific_name, one.raw_score) for one in catalog.scores_beside(call, space)]


def test_scores_of_another_model_are_those_of_the_same_stretch(catalog: Catalog, make: "Make") -> None:
    """Half of the shorter must be shared; a taxon heard in two windows counts once, with its better score."""
    recording, other = make.recording("a"), make.card(name="other", window_ms=3000)
    cuckoo, blackbird = "Cuculus canorus", "Turdus merula"
    own = [make.segment(recording, n, scores=[make.score(blackbird, 0.9)]) for n in range(4)]
    theirs = [
        make.segment(
            recording,
            n,
            embedder="other-v1",
            scores=[
                make.score(cuckoo, 0.5 + n / 10, model="other-v1"),
                make.score(blackbird, 0.1 + n / 100, model="other-v1"),
            ],
        )
        for n in range(4)
    ]
    catalog.commit_recording(recording, make.card(), own, policy="p")
    catalog.commit_recording(recording, other, theirs, policy="p")
    call = own[1].segment
    assert [(cuckoo, 0.6), (blackbird, 0.11)] == names(catalog, call, other.space)
    across = call.model_copy(update={"t0_ms": 4500.0, "t1_ms": 7500.0})
    assert [(cuckoo, 0.7), (blackbird, 0.12)] == names(catalog, across, other.space)
    assert [] == names(catalog, call.model_copy(update={"channel": 1}), other.space)
    assert [] == names(catalog, call.model_copy(update={"recording_id": "0" * 64}), other.space)
    assert [] == names(catalog, call.model_copy(update={"t0_ms": 60_000.0, "t1_ms": 63_000.0}), other.space)
