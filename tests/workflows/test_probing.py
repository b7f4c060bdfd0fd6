"""A library teaches its own probes, by its labels, habitats and recorders, and they answer for its segments."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rab.catalog import Catalog
from rab.domain import (
    Label,
    LabelKind,
    LabelSource,
    SegmentFilter,
    SegmentPayload,
    parse_filter,
)
from rab.errors import InputError, NotFound, SpaceMismatch
from rab.store.base import VectorStore
from rab.store.exact import ExactStore
from rab.workflows.call_library import remove_collection
from rab.workflows.probing import apply_probe, find_probe, list_probes, remove_probe, teach_probe
from rab.workflows.workspace import Workspace
from tests.conftest import Make

DIM = 16
MODEL = "toy-v1"
MAKE = Make()


class Library:
    """A library of made-up sounds, in memory but for its catalog."""

    def __init__(self, folder: Path) -> None:
        catalog = Catalog.open(f"sqlite:///{(folder / 'catalog.sqlite').as_posix()}")
        self.stores: dict[str, VectorStore] = {}
        self.workspace = Workspace(
            home=folder,
            catalog=catalog,
            build_embedder=lambda key: pytest.fail(f"nothing is embedded, and {key} was asked for"),
            open_store=lambda card: self.stores.setdefault(card.space, ExactStore(card)),
            open_ranges=lambda _: pytest.fail("no ranges are needed"),
        )
        self._random = np.random.default_rng(0)

    def record(
        self, name: str, direction: int, *, site: str | None = None, model: str = MODEL, **notes: str
    ) -> Sequence[str]:
        """Take in a recording of four segments that lie around one axis of the space; return their ids."""
        card = MAKE.card(name=model.partition("-v")[0], version=model.partition("-v")[2], dim=DIM)
        recording = MAKE.recording(name, site=site, started_at=None, zone=None, duration_ms=12_000, **notes)
        stored = [MAKE.segment(recording, number, embedder=model) for number in range(4)]
        ids = [one.segment.id for one in stored]
        vectors = 0.15 * self._random.normal(size=(4, DIM))
        vectors[:, direction] += 1
        payloads = [SegmentPayload(segment_id=one, recording_id=recording.id, site=site) for one in ids]
        self.workspace.catalog.commit_recording(recording, card, stored, policy="p")
        self.workspace.store(card).upsert(vectors.astype(np.float32), payloads)
        return ids

    def say(
        self,
        ids: Sequence[str],
        name: str,
        *,
        source: LabelSource = "human",
        kind: LabelKind = "taxon",
        author: str = "Ann",
        day: int = 3,
    ) -> None:
        """Label segments."""
        given = {"taxon": name, "source": source, "author": author, "kind": kind}
        labels = [Label(segment_id=one, labelled_at=f"2025-05-{day:02}T12:00Z", **given) for one in ids]
        self.workspace.catalog.add_labels(labels)


@pytest.fixture
def made_up(tmp_path: Path) -> Library:
    """Return an empty library."""
    return Library(tmp_path)


def _three_owls_and_three_wrens(made_up: Library) -> None:
    for number in range(3):
        made_up.say(made_up.record(f"owl{number}", 0), "Strix aluco")
        made_up.say(made_up.record(f"wren{number}", 1), "Troglodytes troglodytes", source="imported")


def test_labels_teach_a_probe_that_answers_for_new_segments(made_up: Library) -> None:
    """Labels of people and tables teach species; the probe is kept, found again and names what came later."""
    _three_owls_and_three_wrens(made_up)
    taught = teach_probe(made_up.workspace, "voices", kind="species", model=MODEL)
    assert (("Strix aluco", "Troglodytes troglodytes"), (12, 12)) == (taught.classes, taught.n_per_class)
    assert taught.metrics is not None
    assert ("recording", 6) == (taught.metrics.held_out, taught.metrics.n_groups)
    assert taught.metrics.beats_chance
    assert taught == find_probe(made_up.workspace, "voices")
    new = made_up.record("later", 1)
    answers = {one.call.segment_id: one for one in apply_probe(made_up.workspace, taught)}
    assert 28 == len(answers)
    assert ["Troglodytes troglodytes"] * 4 == [answers[one].scores[0].score.taxon.scientific_name for one in new]
    assert {"probe:voices"} == {score.score.model for answer in answers.values() for score in answer.scores}


def test_a_models_word_teaches_nothing_and_a_person_overrules_a_table(made_up: Library) -> None:
    """Labels that a model gave are passed over; where a table and a person disagree, the person is right."""
    _three_owls_and_three_wrens(made_up)
    made_up.say(made_up.record("unheard", 3), "Bubo bubo", source="model")
    corrected = made_up.record("corrected", 0)
    made_up.say(corrected, "Troglodytes troglodytes", source="imported")
    made_up.say(corrected, "Strix aluco")
    taught = teach_probe(made_up.workspace, "voices", kind="species", model=MODEL)
    assert (("Strix aluco", "Troglodytes troglodytes"), (16, 12)) == (taught.classes, taught.n_per_class)


def test_contradictory_labels_are_counted_and_left_out(made_up: Library) -> None:
    """Where two people disagree, neither is believed; who changes their own mind is. The probe says how many."""
    _three_owls_and_three_wrens(made_up)
    disputed = made_up.record("disputed", 0)
    made_up.say(disputed, "Strix aluco")
    made_up.say(disputed[:3], "Troglodytes troglodytes", author="Bob")
    made_up.say(disputed[:1], "Strix aluco", author="Bob", day=4)
    taught = teach_probe(made_up.workspace, "voices", kind="species", model=MODEL)
    assert (14, 12) == taught.n_per_class
    left_out = "2 segments were left out: their labels contradict each other (of each author the newest counts)"
    assert (f"{left_out}.",) == taught.caveats
    made_up.say(disputed, "Bubo bubo", author="Cyd")
    with pytest.raises(InputError, match="4 segments were left out: their labels contradict each other"):
        teach_probe(made_up.workspace, "voices", kind="species", model=MODEL, where=parse_filter('label="Bubo bubo"'))


def test_kinds_of_labels_are_kept_apart(made_up: Library) -> None:
    """Call types teach a probe of call types alone."""
    _three_owls_and_three_wrens(made_up)
    for number, name in enumerate(("hoot", "kewick", "hoot", "kewick")):
        made_up.say(made_up.record(f"call{number}", number % 2), name, kind="call_type")
    assert ("hoot", "kewick") == teach_probe(made_up.workspace, "calls", kind="call-type", model=MODEL).classes
    with pytest.raises(InputError, match="which individual it is"):
        teach_probe(made_up.workspace, "who", kind="individual", model=MODEL)


def test_habitats_hold_sites_apart(made_up: Library) -> None:
    """With two sites of each habitat, whole sites are held out, for a probe of habitats must not know places."""
    for number in range(4):
        made_up.record(f"wood{number}", 0, site=f"W{number % 2}", habitat="woodland")
        made_up.record(f"marsh{number}", 1, site=f"M{number % 2}", habitat="marsh")
    metrics = teach_probe(made_up.workspace, "where", kind="habitat", model=MODEL).metrics
    assert metrics is not None
    assert ("site", 4) == (metrics.held_out, metrics.n_groups)


def test_a_filter_limits_what_teaches(made_up: Library) -> None:
    """Segments that the filter leaves out teach nothing, and the filter's words are kept with the probe."""
    for number in range(3):
        made_up.record(f"wood{number}", 0, site="W", habitat="woodland")
        made_up.record(f"marsh{number}", 1, site="M", habitat="marsh")
        made_up.record(f"heath{number}", 2, site="H", habitat="heath")
    where = SegmentFilter(sites=("M", "W"))
    taught = teach_probe(made_up.workspace, "where", kind="habitat", model=MODEL, where=where)
    assert (("marsh", "woodland"), "site=M,W") == (taught.classes, taught.taught_with)


