"""Over packs that nobody thought of: nothing raises, what is served holds, numbers and citations are the pack's."""

import re
import unicodedata
from datetime import UTC, datetime
from random import Random
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from rab.domain import (
    AggregateEntry,
    CallName,
    CallRef,
    Claim,
    ClaimKind,
    DepthDecision,
    Descriptors,
    EvidencePack,
    LibraryFacts,
    ModelCredit,
    NameCount,
    NeighbourEntry,
    PrototypeEntry,
    Quantity,
    QueryEntry,
    SequenceStep,
    SignalQuality,
    Taxon,
    TaxonScore,
    TaxonScoreEntry,
)
from rab.generation import Output, cited, facts, holds, printed, quantities, text_of, validate
from rab.generation.wording.texts import texts
from rab.generation.writer import write_interpretation, write_summary

TAXA = st.sampled_from(
    [
        "Turdus merula",
        "Turdus philomelos",
        "Bubo bubo",
        "Engine",
        "Happy wren",
        "Alarm call",
        "The",
        "calls",
        "type 2",
        "",
        "near:named",
        "similarity",
        "site:A12",
        "Tentatively",
        "Wolf [n1.38d0]",
        "Wolf” confirmed “",
        "\x1b[31mWolf\u202e\n\nConfirmed",
        "Song Thrush that breeds here",
        "Turdus mеrula",
    ]
) | st.text(max_size=12)
MODELS = st.sampled_from(["birdnet-v2.4", "perch-v2.0", "odd model", "5", "calls"])
RECORDINGS = st.sampled_from(["own", "r1", "r2", "r3"])
FRACTIONS = st.floats(0, 1)
SIMILARITIES = st.floats(0.7, 1) | st.floats(0.65, 1) | st.floats(-1, 1)
SELDOM = st.sampled_from([False, False, False, False, True])


def _call(recording: str) -> CallRef:
    return CallRef(
        segment_id="0" * 32,
        recording_id=recording,
        file_name=f"{recording}.wav",
        channel=None,
        t0_ms=0.0,
        t1_ms=3000.0,
        site="A12",
        heard_at=datetime(2025, 5, 3, tzinfo=UTC),
        zone="Europe/Paris",
    )


CALLS = RECORDINGS.map(_call)
QUALITIES = st.builds(
    SignalQuality,
    snr_db=st.none() | st.floats(-20, 50),
    snr_unmeasured=st.sampled_from([None, None, None, None, None, "silent", "no_signal", "too_short"]),
    band_low_hz=st.none() | st.floats(0, 1e5),
    band_high_hz=st.none() | st.floats(0, 1e5),
    noise_floor_dbfs=st.none() | st.floats(-120, 0),
    peak_dbfs=st.none() | st.floats(-120, 0),
    clipped_fraction=FRACTIONS,
    overlap_fraction=FRACTIONS,
    rain=st.booleans(),
    wind=st.booleans(),
    silent=SELDOM,
)
_GOOD = SignalQuality(
    snr_db=20.0,
    snr_unmeasured=None,
    band_low_hz=None,
    band_high_hz=None,
    noise_floor_dbfs=None,
    peak_dbfs=None,
    clipped_fraction=0.0,
    overlap_fraction=0.0,
    rain=False,
    wind=False,
    silent=False,
)
SHAPES = st.builds(
    Descriptors,
    duration_ms=st.none() | st.floats(0, 3000),
    peak_hz=st.none() | st.floats(0, 2e4),
    pitch_slope_hz_per_s=st.none() | st.floats(-1e6, 1e6),
    n_onsets=st.none() | st.integers(0, 40),
    entropy=st.none() | FRACTIONS,
)
NAMES = st.builds(
    CallName,
    scientific_name=TAXA,
    common_name=TAXA,
    source=st.sampled_from(["human", "imported", "model"]),
    by=MODELS,
    raw_score=st.none() | FRACTIONS,
)
COUNTS = st.lists(
    st.builds(NameCount, scientific_name=TAXA, common_name=TAXA, n_members=st.integers(1, 500)),
    max_size=3,
    unique_by=lambda count: count.scientific_name,
).map(tuple)
SCORES = st.builds(
    TaxonScore,
    taxon=st.builds(Taxon, scientific_name=TAXA, common_name=TAXA),
    logit=st.just(0.0),
    raw_score=FRACTIONS,
    model=MODELS,
    in_range=st.sampled_from([None, True, True, False]),
)
CLUSTERS = st.none() | st.sampled_from(["c3.9fa2", "c0", "odd cluster"])


