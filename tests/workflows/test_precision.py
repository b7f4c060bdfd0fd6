"""A precision in a filter becomes the raw score that the calibration in use has for it, and says so."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rab.catalog import Catalog
from rab.domain import SegmentFilter, SegmentPayload, parse_filter
from rab.domain.filter import ScoredTaxon
from rab.errors import InputError, NotFound
from rab.store.base import VectorStore
from rab.store.exact import ExactStore
from rab.workflows.calibrating import KIND, NAME, switch_calibrations_off
from rab.workflows.filters import understand
from rab.workflows.hypothesising import hypothesise
from rab.workflows.questions import evidence, similar
from rab.workflows.reporting import write_summary_report
from rab.workflows.reproducing import reproduce
from rab.workflows.summaries import summarise
from rab.workflows.workspace import Workspace
from tests.conftest import Make

MODEL, MERULA, CUCKOO, TIT, OWL = "toy-v1", "Turdus merula", "Cuculus canorus", "Parus major", "Strix aluco"
MAKE = Make()
RAW_SCORES = (0.3, 0.6, 0.9)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a library of two sites, with three scores of a blackbird and of a cuckoo each, and a calibration."""
    stores: dict[str, VectorStore] = {}
    workspace = Workspace(
        home=tmp_path,
        catalog=Catalog.open(f"sqlite:///{(tmp_path / 'catalog.sqlite').as_posix()}"),
        build_embedder=lambda key: pytest.fail(f"nothing is embedded, and {key} was asked for"),
        open_store=lambda card: stores.setdefault(card.space, ExactStore(card)),
        open_ranges=lambda _: pytest.fail("no ranges are needed"),
    )
    for site in ("A", "B"):
        recording = MAKE.recording(site, site=site)
        stored = [
            MAKE.segment(recording, at, scores=[MAKE.score(MERULA, score), MAKE.score(CUCKOO, score)])
            for at, score in enumerate(RAW_SCORES)
        ]
        payloads = [
            SegmentPayload(
                segment_id=one.segment.id,
                recording_id=recording.id,
                site=site,
                scores=tuple(ScoredTaxon(taxon=name, raw_score=score) for name in (MERULA, CUCKOO)),
            )
            for one, score in zip(stored, RAW_SCORES, strict=True)
        ]
        workspace.catalog.commit_recording(recording, MAKE.card(), stored, policy="p")
        workspace.store(MAKE.card()).upsert(np.eye(8, dtype=np.float32)[:3] + 0.1, payloads)
    keep(
        workspace,
        (CUCKOO, None, 0.85),
        (MERULA, None, 0.5),
        (MERULA, "B", 0.85),
        (OWL, None, None),
        (TIT, None, 0.5),
        (TIT, "B", None),
    )
    return workspace


def keep(workspace: Workspace, *thresholds: tuple[str, str | None, float | None]) -> None:
    """Keep a calibration, and use it."""
    card = workspace.card(MODEL)
    workspace.catalog.keep_learned(KIND, NAME, card.space, MAKE.calibrations(card, *thresholds).model_dump_json())


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ('taxon="Turdus merula" precision>=0.9', 'taxon="Turdus merula" score>=0.5'),
        ('taxon="Turdus merula" precision>=0.9 score>=0.7', 'taxon="Turdus merula" score>=0.7'),
        ('taxon="Turdus merula" precision>=0.9 score>=0.2 score<=0.8', 'taxon="Turdus merula" score>=0.5 score<=0.8'),
        (
            'taxon="Turdus merula","Parus major" precision>=0.9 hour=4',
            'taxon="Turdus merula","Parus major" score>=0.5 hour=4',
        ),
        (
            'taxon="Turdus merula","Cuculus canorus" precision>=0.9 score<=0.95 (voice or reviewed)',
            '(taxon="Turdus merula" score>=0.5 score<=0.95 or taxon="Cuculus canorus" score>=0.85 score<=0.95)'
            " (voice or reviewed)",
        ),
        ('site=B taxon="Turdus merula" precision>=0.9', 'site=B taxon="Turdus merula" score>=0.85'),
        ('site=A taxon="Turdus merula" precision>=0.9', 'site=A taxon="Turdus merula" score>=0.5'),
        ('site=A,B taxon="Turdus merula" precision>=0.9', 'site=A,B taxon="Turdus merula" score>=0.5'),
        (
            'site=A,B (voice or site=B taxon="Turdus merula" precision>=0.9)',
            'site=A,B (voice or site=B taxon="Turdus merula" score>=0.85)',
        ),
        (
            'site=B not (taxon="Turdus merula" precision>=0.9)',
            'site=B not (taxon="Turdus merula" score>=0.85)',
        ),
        (
            'site=B or not (taxon="Turdus merula" precision>=0.9)',
            'site=B or not (taxon="Turdus merula" score>=0.5)',
        ),
        ("site=A snr>=3", "site=A snr>=3"),
    ],
)
def test_a_precision_is_a_raw_score(workspace: Workspace, asked: str, meant: str) -> None:
    """Each taxon has its own threshold, that of one site where the filter stands within it; the rest stays."""
    assert parse_filter(meant) == understand(workspace, parse_filter(asked), MODEL).where


def test_where_it_comes_from_is_said(workspace: Workspace) -> None:
    """The note names the raw score, the calibration's version and date, its site and how many labels taught."""
    where = parse_filter(f'taxon="{MERULA}" precision>=0.9 or site=B (taxon="{MERULA}" precision>=0.9 or voice)')
    notes = understand(workspace, where, MODEL).notes
    every = (
        'taxon="Turdus merula" precision>=0.9 is read as score>=0.5: calibration v1 of toy-v1, 2025-06-01,'
        " from 120 labelled segments of all sites, 40 of them at that score or above, of which 0.97 are right"
    )
    assert {every, every.replace("0.5:", "0.85:").replace("all sites", "site B")} == set(notes)
    assert 2 == len(notes)


