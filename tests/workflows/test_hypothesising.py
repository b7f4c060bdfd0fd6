"""Hypothesis prompts of a library on disk: what is read is what was stored, and every command that is printed runs."""

import logging
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rab.bootstrap import open_workspace
from rab.catalog.observed import Observed
from rab.cli import main
from rab.domain import (
    Cluster,
    Clustering,
    EvidencePack,
    HypothesisPrompts,
    Label,
    LibraryFacts,
    SegmentFilter,
    SegmentPayload,
    TaxonScore,
)
from rab.domain.evidence import FAMILIES, Family
from rab.errors import InputError
from rab.evidence.hypothesis_pack import gather_hypotheses
from rab.settings import Settings
from rab.workflows.hypothesising import at_the_middle, ground_of, hypothesise
from rab.workflows.workspace import Workspace
from tests.evidence.made_up_field import MAKE, Field, season

CARD = MAKE.card()
N_DAYS = 8
EVERYTHING = SegmentFilter()


@pytest.fixture(scope="module")
def field() -> Field:
    """Return a short season with novel sounds at Ridge, from 06:00 on."""
    return season(1, "novelty_hotspot", n_days=N_DAYS)


@pytest.fixture(scope="module")
def home(field: Field, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data directory of a library that holds the season, with its clusters, scores, novelty and labels."""
    home = tmp_path_factory.mktemp("season")
    with open_workspace(Settings(home=home), purpose="tests") as workspace:
        _fill(workspace, field)
    return home


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    """Return the library of the season."""
    with open_workspace(Settings(home=home), purpose="tests") as opened:
        yield opened


def _fill(workspace: Workspace, field: Field) -> None:
    seen, heard, random = field.ground.seen, field.ground.heard, np.random.default_rng(0)
    scores: dict[str, list[TaxonScore]] = {}
    for row, taxon in enumerate(heard.taxon.tolist()):
        name = heard.taxa[taxon].scientific_name
        scores.setdefault(heard.segment_ids[row].decode(), []).append(MAKE.score(name, 0.8, in_range=True))
    ids = [seen.id(row) for row in range(len(seen))]
    stored = field.segments(ids)
    store = workspace.store(CARD)
    for number, recording in enumerate(field.recordings):
        own = [stored[ids[row]] for row in np.flatnonzero(seen.recording == number).tolist()]
        calls = [one.model_copy(update={"scores": tuple(scores.get(one.segment.id, ()))}) for one in own]
        workspace.catalog.commit_recording(recording, CARD, calls, policy="p")
        payloads = [SegmentPayload(segment_id=one.segment.id, recording_id=recording.id) for one in calls]
        vectors = random.normal(size=(len(calls), CARD.dim)).astype(np.float32)
        store.upsert(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), payloads)
    members = {one: seen.clusters[cluster] for one, cluster in zip(ids, seen.cluster.tolist(), strict=True)}
    clusters = tuple(
        Cluster(
            id=name,
            space=CARD.space,
            n_members=list(members.values()).count(name),
            persistence=None,
            medoid_id=next(one for one, cluster in members.items() if cluster == name),
            exemplar_ids=(),
        )
        for name in seen.clusters
    )
    clustering = Clustering(
        id="k", space=CARD.space, method="made up", n_segments=len(ids), n_unassigned=0, clusters=clusters
    )
    novelty = dict(zip(ids, seen.novelty.tolist(), strict=True))
    workspace.catalog.save_clustering(clustering, members, novelty=novelty)
    given = field.ground.names[0]
    workspace.catalog.add_labels(
        Label(
            segment_id=ids[row],
            taxon=name,
            source="human",
            author="ann",
            labelled_at=datetime(2025, 7, 1, tzinfo=UTC),
        )
        for row, name in zip(given.rows.tolist(), given.names, strict=True)
    )


def test_the_ground_is_what_was_stored(workspace: Workspace, field: Field) -> None:
    """Columns come back as they were written, with effort and labels beside them."""
    found = ground_of(workspace, CARD, EVERYTHING)
    order = [found.seen.row_of[field.ground.seen.id(row)] for row in range(len(field.ground.seen))]
    for name, off in (("t0_ms", 0), ("date", 0), ("hour", 0), ("novelty", 0), ("snr_db", 0.006), ("peak_hz", 0.06)):
        assert np.allclose(getattr(field.ground.seen, name), getattr(found.seen, name)[order], rtol=0, atol=off)
    clusters = [found.seen.clusters[one] for one in found.seen.cluster[order].tolist()]
    assert clusters == [field.ground.seen.clusters[one] for one in field.ground.seen.cluster.tolist()]
    assert sorted(field.ground.names[0].names) == sorted(found.names[0].names)
    assert (4 * N_DAYS, round(4 * N_DAYS * 4 / 60, 9)) == (found.n_units, round(float(found.effort_h.sum()), 9))


def test_the_library_asks_what_was_planted(workspace: Workspace) -> None:
    """The hotspot is asked about; the pack is kept, and gives the same text again."""
    written = hypothesise(workspace, model=CARD.key)
    texts = [one.text for one in written.claims if one.kind == "hypothesis_prompt"]
    assert [
        "Do sounds unlike the rest of the library come more often at Ridge in the hour 06:00–07:00"
        " than at other sites and hours?"
    ] == texts
    assert () == written.dropped
    assert written.pack == workspace.catalog.pack(written.pack.pack_id)
    assert written == hypothesise(workspace, model=CARD.key)


def test_a_filter_limits_what_is_screened(workspace: Workspace) -> None:
    """Without Ridge there is no hotspot, and a filter that no segment matches leaves nothing to screen."""
    where = SegmentFilter(exclude=SegmentFilter(sites=("Ridge",)))
    written = hypothesise(workspace, model=CARD.key, where=where, families=("novelty_hotspot",))
    assert () == written.pack.contrasts
    assert ["screening"] == [one.kind for one in written.claims]
    with pytest.raises(InputError):
        hypothesise(workspace, model=CARD.key, where=SegmentFilter(sites=("Nowhere",)))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_command_runs(
    family: Family, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a question of each family prints for looking again is a command that ends well on a library of its kind."""
    entries = _pack(season(1, family), family).contrasts
    assert entries
    for entry in entries:
        assert _run(shlex.split(entry.command), home, monkeypatch, capsys).strip()


def test_the_command_prints_questions(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The families that are named are screened; with `--json` the answer is the whole text with its pack."""
    words = ["rab", "hypotheses", "--model", CARD.key, "--family", "novelty_hotspot"]
    out = _run(words, home, monkeypatch, capsys)
    assert "Question 1: novelty hotspot" in out
    assert "at other sites and hours? [h1." in out
    written = HypothesisPrompts.model_validate_json(_run([*words, "--json"], home, monkeypatch, capsys))
    assert ["novelty_hotspot"] == [one.code for one in written.claims if one.kind == "screening"]


def _run(words: list[str], home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command of `rab` in this process and return what it prints; it must end well."""
    monkeypatch.setattr(logging.getLogger("rab"), "handlers", [])
    monkeypatch.setenv("RAB_HOME", str(home))
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, words
    return capsys.readouterr().out


def _pack(planted: Field, family: Family) -> EvidencePack:
    facts = LibraryFacts(space=CARD.space, n_segments=0, n_recordings=0, n_sites=4, filter_words="everything")
    return gather_hypotheses(planted, CARD, planted.ground, where=EVERYTHING, library=facts, families=(family,))


def test_another_model_is_heard_at_the_middle() -> None:
    """A segment is held against the other model's segment in which its middle lies, on its own recording."""
    seen = _times(["a", "b"], [0, 0, 1], [0.0, 3000.0, 0.0], [3000.0, 6000.0, 3000.0])
    other = _times(["b", "a"], [0, 1, 1], [0.0, 0.0, 5000.0], [1000.0, 4000.0, 9000.0])
    assert [1, -1, -1] == at_the_middle(seen, other).tolist()
    assert [-1, -1, -1] == at_the_middle(seen, _times([], [], [], [])).tolist()


def _times(ids: list[str], recording: list[int], t0_ms: list[float], t1_ms: list[float]) -> Observed:
    n = len(recording)
    whole, real = np.zeros(n, np.int64), np.zeros(n)
    return Observed(
        segment_ids=np.array([f"{one:032x}" for one in range(n)], dtype="S32"),
        recording=np.array(recording, dtype=np.int64),
        channel=whole,
        t0_ms=np.array(t0_ms),
        t1_ms=np.array(t1_ms),
        date=whole,
        hour=whole,
        cluster=whole,
        novelty=real,
        snr_db=real,
        noise_floor_dbfs=real,
        clipped_fraction=real,
        peak_hz=real,
        duration_ms=real,
        recording_ids=tuple(ids),
        sites=(None,) * len(ids),
        clusters=(),
    )
