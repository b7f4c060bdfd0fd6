"""Labels are kept with all that is known of them, and make known which payloads they leave behind."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from rab.catalog import Catalog
from rab.domain import Label, SegmentFilter, parse_filter
from rab.errors import NotFound

if TYPE_CHECKING:
    from tests.conftest import Make

NOON = datetime(2025, 5, 3, 12, tzinfo=UTC)


def label(segment: str, taxon: str = "Turdus merula", **fields: Any) -> Label:
    """Return a person's label."""
    given = {"source": "human", "author": "Ann", "labelled_at": NOON}
    return Label.model_validate({"segment_id": segment, "taxon": taxon, **given, **fields})


def filled(catalog: Catalog, make: "Make", n: int = 3) -> list[str]:
    """Commit a recording with that many segments; return their ids."""
    recording = make.recording()
    stored = [make.segment(recording, index) for index in range(n)]
    catalog.commit_recording(recording, make.card(), stored, policy="p")
    return [one.segment.id for one in stored]


def test_a_label_keeps_its_kind_licence_and_provenance(catalog: Catalog, make: "Make") -> None:
    """What is read equals what was written, in one call or one by one."""
    first, second, _ = filled(catalog, make)
    said = [
        label(first, source="imported", licence="CC-BY-4.0", provenance="https://example.org/1.wav"),
        label(first, "alarm call", kind="call_type"),
        label(second, source="model", author="toy-v1"),
    ]
    catalog.add_labels(said)
    assert {first: tuple(said[:2]), second: (said[2],)} == catalog.labels_of([first, second])


def test_labels_are_gone_through_by_filter_and_source(catalog: Catalog, make: "Make") -> None:
    """Each comes with its segment, as stored; those of another space or source stay out."""
    first, second, _ = filled(catalog, make)
    said = [label(second), label(first, source="imported"), label(first, "alarm call", kind="call_type")]
    catalog.add_labels(said)
    space, everything = make.card().space, SegmentFilter()
    assert [(one.segment_id, one) for one in said] == list(catalog.labels(space, everything))
    assert [(first, said[1])] == list(catalog.labels(space, everything, source="imported"))
    assert [(first, said[1]), (first, said[2])] == list(catalog.labels(space, parse_filter('label="alarm call"')))
    assert [] == list(catalog.labels("nowhere", everything))


def test_labels_are_kept_all_or_none(catalog: Catalog, make: "Make") -> None:
    """One segment that is not there, and nothing is kept; known labels again change nothing."""
    first, second, _ = filled(catalog, make)
    with pytest.raises(NotFound, match="f" * 32):
        catalog.add_labels([label(first), label("f" * 32), label(second)])
    assert {} == catalog.labels_of([first, second])
    catalog.add_labels([label(first), label(first)])
    catalog.add_labels([label(first)])
    assert {first: (label(first),)} == catalog.labels_of([first, second])


def test_only_a_person_reviews(catalog: Catalog, make: "Make") -> None:
    """A table's label or a model's taken over without listening does not count as reviewed."""
    first, second, third = filled(catalog, make)
    catalog.add_labels([label(first), label(second, source="imported"), label(third, source="model")])
    assert [first] == catalog.segment_ids(make.card().space, parse_filter("reviewed"))
    assert [second, third] == catalog.segment_ids(make.card().space, parse_filter("not reviewed"))


def test_a_label_outdates_a_payload_until_it_is_rewritten(catalog: Catalog, make: "Make") -> None:
    """The note names the labelled segment alone; a label that comes meanwhile leaves a note of its own."""
    first, second, _ = filled(catalog, make)
    space = make.card().space
    assert {} == catalog.outdated_payloads(space, 10)
    catalog.add_labels([label(first)])
    noted = catalog.outdated_payloads(space, 10)
    assert [first] == list(noted.values())
    catalog.add_labels([label(first, "alarm call"), label(second)])
    catalog.forget_outdated(noted)
    assert {first, second} == set(catalog.outdated_payloads(space, 10).values())
    assert 1 == len(catalog.outdated_payloads(space, 1))
    catalog.forget_outdated(catalog.outdated_payloads(space, 10))
    assert {} == catalog.outdated_payloads(space, 10)
    assert {} == catalog.outdated_payloads("nowhere", 10)


@pytest.mark.parametrize(
    "told", [{"habitat": "spruce"}, {"site": "B"}, {"zone": "Europe/Zurich"}, {"lat_deg": 46.5, "lon_deg": 6.2}]
)
def test_what_is_newly_told_of_a_recording_outdates_its_payloads(
    catalog: Catalog, make: "Make", told: dict[str, Any]
) -> None:
    """A habitat, a site, a clock or a place that is learned later meets every segment of that recording."""
    ids = filled(catalog, make)
    other = make.recording("other")
    catalog.commit_recording(other, make.card(), [make.segment(other)], policy="p")
    catalog.refresh_recording(make.recording())
    assert {} == catalog.outdated_payloads(make.card().space, 10)
    catalog.refresh_recording(make.recording(**told))
    assert sorted(ids) == sorted(catalog.outdated_payloads(make.card().space, 10).values())


def test_a_habitat_is_not_forgotten(catalog: Catalog, make: "Make") -> None:
    """Whoever ingests again without the deployments table takes no habitat away."""
    catalog.refresh_recording(make.recording(habitat="spruce"))
    catalog.refresh_recording(make.recording())
    assert "spruce" == catalog.recording(make.recording().id).notes.habitat