def test_a_common_name_is_read_first(workspace: Workspace) -> None:
    """What people call a taxon finds its threshold."""
    common = workspace.catalog.common_names()
    name = next(name for name, scientific in common if scientific == MERULA)
    assert parse_filter(f'taxon="{MERULA}" score>=0.5') == (
        understand(workspace, SegmentFilter(taxa=(name,), precision_min=0.9), MODEL).where
    )


@pytest.mark.parametrize(
    ("words", "why", "hint"),
    [
        (
            'taxon="Turdus merula" precision>=0.95',
            r"calibration v1 of toy-v1 has no such threshold.*known of it: 0\.9",
            "",
        ),
        ('taxon="Strix aluco" precision>=0.9', "has no such threshold from 120 labelled segments of all sites", ""),
        (
            'site=B taxon="Parus major" precision>=0.9',
            "has no such threshold from 120 labelled segments of site B",
            "",
        ),
        (
            'taxon="Turdus merulla" precision>=0.9',
            "no label of the taxon took part in cal",
            'mean taxon="Turdus merula"',
        ),
        ('not (voice or taxon="Strix aluco" precision>=0.9)', "Strix aluco.* precision>=0.9 cannot be answered", ""),
        ('taxon="Turdus merula","Strix aluco" precision>=0.9', "Strix aluco.* precision>=0.9 cannot be answered", ""),
    ],
)
def test_what_no_label_taught_is_refused(workspace: Workspace, words: str, why: str, hint: str) -> None:
    """The error names taxon and precision, the hint the command that may find a threshold."""
    with pytest.raises(InputError, match=why) as refused:
        understand(workspace, parse_filter(words), MODEL)
    assert hint in refused.value.hint
    assert f"`rab calibrate --precision {words.partition('>=')[2].rstrip(')')} --model toy-v1`" in refused.value.hint


def test_without_a_calibration_nothing_is_promised(workspace: Workspace) -> None:
    """Off is off, and a model that heard nothing is not found."""
    where = parse_filter(f'taxon="{MERULA}" precision>=0.9')
    switch_calibrations_off(workspace, model=MODEL)
    with pytest.raises(InputError, match=r"Turdus merula.*0\.9 cannot be answered: no calibration of toy-v1 is in use"):
        understand(workspace, where, MODEL)
    with pytest.raises(NotFound):
        understand(workspace, where, "other-v1")


def test_too_many_thresholds_are_refused(workspace: Workspace) -> None:
    """A filter that grows past what engines take is an input error, not a fault."""
    taxa = [f"Taxon {number}" for number in range(150)]
    keep(workspace, *((taxon, None, (number + 1) / 200) for number, taxon in enumerate(taxa)))
    with pytest.raises(InputError, match="cannot be used once each precision is a raw score: it is too long"):
        understand(workspace, SegmentFilter(taxa=tuple(taxa), precision_min=0.9), MODEL)


def test_a_threshold_above_the_highest_score_asked_for_is_refused(workspace: Workspace) -> None:
    """No score is both right often enough and as low as that; the hint says what the threshold is."""
    keep(workspace, (MERULA, None, 0.7))
    with pytest.raises(InputError, match=r"no score can meet score>=0\.7 score<=0\.5") as refused:
        understand(workspace, parse_filter(f'taxon="{MERULA}" precision>=0.9 score<=0.5'), MODEL)
    assert "is read as score>=0.7" in refused.value.hint


def test_nobody_else_answers_for_a_precision(workspace: Workspace) -> None:
    """Catalog and store refuse a filter that was not understood, and `understand` without a model leaves it."""
    where = parse_filter(f'voice or taxon="{MERULA}" precision>=0.9')
    assert (where, ()) == understand(workspace, where)
    card = workspace.card(MODEL)
    catalog, store = workspace.catalog, workspace.store(card)
    questions: list[Callable[[], object]] = [
        lambda: catalog.segment_ids(card.space, where),
        lambda: catalog.list_segments(card.space, where),
        lambda: catalog.listened(card.space, where),
        lambda: catalog.library_facts(card.space, where),
        lambda: list(store.scan(where)),
        lambda: store.search(np.eye(8, dtype=np.float32)[0], 3, where),
    ]
    for ask in questions:
        with pytest.raises(InputError, match="asks for a precision"):
            ask()


def test_every_question_may_ask_for_a_precision(workspace: Workspace) -> None:
    """Packs hold the raw score and the note; an answer is that of the raw score, and a report can be made again."""
    where = parse_filter(f'taxon="{MERULA}" precision>=0.9')
    meant, notes = understand(workspace, where, MODEL)
    card = workspace.card(MODEL)
    assert 4 == len(workspace.catalog.segment_ids(card.space, meant))
    segment = workspace.catalog.segment_ids(card.space, SegmentFilter())[0]
    found = [evidence(workspace, segment, where=where), summarise(workspace, model=MODEL, where=where).pack]
    found.append(hypothesise(workspace, model=MODEL, where=where).pack)
    for pack in found:
        assert meant.words == pack.library.filter_words
        assert set(notes) <= set(pack.notes)
    assert [one.call.segment_id for one in similar(workspace, segment, n=3, where=meant)]
    there = parse_filter(f"site=B {where.words}")
    compared = summarise(workspace, model=MODEL, where=parse_filter("site=A"), compared_to=there).pack
    assert set(understand(workspace, there, MODEL).notes) <= set(compared.notes)
    written = write_summary_report(workspace, model=MODEL, where=where)
    assert where.words == written.report.question.where
    assert reproduce(workspace, written.report).is_identical