@st.composite
def _several(
    draw: st.DrawFn, /, noun: type[Any], prefix: str, most: int, **fields: st.SearchStrategy[Any]
) -> tuple[Any, ...]:
    n = draw(st.integers(0, most))
    return tuple(draw(st.builds(noun, key=st.just(f"{prefix}{number + 1}"), **fields)) for number in range(n))


LIBRARY = LibraryFacts(space="toy", n_segments=9, n_recordings=3, n_sites=1, filter_words="everything")
CREDIT = ModelCredit(key="birdnet-v2.4", licence="x", licence_url="", citation="", weights_sha256="0")

SEGMENT_PACKS = st.builds(
    EvidencePack,
    kind=st.just("segment"),
    subject=st.just("0" * 32),
    library=st.just(LIBRARY),
    models=st.just((CREDIT,)),
    query=st.builds(QueryEntry, call=st.just(_call("own")), quality=QUALITIES, descriptors=SHAPES),
    depth=st.none()
    | st.builds(
        DepthDecision,
        k=st.just(3),
        k_base=st.just(3),
        species_claims_supported=SELDOM.map(lambda seldom: not seldom),
        reasons=st.just(()),
    ),
    neighbours=_several(
        NeighbourEntry,
        "n",
        6,
        call=CALLS,
        similarity=SIMILARITIES,
        quality=st.just(_GOOD),
        descriptors=SHAPES,
        name=st.none() | NAMES,
        cluster_id=CLUSTERS,
    ),
    prototypes=_several(
        PrototypeEntry,
        "p",
        2,
        call=CALLS,
        cluster_id=st.sampled_from(["c3.9fa2", "c0", "odd cluster"]),
        similarity=SIMILARITIES,
        n_members=st.integers(1, 10**6),
        names=COUNTS,
    ),
    sequence=_several(
        SequenceStep,
        "s",
        3,
        offset=st.sampled_from([-2, -1, 1, 2]),
        gap_ms=st.floats(-3000, 1e6),
        call=CALLS,
        name=st.none() | NAMES,
        cluster_id=CLUSTERS,
        snr_db=st.none(),
    ),
    taxon_scores=_several(TaxonScoreEntry, "t", 4, score=SCORES),
)

HOURS = st.sampled_from(["04", "05", "06", "23", "99"])
SITES = st.sampled_from(["site:A12", "site:Ridge"])
GROUPS: dict[str, st.SearchStrategy[str | None]] = {
    "effort_hours": st.none() | SITES,
    "n_recordings": st.none(),
    "recorder_days": st.none(),
    "largest_gap_hours": SITES,
    "n_gaps": st.none(),
    "unclocked_recordings": st.none(),
    "detections": TAXA | st.just("Turdus merula"),
    "sound_detections": TAXA,
    "detection_recordings": TAXA,
    "detection_days": TAXA,
    "n_taxa": st.none(),
    "out_of_range_detections": TAXA,
    "detections_by_hour": HOURS,
    "taxon_by_hour": st.builds("{}\t{}".format, TAXA | st.just("Turdus merula"), HOURS),
    "snr_median_db": st.none(),
    "low_snr_share": st.none(),
    "clipped_share": st.none(),
    "rain_share": st.none() | TAXA,
    "n_failed_files": st.none(),
    "snr_bin": st.just("0..5"),
}


@st.composite
def _figures(draw: st.DrawFn, /) -> tuple[AggregateEntry, ...]:
    hours = ["detections_by_hour"] * draw(st.sampled_from([0, 4]))
    names = draw(st.lists(st.sampled_from(list(GROUPS)), max_size=12)) + hours
    effort = AggregateEntry(
        key="a0", name="effort_hours", value=12.5, unit="h", decimals=1, basis="hours of sound", rows_sha256="0" * 64
    )
    return (effort,) * draw(st.sampled_from([1, 1, 1, 0])) + tuple(
        AggregateEntry(
            key=f"a{number}",
            name=name,
            group=draw(GROUPS[name]),
            group_words=draw(st.none() | TAXA),
            value=draw(st.integers(1, 50).map(float) | st.floats(0, 1e6) | st.just(-1.0)),
            unit=draw(st.sampled_from(["h", "segments", "%", "dB", "recordings", "days", "taxa", ""])),
            decimals=draw(st.integers(0, 4)),
            denominator=draw(st.floats(0.1, 10) | st.none() | st.floats(0, 1e4)),
            denominator_unit="h",
            basis=draw(st.text(max_size=30)),
            rows_sha256="0" * 64,
        )
        for number, name in enumerate(names, start=1)
    )