def test_an_embedding_that_carries_the_device_is_warned_of(made_up: Library) -> None:
    """Recorders that are told apart at sites they share bring a warning, with the figures."""
    for number in range(6):
        made_up.record(f"old{number}", 0, site=f"S{number % 3}", serial="AM07")
        made_up.record(f"new{number}", 1, site=f"S{number % 3}", serial="AM09")
    taught = teach_probe(made_up.workspace, "device", kind="sensor", model=MODEL)
    assert taught.metrics is not None
    assert "site" == taught.metrics.held_out
    assert "The embedding carries the device" in taught.caveats[-1]


def test_recorders_that_sound_alike_bring_no_warning(made_up: Library) -> None:
    """Where recorders cannot be told apart, the probe is weak, as it should be, and nothing is warned of."""
    for number in range(6):
        made_up.record(f"old{number}", 0, site=f"S{number % 3}", serial="AM07")
        made_up.record(f"new{number}", 0, site=f"S{number % 3}", serial="AM09")
    taught = teach_probe(made_up.workspace, "device", kind="sensor", model=MODEL)
    assert () == taught.caveats
    assert taught.metrics is not None
    assert not taught.metrics.beats_chance


def test_recorders_at_one_site_each_cannot_be_told_from_places(made_up: Library) -> None:
    """Where every recorder hung at one site, the probe says that device and place are one."""
    for number in range(3):
        made_up.record(f"old{number}", 0, site="A", serial="AM07")
        made_up.record(f"new{number}", 1, site="B", serial="AM09")
    taught = teach_probe(made_up.workspace, "device", kind="sensor", model=MODEL)
    assert "cannot be told apart from its place" in taught.caveats[0]


