"""Hypothesis prompts: questions that hold, with all that belongs to them or not at all."""

import re
import shlex
from functools import cache

import pytest

from rab.domain import AggregateEntry, Claim, EvidencePack, HypothesisPrompts, LibraryFacts, SegmentFilter
from rab.domain.evidence import FAMILIES, Family
from rab.domain.filter import parse_filter
from rab.errors import InputError
from rab.evidence.hypothesis_pack import gather_hypotheses
from rab.evidence.printing import pack_words
from rab.generation import facts, holds, text_of, validate, write_hypotheses
from rab.generation.bound import COMPANIONS
from rab.generation.modes.dispatch import task_of
from rab.generation.modes.slots import may_be_sent, pieces
from rab.generation.needs.base import Grounds
from rab.generation.policy import DEFAULT_POLICY
from rab.generation.wording.lexicon import forbidden
from tests.evidence.made_up_field import MAKE, season

CARD = MAKE.card()


@cache
def pack_of(family: Family, where: str = "") -> EvidencePack:
    """Return the pack of a season with a planted effect, screened for it alone."""
    field = season(1, family)
    library = LibraryFacts(space="toy", n_segments=1920, n_recordings=320, n_sites=4, filter_words="everything")
    return gather_hypotheses(field, CARD, field.ground, where=parse_filter(where), library=library, families=(family,))


def changed(pack: EvidencePack, figure: str, **fields: object) -> EvidencePack:
    """Return the pack with a figure of its first contrast replaced."""
    aggregates = tuple(
        one.model_copy(update=fields) if (one.name, one.group) == (figure, "h1") else one for one in pack.aggregates
    )
    return EvidencePack.model_validate(pack.model_dump(exclude={"pack_id"}) | {"aggregates": aggregates})


def question(pack: EvidencePack) -> Claim:
    return next(one.claim for one in facts(pack) if one.claim.kind == "hypothesis_prompt")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_question_comes_whole(family: Family) -> None:
    """Each question is followed by evidence, counter-evidence, artefact, refutation and query, and nothing drops."""
    written = write_hypotheses(pack_of(family))
    kinds = [one.kind for one in written.claims if one.kind != "screening"]
    assert kinds[: len(COMPANIONS) + 1] == ["hypothesis_prompt", *COMPANIONS]
    assert 0 == len(kinds) % (len(COMPANIONS) + 1)
    assert () == written.dropped


@pytest.mark.parametrize("family", FAMILIES)
def test_sentences_keep_the_rules(family: Family) -> None:
    """A question ends with its mark, cites two calls at least and is tentative; an artefact may be; none is certain."""
    written = write_hypotheses(pack_of(family))
    for claim in written.claims:
        assert claim.support
        assert ("?" if claim.kind == "hypothesis_prompt" else ".") == claim.text[-1]
        assert forbidden(re.sub("“.*?”", "", claim.text)) is None
    first = next(one for one in written.claims if one.kind == "hypothesis_prompt")
    calls = {one.call.segment_id for one in written.pack.exemplars if written.pack.item_id(one.key) in first.support}
    assert len(calls) >= 2
    assert "tentative" == first.hedge
    assert written.pack.item_id(
        next(one.key for one in written.pack.aggregates if one.name == "contrast_contrary")
    ) in (first.contra)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_fact_holds(family: Family) -> None:
    """What the enumerator composes, the checker finds true of the pack."""
    pack = pack_of(family)
    assert [] == [one.claim.kind for one in facts(pack) if holds(one.claim, pack) is not None]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_command_and_the_filter_are_one(family: Family) -> None:
    """The filter of the command is the structured one, and the user's own filter is part of it."""
    for pack in (pack_of(family), pack_of(family, "hour=1,6,13,20")):
        for entry in pack.contrasts:
            words = shlex.split(entry.command)
            assert ["rab", entry.where] == [words[0], parse_filter(words[words.index("--where") + 1])]
    assert (SegmentFilter(local_hours=(1, 6, 13, 20)),) in entry.where.any_of or entry.where.local_hours


