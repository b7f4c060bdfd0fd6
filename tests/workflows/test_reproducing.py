"""A report is made again from its library: identical while nothing changed, and with reasons when something did."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rab.domain import SegmentFilter
from rab.errors import InputError, NotFound, Ungrounded
from rab.language.base import Answer, Question
from rab.reports import Report, read_report, render_json, write_report
from rab.workflows.ingest import ingest
from rab.workflows.labelling import label_segment
from rab.workflows.reporting import report_on_calls, write_summary_report
from rab.workflows.reproducing import find_report, reproduce
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
Open = Callable[[Path], AbstractContextManager[Workspace]]


@pytest.fixture(scope="module")
def taken_in(cuckoos: tuple[Path, ...], open_library: Open, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data directory of a library of two recordings in which cuckoos call."""
    home = tmp_path_factory.mktemp("reproducing") / "home"
    with open_library(home) as workspace:
        ingest(workspace, cuckoos[:2], models=[MODEL])
    return home


@pytest.fixture
def own(taken_in: Path, open_library: Open, tmp_path: Path) -> Iterator[Workspace]:
    """Return that library, to be changed."""
    shutil.copytree(taken_in, tmp_path / "own")
    with open_library(tmp_path / "own") as workspace:
        yield workspace


def segments(workspace: Workspace) -> list[str]:
    """Return the segments of the library."""
    return workspace.catalog.segment_ids(workspace.card(MODEL).space, SegmentFilter())


@dataclass
class Chooser:
    """A language model that takes the last fact that it is offered."""

    key: str = "chooser"
    deadline_s: float = 10.0

    def answer(self, question: Question, *, within_s: float | None = None) -> Answer:
        """Choose the last fact on the menu."""
        return Answer({"facts": question.schema["properties"]["facts"]["items"]["enum"][-1:]}, "json_schema", 0.0)

    def models(self) -> tuple[str, ...]:
        """There is one."""
        return (self.key,)


def test_nothing_changed_is_identical(own: Workspace, tmp_path: Path) -> None:
    """A monitoring report is found by its id, its folder and its page, and is the same to the byte."""
    written = write_summary_report(own, model=MODEL)
    for named in (written.report.name, str(written.files.json.parent), str(written.files.html)):
        assert find_report(own, named) == written.report
    found = reproduce(own, written.report)
    assert (True, (), ()) == (found.is_identical, found.differences, found.reasons)
    assert found.n_same_packs == found.n_packs == len(written.report.passages)


def test_policies_of_the_report_are_in_force(own: Workspace) -> None:
    """A library that is asked otherwise now is asked again as it was then."""
    other = replace(own, evidence=own.evidence.model_copy(update={"n_taxon_scores": 1}))
    written = report_on_calls(other, "interpretation", segments(own)[:1])
    assert reproduce(own, written.report).is_identical


def test_suggestions_are_made_again(own: Workspace) -> None:
    """A document of suggestions knows its calls."""
    written = report_on_calls(own, "suggestion", segments(own)[:2])
    assert written.report.question.segment_ids == tuple(segments(own)[:2])
    assert reproduce(own, written.report).is_identical


def test_new_recordings_are_a_reason(own: Workspace, cuckoos: tuple[Path, ...]) -> None:
    """After another recording was taken in, the report differs, and says how many segments are new."""
    written = write_summary_report(own, model=MODEL)
    n_before = len(segments(own))
    ingest(own, cuckoos[2:3], models=[MODEL])
    found = reproduce(own, written.report)
    assert not found.is_identical
    n_new = len(segments(own)) - n_before
    assert any(f"{n_new:,} segments more match everything" in reason for reason in found.reasons)
    effort = next(one for one in found.differences if one.text == "summary" and one.then and "Effort" in one.then)
    assert effort.now is not None
    assert "Effort" in effort.now


def test_a_label_shows_as_the_part_that_changed(own: Workspace) -> None:
    """What a person said since stands among the reasons, by the part of the pack that it changed."""
    first, second = segments(own)[:2]
    written = report_on_calls(own, "interpretation", [first])
    label_segment(own, second, taxon="Cuculus canorus", author="Ann")
    found = reproduce(own, written.report)
    assert not found.is_identical
    assert any("the Evidence Pack differs in" in reason for reason in found.reasons)
    assert "1 label was given since the report was written: Cuculus canorus by Ann (1)" in found.reasons


def test_figures_that_changed_are_named(own: Workspace, cuckoos: tuple[Path, ...]) -> None:
    """Of a summary, ten figures at most are told by name and group, with what they were and are."""
    written = write_summary_report(own, model=MODEL).report
    ingest(own, cuckoos[2:3], models=[MODEL])
    told = [one for one in reproduce(own, written).reasons if one.endswith(" now") and one.startswith("summary: ")]
    assert "summary: Recordings: 2 recordings then, 3 recordings now" in told
    assert len(told) <= 11


