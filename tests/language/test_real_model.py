"""A real, tiny language model over real packs: a fine adversary, which types true ids into untrue statements.

`python3 deploy/dev.py test-llm` serves it (SmolLM2-135M-Instruct by llama.cpp) and runs this; otherwise these tests are
skipped. What the model did is written below each test's name.
"""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from rab.domain import Claim, EvidencePack, GroundedText
from rab.evidence.summary_pack import gather_summary
from rab.generation import holds
from rab.generation.modes.dispatch import Mode, by_model, task_of
from rab.generation.needs.base import Grounds
from rab.generation.policy import DEFAULT_POLICY
from rab.generation.writer import recorded
from rab.language.base import ModelFault
from rab.language.client import ClientPolicy, OpenAICompatible
from rab.workflows.language_check import check_language
from rab.workflows.questions import EVERYTHING, evidence
from rab.workflows.workspace import Workspace
from rab.workflows.writing import written_by

URL = os.environ.get("RAB_TEST_LLM_URL")
MODEL, EMBEDDER = "smollm2-135m", "birdnet-v2.4"

pytestmark = [
    pytest.mark.llm,
    pytest.mark.skipif(URL is None, reason="no language model is served: run `python3 deploy/dev.py test-llm`"),
]


@pytest.fixture(scope="module")
def served() -> OpenAICompatible:
    """Return the served model, with patience for a slow machine."""
    return OpenAICompatible(URL or "", MODEL, policy=ClientPolicy(deadline_s=300))


@pytest.fixture(scope="module")
def packs(library: Workspace) -> list[EvidencePack]:
    """Return the packs of fifteen segments of the sample recordings."""
    card = library.card(EMBEDDER)
    segments = list(library.catalog.list_segments(card.space, EVERYTHING))
    return [evidence(library, one.segment.id) for one in segments[:: max(len(segments) // 15, 1)][:15]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """Collect lines, and print them when the test ends."""
    import sys

    lines: list[str] = []
    yield lines
    with capsys.disabled():
        sys.stdout.write("".join(f"\n  {line}" for line in lines) + "\n")


def untrue(claims: tuple[Claim, ...], pack: EvidencePack) -> Counter[str]:
    """Count the codes of claims that do not hold."""
    failures = (holds(claim, pack) for claim in claims)
    return Counter(failure.code for failure in failures if failure is not None)


def test_server_is_found_out(served: OpenAICompatible, told: list[str]) -> None:
    """llama.cpp takes schemas and holds the model to them."""
    found = check_language(served)
    told.append(f"check: {found.level}, obeys {found.obeys_schema}, a choice takes {found.select_seconds} s")
    assert ("json_schema", True, True, None) == (found.level, found.obeys_schema, found.can_select, found.fault)
    assert MODEL in (found.models or ())


def test_selections_are_served(served: OpenAICompatible, packs: list[EvidencePack], told: list[str]) -> None:
    """Whatever it chooses among facts can be printed, and nothing is dropped."""
    written = [written_by(served, "select", Grounds.of(pack, DEFAULT_POLICY)) for pack in packs]
    asked = [text for text in written if text.generation.attempts]
    told.append(
        f"select: {len(asked)} of {len(packs)} packs had a choice; {_fallbacks(asked)} fell back; "
        f"{sum(len(text.claims) for text in asked)} claims served, {sum(len(text.dropped) for text in asked)} dropped; "
        f"attempts {dict(Counter(text.generation.attempts for text in asked))}"
    )
    assert asked
    assert 0 == _fallbacks(asked)
    assert [()] * len(asked) == [text.dropped for text in asked]
    assert not any(untrue(text.claims, text.pack) for text in asked)


def test_summary_is_selected(served: OpenAICompatible, library: Workspace, told: list[str]) -> None:
    """The facts of a whole library are a menu as well."""
    pack = gather_summary(library.catalog, library.card(EMBEDDER), where=EVERYTHING, policy=library.summary)
    text = written_by(served, "select", Grounds.of(pack, DEFAULT_POLICY))
    record = text.generation
    told.append(f"summary: {len(text.claims)} claims, writer {record.writer}, fell back: {record.fallback_reason}")
    assert record.fallback_reason is None
    assert not untrue(text.claims, pack)


def test_plans_are_validated(served: OpenAICompatible, packs: list[EvidencePack], told: list[str]) -> None:
    """Of what it states by itself hardly anything is true, and nothing untrue is served."""
    proposed, false, n_served, faults = 0, Counter[str](), 0, Counter[str]()
    for pack in packs[::5]:
        grounds = Grounds.of(pack, DEFAULT_POLICY)
        task = task_of("plan", grounds)
        if task is None:
            continue
        try:
            content = served.answer(task.question).content
        except ModelFault as fault:
            faults[fault.fault] += 1
            continue
        claims = task.read(content).claims
        proposed += len(claims)
        false += untrue(claims, pack)
        text = by_model(task, content, grounds, recorded(mode="plan", model=MODEL)).text
        n_served += 0 if text is None else sum(claim.id.startswith("c") for claim in text.claims)
        assert text is None or not untrue(text.claims, pack)
    told.append(
        f"plan: {proposed} claims proposed, {false.total()} unsupported before validation {dict(false)}; "
        f"{n_served} of the model's claims served, 0 unsupported after; faults {dict(faults)}"
    )


@pytest.mark.parametrize("mode", ["polish"])
def test_polish_keeps_the_words(
    mode: Mode, served: OpenAICompatible, packs: list[EvidencePack], told: list[str]
) -> None:
    """Every sentence is the template's, with connectives or without."""
    texts = [written_by(served, mode, Grounds.of(pack, DEFAULT_POLICY)) for pack in packs[::5]]
    told.append(
        f"polish: {_fallbacks(texts)} of {len(texts)} texts fell back; "
        f"{sum(claim.text_origin == 'model' for text in texts for claim in text.claims)} sentences joined, "
        f"{sum(len(text.dropped) for text in texts)} refused"
    )
    assert not any(untrue(text.claims, text.pack) for text in texts)


def _fallbacks(texts: list[GroundedText]) -> int:
    return sum(text.generation.fallback_reason is not None for text in texts)