def test_how_many_were_screened_is_said() -> None:
    """One of 36 contrasts passed: the number stands above the question."""
    (first, *_) = write_hypotheses(pack_of("site_contrast")).claims
    assert "Screened, calls of a cluster at different sites: 1 out of 36 contrasts passed." == first.text


def test_a_question_as_it_is_printed() -> None:
    """Question and evidence, with their figures in their units."""
    written = write_hypotheses(pack_of("site_contrast"))
    texts = {one.kind: one.text for one in written.claims}
    assert (
        "Do calls of cluster c1 have a higher peak frequency at Marsh than at other sites?"
        == texts["hypothesis_prompt"]
    )
    assert "(20 recorder-days)" in texts["screen_evidence"]
    assert "0 out of 199 shuffles" in texts["screen_evidence"]
    assert "To look again: “rab segments --json --model toy-v1 --where cluster=c1”." == texts["test_query"]
    assert "than at other sites? [h1." in text_of(written)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("contrast_gap", {"value": 999.0}),
        ("contrast_gap_low", {"value": 0.0}),
        ("contrast_gap_high", {"value": 1.0}),
        ("contrast_least", {"value": 5000.0}),
        ("contrast_here", {"denominator": 4.0}),
        ("contrast_there", {"denominator": None}),
        ("contrast_shuffles", {"value": 10.0}),
        ("contrast_shuffles", {"denominator": 0.0}),
        ("contrast_here", {"value": 0.0}),
        ("contrast_there", {"name": "other"}),
    ],
)
def test_a_contrast_that_does_not_pass_raises_no_question(name: str, fields: dict[str, object]) -> None:
    """The predicate recomputes difference, interval, size, units and shuffles from the figures alone."""
    pack = changed(pack_of("site_contrast"), name, **fields)
    found = facts(pack)
    broken = [holds(one.claim, pack) for one in found if one.claim.kind == "hypothesis_prompt"]
    assert all(one is not None for one in broken)
    assert {"screening"} == {one.kind for one in write_hypotheses(pack).claims}


def test_a_question_alone_gets_its_parts() -> None:
    """What belongs to a question is restored, in its place, when somebody leaves it out."""
    pack = pack_of("site_contrast")
    served, dropped = validate([question(pack)], pack)
    assert ["hypothesis_prompt", *COMPANIONS] == [one.kind for one in served if one.kind != "screening"]
    assert {"E_MISSING_MANDATORY"} == {one.code for one in dropped}


@pytest.mark.parametrize("kind", COMPANIONS)
def test_a_part_alone_is_not_served(kind: str) -> None:
    """Evidence without its question, or an artefact without its, is dropped."""
    pack = pack_of("site_contrast")
    part = next(one.claim for one in facts(pack) if one.claim.kind == kind)
    served, dropped = validate([part], pack)
    assert {"screening"} == {one.kind for one in served}
    assert "E_INCOMPLETE" in {one.code for one in dropped}


def test_evidence_cannot_be_chosen() -> None:
    """Counter-evidence that is left out, calls that are left out, and calls of another group are refused."""
    pack = pack_of("novelty_hotspot")
    claim = question(pack)
    codes = [
        holds(claim.model_copy(update=fields), pack)
        for fields in (
            {"contra": ()},
            {"support": claim.support[:-1]},
            {"support": (*claim.support, claim.contra[-1]), "contra": claim.contra[:-1]},
            {"code": "site_contrast"},
            {"hedge": "plain"},
            {"taxon": "Apus apus"},
        )
    ]
    assert ["E_CHERRY_PICKED", "E_CHERRY_PICKED", "E_CHERRY_PICKED", "E_UNSUPPORTED", "E_HEDGE", "E_SCHEMA"] == [
        one.code for one in codes if one is not None
    ]