def test_nothing_to_learn_from_is_an_error(made_up: Library) -> None:
    """No labels, one class, a name that no command could write: each says what to do."""
    made_up.record("plain", 0)
    with pytest.raises(InputError, match="which species it is"):
        teach_probe(made_up.workspace, "voices", kind="species", model=MODEL)
    made_up.say(made_up.record("owl", 0), "Strix aluco")
    with pytest.raises(InputError, match="only one class, 'Strix aluco'"):
        teach_probe(made_up.workspace, "voices", kind="species", model=MODEL)
    with pytest.raises(InputError, match="cannot be called 'my voices'"):
        teach_probe(made_up.workspace, "my voices", kind="species", model=MODEL)


def test_probes_are_listed_replaced_and_forgotten(made_up: Library) -> None:
    """Teaching again keeps a new version; forgetting takes all of them."""
    _three_owls_and_three_wrens(made_up)
    for _ in range(2):
        teach_probe(made_up.workspace, "voices", kind="species", model=MODEL)
    assert ["voices"] == [one.name for one in list_probes(made_up.workspace)]
    assert 2 == remove_probe(made_up.workspace, "voices")
    assert [] == list_probes(made_up.workspace)
    with pytest.raises(NotFound, match="no probe voices"):
        find_probe(made_up.workspace, "voices")


def test_a_probe_of_another_models_space_is_refused(made_up: Library) -> None:
    """A probe is found in the space that it was taught in, and refused for segments of another model."""
    _three_owls_and_three_wrens(made_up)
    made_up.record("other", 0, model="else-v2")
    taught = teach_probe(made_up.workspace, "voices", kind="species", model=MODEL)
    with pytest.raises(SpaceMismatch, match="was taught in toy-v1"):
        find_probe(made_up.workspace, "voices", model="else-v2")
    strange = taught.model_copy(update={"space": "gone-v1-16-00000000"})
    with pytest.raises(SpaceMismatch, match="no longer fills"):
        list(apply_probe(made_up.workspace, strange))


def test_removing_a_collection_tells_which_probes_it_taught(made_up: Library) -> None:
    """Probes taught by its labels are named with the command that teaches them anew; others are not."""

    def bring(name: str, direction: int, taxon: str, year: int = 2025) -> None:
        ids = made_up.record(name, direction, site=name[0])
        given = {"taxon": taxon, "source": "imported", "author": "Ann", "provenance": "atlas: t.csv line 2"}
        labels = [Label(segment_id=one, labelled_at=f"{year}-05-03T12:00Z", **given) for one in ids]
        made_up.workspace.catalog.add_labels(labels)

    _three_owls_and_three_wrens(made_up)
    teach_probe(made_up.workspace, "before", kind="species", model=MODEL)
    for number in range(3):
        bring(f"a{number}", 2, "Bubo bubo")
        bring(f"b{number}", 3, "Parus major")
    teach_probe(made_up.workspace, "all", kind="species", model=MODEL)
    teach_probe(made_up.workspace, "some", kind="species", model=MODEL, where=parse_filter("site=a,b"))
    bring("c", 0, "Strix aluco", year=9000)
    removed = remove_collection(made_up.workspace, "atlas")
    command = f"`rab probes train {{}} --kind species --model {MODEL}{{}}`, or forget it with `rab probes remove {{}}`"
    stays = "and stays in use: train it anew with"
    assert 28 == removed.n_labels
    assert (
        f"the probe all was taught with such labels {stays} {command.format('all', '', 'all')}",
        f"the probe before may rest on an earlier form of such labels {stays} {command.format('before', '', 'before')}",
        f"the probe some was taught with such labels {stays} {command.format('some', ' --where site=a,b', 'some')}",
    ) == removed.notes