def test_sentences_that_say_the_same_are_no_difference(own: Workspace, cuckoos: tuple[Path, ...]) -> None:
    """Evidence that has other numbers now is not told as a statement that changed."""
    written = write_summary_report(own, model=MODEL).report
    ingest(own, cuckoos[2:3], models=[MODEL])
    found = reproduce(own, written)
    assert found.differences
    for one in found.differences:
        assert (one.then or "").partition(" [")[0] != (one.now or "").partition(" [")[0]


def changed(report: Report, **update: object) -> Report:
    """Return the report with its first statement changed, and sealed anew."""
    first = report.passages[0]
    claims = (first.text.claims[0].model_copy(update=update), *first.text.claims[1:])
    text = first.text.model_copy(update={"claims": claims})
    return report.model_copy(update={"passages": (first.model_copy(update={"text": text}), *report.passages[1:])})


def test_an_untrue_sentence_is_refused_however_it_is_sealed(own: Workspace, tmp_path: Path) -> None:
    """A forged statement with new seals and new pages is held against the evidence, and named."""
    written = write_summary_report(own, model=MODEL).report
    write_report(tmp_path / "forged", changed(written, text="Effort: 999.00 h of sound."), {})
    with pytest.raises(Ungrounded, match=r"999\.00 h"):
        find_report(own, str(tmp_path / "forged"))
    first = written.passages[0]
    text = first.text.model_copy(update={"claims": first.text.claims[1:]})
    passages = (first.model_copy(update={"text": text}), *written.passages[1:])
    write_report(tmp_path / "short", written.model_copy(update={"passages": passages}), {})
    with pytest.raises(Ungrounded, match="leaves out"):
        find_report(own, str(tmp_path / "short"))


def test_other_versions_are_reasons(own: Workspace) -> None:
    """A report by another version of the code, of the texts or of the thresholds says so."""
    written = report_on_calls(own, "interpretation", segments(own)[:1]).report
    record = written.passages[0].text.generation
    old = record.model_copy(update={"code_version": "0.0.1", "prompts_sha256": "0" * 64, "thresholds": {}})
    text = written.passages[0].text.model_copy(update={"generation": old})
    passage = written.passages[0].model_copy(update={"text": text})
    found = reproduce(own, written.model_copy(update={"passages": (passage,)}))
    assert not found.is_identical
    assert ["written by RAB 0.0.1", "the texts of which", "thresholds in force"] == [
        next(start for start in ("written by RAB 0.0.1", "the texts of which", "thresholds in force") if start in one)
        for one in found.reasons
    ]
    assert found.differences == ()


def test_a_language_model_is_not_asked_again(own: Workspace) -> None:
    """Its selection is played back and holds; the model may be gone."""
    asked = replace(own, language=Chooser(), language_mode="select")
    written = report_on_calls(asked, "interpretation", segments(own)[:1])
    record = written.report.passages[0].text.generation
    assert (record.mode, record.writer, record.model) == ("select", "mixed", "chooser")
    assert reproduce(own, written.report).is_identical


def test_a_selection_is_held_against_the_evidence_of_now(own: Workspace, cuckoos: tuple[Path, ...]) -> None:
    """When the library changed, statements that were chosen then are validated again, and differ with reasons."""
    asked = replace(own, language=Chooser(), language_mode="select")
    written = report_on_calls(asked, "interpretation", segments(own)[:1])
    ingest(own, cuckoos[2:3], models=[MODEL])
    found = reproduce(own, written.report)
    assert not found.is_identical
    assert found.reasons


def test_a_call_from_outside_the_library_cannot_be_asked_again(own: Workspace) -> None:
    """The library alone does not hold it, and the refusal says what to do."""
    written = report_on_calls(own, "interpretation", segments(own)[:1]).report
    question = written.question.model_copy(update={"is_repeatable": False})
    with pytest.raises(InputError, match="outside the library"):
        reproduce(own, written.model_copy(update={"question": question}))


def test_unknown_policies_are_refused(own: Workspace) -> None:
    """A policy of another version is named, not guessed at."""
    written = report_on_calls(own, "interpretation", segments(own)[:1]).report
    question = written.question.model_copy(update={"policies": {"evidence": {"n_moons": 2}}})
    with pytest.raises(InputError, match="policies"):
        reproduce(own, written.model_copy(update={"question": question}))


def test_a_report_that_nobody_wrote_is_not_found(own: Workspace) -> None:
    """An id that is in no record is not found."""
    with pytest.raises(NotFound, match="no report 0000"):
        find_report(own, "0000")


def test_what_is_read_is_what_was_written(own: Workspace) -> None:
    """The JSON on the disk is the report."""
    written = report_on_calls(own, "interpretation", segments(own)[:1])
    assert render_json(read_report(written.files.json)) == written.files.json.read_text(encoding="utf-8")