def test_one_call_is_no_evidence() -> None:
    """Two exemplars that are one and the same call do not make a question."""
    pack = pack_of("site_contrast")
    first = pack.exemplars[0]
    same = tuple(first.model_copy(update={"key": f"e{n}"}) for n in (1, 2))
    alike = EvidencePack.model_validate(pack.model_dump(exclude={"pack_id"}) | {"exemplars": same})
    assert {"screening"} == {one.kind for one in write_hypotheses(alike).claims}


@pytest.mark.parametrize(
    "site", ["Confirmed” [h1.0000]. It is", "a\nb", "–" * 300, "proves 3 calls", "Больше", 'x" or site="y', "￼"]
)
def test_a_site_can_say_nothing(site: str) -> None:
    """Whatever a site is called, its name stands in quotation marks, and only what is true is served."""
    pack = pack_of("novelty_hotspot")
    entry = pack.contrasts[0]
    where = SegmentFilter(sites=(site,))
    named = entry.model_copy(
        update={"site": site, "where": where, "command": shlex.join(["rab", "novelty", "--where", where.words])}
    )
    hostile = EvidencePack.model_validate(pack.model_dump(exclude={"pack_id"}) | {"contrasts": (named,)})
    for claim in write_hypotheses(hostile).claims:
        rest = re.sub("“[^”]*”", "", claim.text)
        assert "\n" not in claim.text
        assert "onfirmed" not in rest
        assert "proves" not in rest
        assert "[" not in rest


def test_a_family_that_could_not_be_screened_says_so() -> None:
    """No contrast is not the same as none that passed."""
    passed = AggregateEntry(
        key="a1",
        name="contrasts_passed",
        group="co_occurrence",
        value=0,
        unit="contrasts",
        denominator=0,
        denominator_unit="contrasts",
        basis="none",
        rows_sha256="0" * 64,
    )
    pack = pack_of("site_contrast").model_dump(exclude={"pack_id", "contrasts", "exemplars", "aggregates"})
    written = write_hypotheses(EvidencePack.model_validate(pack | {"aggregates": (passed,)}))
    assert ["Screened, taxa in the same recordings: nothing could be compared (0 contrasts)."] == [
        one.text for one in written.claims
    ]


def test_a_model_is_offered_questions_and_not_their_parts() -> None:
    """What a language model chooses among are questions; their parts follow by themselves."""
    grounds = Grounds.of(pack_of("diel_shift"), DEFAULT_POLICY)
    task = task_of("select", grounds)
    assert task is not None
    offered = task.question.matter.splitlines()
    assert 3 == len([one for one in offered if "?" in one])
    assert 1 == len([one for one in offered if "*" in one])
    assert not [one for one in offered if "statement of the kind" in one]


@pytest.mark.parametrize("family", FAMILIES)
def test_words_are_the_templates_own(family: Family) -> None:
    """Names aside, sentences are made of the closed vocabulary, so that a language model can be shown them."""
    pack = pack_of(family)
    grounds = Grounds.of(pack, DEFAULT_POLICY)
    for claim in write_hypotheses(pack).claims:
        assert may_be_sent(pieces(claim, grounds)), claim.text


def test_a_pack_is_printed_with_its_contrasts() -> None:
    """Contrasts and the calls that stand for them are listed under the ids by which they are cited."""
    pack = pack_of("site_contrast")
    printed = pack_words(pack)
    assert f"  {pack.item_id('h1')}  site contrast, peak hz per recorder-day: rab segments" in printed
    assert f"  {pack.item_id('e1')}  h1, here: unnamed" in printed


def test_a_text_is_the_same_every_time() -> None:
    """Packs and texts are equal to the byte when they are made again."""
    first = write_hypotheses(pack_of("co_occurrence"))
    pack_of.cache_clear()
    again = write_hypotheses(pack_of("co_occurrence"))
    assert first.model_dump_json() == again.model_dump_json()
    assert HypothesisPrompts.model_validate_json(first.model_dump_json()) == first


def test_other_packs_raise_no_questions(clean: EvidencePack) -> None:
    """The pack of a call is refused."""
    with pytest.raises(InputError):
        write_hypotheses(clean)