SUMMARY_PACKS = st.builds(
    EvidencePack,
    kind=st.just("summary"),
    subject=st.text(max_size=20),
    library=st.just(LIBRARY),
    models=st.just((CREDIT,)),
    aggregates=_figures(),
)
PACKS = SEGMENT_PACKS | SUMMARY_PACKS


def _write(pack: EvidencePack) -> Any:
    return write_summary(pack) if pack.kind == "summary" else write_interpretation(pack)


@given(PACKS)
@settings(max_examples=120, deadline=None)
def test_every_fact_holds(pack: EvidencePack) -> None:
    """What the enumerator composes, the checker, which goes the other way round, finds true."""
    outputs: tuple[Output, ...] = ("interpretation", "suggestion") if pack.kind == "segment" else ("summary",)
    for output in outputs:
        for fact in facts(pack, output=output):
            assert holds(fact.claim, pack, output=output) is None, fact.claim


@given(PACKS)
@settings(max_examples=120, deadline=None)
def test_everything_written_is_served(pack: EvidencePack) -> None:
    """The templates' own words keep every rule, whatever the names; so no mandatory fact is lost."""
    written = _write(pack)
    served = {(claim.kind, claim.code, claim.taxon) for claim in written.claims}
    due = {(fact.claim.kind, fact.claim.code, fact.claim.taxon) for fact in facts(pack) if fact.mandatory}
    assert (written.dropped, due - served) == ((), set())


@given(PACKS)
@settings(max_examples=80, deadline=None)
def test_every_citation_and_number_is_the_packs(pack: EvidencePack) -> None:
    """Each served claim cites what exists and declares what the pack gives, and its words print nothing else."""
    table = quantities(pack)
    for claim in _write(pack).claims:
        assert claim.support
        assert set(claim.citations) <= pack.items.keys()
        assert all(table.get(one.ref, one) == one for one in claim.quantities)
        rest = re.sub(r"“[^”]*”|birdnet-v2\.4|perch-v2\.0|c3\.9fa2|c0|\d\d:00–\d\d:00", " ", claim.text)
        for phrase in sorted(map(printed, claim.quantities), key=len, reverse=True):
            rest = rest.replace(phrase, " ")
        assert not [c for c in rest if unicodedata.numeric(c, None) is not None and not c.isalpha()], claim.text


@given(PACKS)
@settings(max_examples=40, deadline=None)
def test_plain_text_is_printed_whole(pack: EvidencePack) -> None:
    """Plain text holds every served sentence, on one line each."""
    written = _write(pack)
    lines = text_of(written).split("\n")
    assert all(f"  {cited(claim)}" in lines for claim in written.claims)


KINDS = st.sampled_from(get_args(ClaimKind))
"""Every kind of claim that there is, in whatever pack."""
OWN_WORDS = "the no not a call calls resembles that listeners label name statement is made of in out every , : ( ) ."


@st.composite
def _words(draw: st.DrawFn, sentence: str) -> str:
    """Words of a model that lies: a sentence shuffled, thinned, negated, taken from elsewhere, or mere noise."""
    match draw(st.integers(0, 5)):
        case 0:
            return " ".join(draw(st.permutations(sentence.split())))
        case 1:
            words = sentence.split()
            dropped = draw(st.sets(st.integers(0, len(words)), max_size=3))
            return " ".join(word for place, word in enumerate(words) if place not in dropped)
        case 2:
            words = sentence.split()
            words.insert(draw(st.integers(0, len(words))), draw(st.sampled_from([*OWN_WORDS.split(), "moreover,"])))
            return " ".join(words)
        case 3:
            return " ".join(draw(st.lists(st.sampled_from(OWN_WORDS.split() + sentence.split()), max_size=20))) + "."
        case 4:
            return draw(st.text(max_size=40))
        case _:
            return sentence


@st.composite
def _drafts(draw: st.DrawFn) -> tuple[EvidencePack, Output, list[Claim]]:
    """A pack, and claims that mix its ids, figures and kinds at random, in words of all sorts."""
    pack = draw(PACKS)
    output: Output = draw(st.sampled_from(["interpretation", "suggestion"])) if pack.kind == "segment" else "summary"
    ids = st.sampled_from([*pack.items, "n1.zzzz", "n77.0000", "", "q"])
    figures = st.sampled_from([*quantities(pack).values(), Quantity(ref="x", value=1, unit="", decimals=0, source=())])
    found = [fact.claim for fact in facts(pack, output=output)]
    own = {one.id: one.text for one in validate(found, pack, output=output)[0]}
    codes = st.sampled_from(sorted({one.code for one in found if one.code}) or ["silent"])
    claims = st.builds(
        Claim,
        id=st.sampled_from(["c1", "c2", "c3", "f1", "", "a b"]),
        kind=KINDS,
        code=st.none() | codes,
        taxon=st.none() | TAXA,
        support=st.lists(ids, max_size=4).map(tuple),
        contra=st.lists(ids, max_size=2).map(tuple),
        quantities=st.lists(figures, max_size=3).map(tuple),
        hedge=st.sampled_from(["plain", "tentative"]),
        text=st.sampled_from(list(own.values()) or ["x."]).flatmap(_words),
        text_origin=st.sampled_from(["model", "template"]),
    )
    composed = [
        one.model_copy(update={"text": draw(_words(own.get(one.id, "x."))), "text_origin": "model"}) for one in found
    ]
    return pack, output, draw(st.permutations([*composed, *draw(st.lists(claims, max_size=6))]))


@given(_drafts())
@settings(max_examples=120, deadline=None)
def test_no_draft_raises_or_slips_through(drafted: tuple[EvidencePack, Output, list[Claim]]) -> None:
    """Whatever is proposed, what is served holds, is complete, and served again it does not change."""
    pack, output, claims = drafted
    served, dropped = validate(claims, pack, output=output)
    assert [claim for claim in served if holds(claim, pack, output=output) is not None] == []
    assert validate(served, pack, output=output) == (served, ())
    due = {(one.claim.kind, one.claim.code, one.claim.taxon) for one in facts(pack, output=output) if one.mandatory}
    assert due <= {(one.kind, one.code, one.taxon) for one in served}
    assert len({one.id for one in served}) == len(served)
    assert all(one.reason.isprintable() for one in dropped)


@given(_drafts())
@settings(max_examples=120, deadline=None)
def test_served_words_are_the_templates_own(drafted: tuple[EvidencePack, Output, list[Claim]]) -> None:
    """Whoever worded a claim, its sentence has the numbers, names and words of its template, in their order."""
    pack, output, claims = drafted
    for claim in validate(claims, pack, output=output)[0]:
        template = next(
            one.text
            for one in validate([claim.model_copy(update={"text": ""})], pack, output=output)[0]
            if one.id == claim.id
        )
        assert _bare(claim.text) == _bare(template)


@given(_drafts(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_of_a_draft_decides_nothing(drafted: tuple[EvidencePack, Output, list[Claim]], chance: Random) -> None:
    """In whatever order claims with ids of their own are given, the same ones are served."""
    pack, output, drafts = drafted
    claims = [one.model_copy(update={"id": f"c{number}"}) for number, one in enumerate(drafts)]
    shuffled = chance.sample(claims, len(claims))
    first, second = ({_content(one) for one in validate(given, pack, output=output)[0]} for given in (claims, shuffled))
    assert first == second


def _content(claim: Claim) -> tuple[object, ...]:
    return claim.kind, claim.code, claim.taxon, claim.support, claim.contra, claim.quantities


def _bare(sentence: str) -> list[str]:
    """Return the words of a sentence without marks, articles and what may begin it or stand between commas."""
    free = {"a", "an", "the", *texts()["model/connectives.txt"].split()}
    words = re.sub(r"[,;:()]|\.$", " ", sentence.casefold()).split()
    return [word for word in words if word not in free]
