"""Packs by hand: calls, neighbours and figures put together as an evidence room would."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from rab.domain import (
    AggregateEntry,
    CallName,
    CallRef,
    Claim,
    DepthDecision,
    Descriptors,
    EvidencePack,
    LibraryFacts,
    ModelCredit,
    NameCount,
    NeighbourEntry,
    PrototypeEntry,
    QueryEntry,
    SequenceStep,
    SignalQuality,
    Taxon,
    TaxonScore,
    TaxonScoreEntry,
)
from rab.domain.evidence import NameSource
from rab.domain.quality import Unmeasured
from rab.generation import Output, facts, validate

BIRDNET = "birdnet-v2.4"
COMMON_NAMES = {
    "Turdus merula": "Eurasian Blackbird",
    "Turdus philomelos": "Song Thrush",
    "Bubo virginianus": "Great Horned Owl",
}


def call(recording: str, t0_ms: float = 0.0) -> CallRef:
    return CallRef(
        segment_id=f"{recording}{t0_ms:.0f}".ljust(32, "0")[:32],
        recording_id=recording.ljust(64, "0"),
        file_name=f"{recording}.wav",
        channel=None,
        t0_ms=t0_ms,
        t1_ms=t0_ms + 3000.0,
        site="A12",
        heard_at=datetime(2025, 5, 3, 3, 12, tzinfo=UTC) + timedelta(days=sum(map(ord, recording)), milliseconds=t0_ms),
        zone="Europe/Paris",
    )


def quality(snr_db: float | None = 18.0, why: Unmeasured | None = None, *, clipped: float = 0.0) -> SignalQuality:
    measured = snr_db is not None
    return SignalQuality(
        snr_db=snr_db,
        snr_unmeasured=why,
        band_low_hz=1840.0 if measured else None,
        band_high_hz=7210.0 if measured else None,
        noise_floor_dbfs=-60.0,
        peak_dbfs=-20.0,
        clipped_fraction=clipped,
        overlap_fraction=0.0,
        rain=False,
        wind=False,
        silent=why == "silent",
    )


def named(taxon: str, source: NameSource = "human") -> CallName:
    by, score = (BIRDNET, 0.71) if source == "model" else ("a listener", None)
    return CallName(scientific_name=taxon, common_name=COMMON_NAMES[taxon], source=source, by=by, raw_score=score)


def neighbour(
    number: int,
    similarity: float,
    taxon: str | None = "Turdus merula",
    *,
    recording: str | None = None,
    source: NameSource = "human",
    descriptors: Descriptors | None = None,
) -> NeighbourEntry:
    return NeighbourEntry(
        key=f"n{number}",
        call=call(recording or f"r{number}"),
        similarity=similarity,
        quality=quality(),
        descriptors=descriptors or Descriptors(duration_ms=900.0, peak_hz=2500.0),
        name=None if taxon is None else named(taxon, source),
        cluster_id="c3.9fa2",
    )


def scored(number: int, taxon: str, raw_score: float, *, in_range: bool | None = True) -> TaxonScoreEntry:
    return TaxonScoreEntry(
        key=f"t{number}",
        score=TaxonScore(
            taxon=Taxon(scientific_name=taxon, common_name=COMMON_NAMES[taxon]),
            logit=0.0,
            raw_score=raw_score,
            model=BIRDNET,
            in_range=in_range,
        ),
    )


def prototype(similarity: float = 0.88) -> PrototypeEntry:
    return PrototypeEntry(
        key="p1",
        call=call("medoid"),
        cluster_id="c3.9fa2",
        similarity=similarity,
        n_members=412,
        names=(NameCount(scientific_name="Turdus merula", common_name="Eurasian Blackbird", n_members=300),),
    )


def segment_pack(
    neighbours: Iterable[NeighbourEntry] = (),
    *,
    signal: SignalQuality | None = None,
    supported: bool = True,
    **content: Any,
) -> EvidencePack:
    signal = signal or quality()
    shape = Descriptors(duration_ms=900.0, peak_hz=3140.0)
    entries = tuple(neighbours)
    return EvidencePack(
        kind="segment",
        subject="0" * 32,
        library=LibraryFacts(
            space="toy", n_segments=len(entries), n_recordings=len(entries), n_sites=1, filter_words="everything"
        ),
        models=(credit(),),
        query=QueryEntry(call=call("query", 12_000.0), quality=signal, descriptors=shape),
        depth=DepthDecision(k=3, k_base=3, species_claims_supported=supported, reasons=("k 3",)),
        neighbours=entries,
        **content,
    )


def credit() -> ModelCredit:
    return ModelCredit(
        key=BIRDNET, licence="CC BY-NC-SA 4.0", licence_url="", citation="Kahl et al. 2021", weights_sha256="0" * 64
    )


def figure(
    number: int,
    name: str,
    value: float,
    unit: str,
    *,
    group: str | None = None,
    words: str | None = None,
    hours: float | None = None,
    decimals: int = 0,
) -> AggregateEntry:
    return AggregateEntry(
        key=f"a{number}",
        name=name,
        group=group,
        group_words=words or COMMON_NAMES.get(group or ""),
        value=value,
        unit=unit,
        decimals=decimals,
        denominator=hours,
        denominator_unit=None if hours is None else "h",
        basis="segments with a raw score of at least 0.30",
        rows_sha256="0" * 64,
    )


def summary_pack(figures: Iterable[AggregateEntry]) -> EvidencePack:
    return EvidencePack(
        kind="summary",
        subject="site=A12 2025-05-03…2025-05-04",
        library=LibraryFacts(space="toy", n_segments=9, n_recordings=9, n_sites=1, filter_words="site A12"),
        models=(credit(),),
        aggregates=tuple(figures),
    )


def clean_neighbours() -> list[NeighbourEntry]:
    return [neighbour(1, 0.91), neighbour(2, 0.87), neighbour(3, 0.83)]


def day_figures() -> list[AggregateEntry]:
    """A day at one site: two species, one of them set aside once, a dawn peak, one recording without a clock."""
    counts = [
        figure(1, "effort_hours", 12.5, "h", decimals=1),
        figure(2, "n_recordings", 150, "recordings"),
        figure(3, "recorder_days", 2, "recorder-days"),
        figure(4, "n_gaps", 3, "gaps"),
        figure(5, "largest_gap_hours", 5.25, "h", group="site:A12", decimals=1),
        figure(6, "n_taxa", 2, "taxa"),
        figure(7, "detections", 42, "segments", group="Turdus merula", hours=12.5),
        figure(8, "detection_recordings", 11, "recordings", group="Turdus merula"),
        figure(9, "detections", 7, "segments", group="Turdus philomelos", hours=12.5),
        figure(10, "out_of_range_detections", 1, "segments", group="Bubo virginianus"),
        figure(11, "snr_median_db", 8.2, "dB", decimals=1),
        figure(12, "low_snr_share", 31.0, "%"),
        figure(13, "rain_share", 0.5, "%", decimals=1),
        figure(14, "unclocked_recordings", 1, "recordings"),
        figure(15, "n_failed_files", 0, "files"),
    ]
    per_hour = {"04": 6, "05": 40, "06": 3}
    hours = [
        figure(20 + n, "detections_by_hour", value, "segments", group=hour, hours=0.5)
        for n, (hour, value) in enumerate(per_hour.items())
    ]
    return counts + hours


@pytest.fixture(scope="session")
def segment_pack_of() -> Callable[..., EvidencePack]:
    """Build a segment pack from neighbours, a signal and scores."""
    return segment_pack


@pytest.fixture(scope="session")
def summary_pack_of() -> Callable[..., EvidencePack]:
    """Build a summary pack from figures."""
    return summary_pack


@pytest.fixture(scope="session")
def neighbour_of() -> Callable[..., NeighbourEntry]:
    """Build a neighbour from its number, similarity and name."""
    return neighbour


@pytest.fixture(scope="session")
def score_of() -> Callable[..., TaxonScoreEntry]:
    """Build a taxon score from its number, taxon and raw score."""
    return scored


@pytest.fixture(scope="session")
def figure_of() -> Callable[..., AggregateEntry]:
    """Build an aggregate from its number, name, value and unit."""
    return figure


@pytest.fixture(scope="session")
def quality_of() -> Callable[..., SignalQuality]:
    """Build a signal quality from its SNR, or from why there is none."""
    return quality


@pytest.fixture(scope="session")
def clean() -> EvidencePack:
    """A clear blackbird: three labelled neighbours of three recordings, a prototype, a sequence, an agreeing score."""
    step = SequenceStep(
        key="s-1", offset=-1, gap_ms=1500.0, call=call("query", 7500.0), name=named("Turdus merula", "model")
    )
    return segment_pack(
        clean_neighbours(),
        prototypes=(prototype(),),
        sequence=(step,),
        taxon_scores=(scored(1, "Turdus merula", 0.71), scored(2, "Turdus philomelos", 0.12)),
    )


@pytest.fixture(scope="session")
def low_snr() -> EvidencePack:
    """The same neighbours for a call that the depth policy finds too faint."""
    return segment_pack(
        clean_neighbours(),
        signal=quality(-1.2),
        supported=False,
        prototypes=(prototype(),),
        taxon_scores=(scored(1, "Turdus merula", 0.71),),
    )


@pytest.fixture(scope="session")
def silent() -> EvidencePack:
    """Digital silence, with neighbours that are as silent."""
    return segment_pack(clean_neighbours(), signal=quality(None, "silent"), supported=False)


@pytest.fixture(scope="session")
def far() -> EvidencePack:
    """A clear call that nothing in the library resembles."""
    return segment_pack([neighbour(1, 0.41), neighbour(2, 0.40)], taxon_scores=(scored(1, "Turdus merula", 0.71),))


@pytest.fixture(scope="session")
def empty() -> EvidencePack:
    """A clear call in an empty library."""
    return segment_pack()


@pytest.fixture(scope="session")
def conflicting() -> EvidencePack:
    """Neighbours of one name, a classifier that thinks of another."""
    return segment_pack(clean_neighbours(), taxon_scores=(scored(1, "Turdus philomelos", 0.66),))


@pytest.fixture(scope="session")
def divided() -> EvidencePack:
    """Five near calls under two names, and one under no name."""
    calls = [
        neighbour(1, 0.92, "Turdus philomelos"),
        neighbour(2, 0.90),
        neighbour(3, 0.86, None),
        neighbour(4, 0.84),
        neighbour(5, 0.80, "Turdus philomelos"),
        neighbour(6, 0.75),
        neighbour(7, 0.55),
    ]
    return segment_pack(calls, taxon_scores=(scored(1, "Turdus merula", 0.71),))


def rich_pack(second_prototype: float = 0.80) -> EvidencePack:
    """A pack with some of everything: two names, two prototypes, three steps, two candidates."""
    other = prototype(second_prototype).model_copy(update={"key": "p2", "cluster_id": "c7.01ab", "n_members": 55})
    steps = [
        SequenceStep(key="s-2", offset=-2, gap_ms=900.0, call=call("query", 3000.0), cluster_id="c3.9fa2"),
        SequenceStep(
            key="s-1", offset=-1, gap_ms=1500.0, call=call("query", 7500.0), name=named("Turdus merula", "model")
        ),
        SequenceStep(key="s+1", offset=1, gap_ms=-200.0, call=call("query", 14800.0), name=named("Turdus philomelos")),
    ]
    calls = [
        neighbour(1, 0.92, "Turdus philomelos"),
        neighbour(2, 0.90),
        neighbour(3, 0.86, None),
        neighbour(4, 0.84, descriptors=Descriptors(duration_ms=500.0, peak_hz=3120.0)),
        neighbour(5, 0.80, "Turdus philomelos"),
        neighbour(6, 0.75),
        neighbour(7, 0.55),
    ]
    return segment_pack(
        calls,
        prototypes=(prototype(), other),
        sequence=tuple(steps),
        taxon_scores=(
            scored(1, "Turdus merula", 0.71),
            scored(2, "Turdus philomelos", 0.45),
            scored(3, "Bubo virginianus", 0.12),
        ),
    )


@pytest.fixture(scope="session")
def rich() -> EvidencePack:
    """A pack with some of everything."""
    return rich_pack()


@pytest.fixture(scope="session")
def tied() -> EvidencePack:
    """The same, with two prototypes that lie equally near."""
    return rich_pack(0.88)


@pytest.fixture(scope="session")
def strayed() -> EvidencePack:
    """Owls nearby, where the location and week model expects none."""
    owls = [neighbour(number, 0.9 - number / 50, "Bubo virginianus") for number in (1, 2, 3)]
    return segment_pack(owls, taxon_scores=(scored(1, "Bubo virginianus", 0.80, in_range=False),))


@pytest.fixture(scope="session")
def one_recording() -> EvidencePack:
    """Near calls that all come from one recording and bear a classifier's names."""
    return segment_pack([neighbour(n, 0.95 - n / 50, recording="same", source="model") for n in (1, 2, 3)])


@pytest.fixture(scope="session")
def unlabelled() -> EvidencePack:
    """Near calls that nobody named."""
    return segment_pack([neighbour(1, 0.85, None), neighbour(2, 0.80, None)])


@pytest.fixture(scope="session")
def day() -> EvidencePack:
    """A summary of a day with clocks."""
    return summary_pack(day_figures())


@pytest.fixture(scope="session")
def clockless() -> EvidencePack:
    """A summary of one recording whose clock nobody knows."""
    return summary_pack(
        [
            figure(1, "effort_hours", 0.5, "h", decimals=1),
            figure(2, "n_recordings", 1, "recordings"),
            figure(3, "unclocked_recordings", 1, "recordings"),
            figure(4, "n_taxa", 1, "taxa"),
            figure(5, "detections", 12, "segments", group="Turdus merula", hours=0.5),
        ]
    )


@pytest.fixture(scope="session")
def effortless() -> EvidencePack:
    """A summary of an interval in which nothing was recorded."""
    return summary_pack([figure(1, "effort_hours", 0.0, "h", decimals=1), figure(2, "n_recordings", 0, "recordings")])


class Outcome(NamedTuple):
    """What became of one claim of a draft: the code it failed with, and all that is served."""

    code: str | None
    served: tuple[Claim, ...]

    @property
    def texts(self) -> list[str]:
        return [claim.text for claim in self.served]


def true_claim(
    pack: EvidencePack, kind: str, code: str | None = None, taxon: str | None = None, output: Output | None = None
) -> Claim:
    """Return the first fact of a kind, a code (None: any) and a taxon (None: any), in its template's words."""
    fact = next(
        one.claim
        for one in facts(pack, output=output)
        if one.claim.kind == kind and code in (None, one.claim.code) and taxon in (None, one.claim.taxon)
    )
    return next(one for one in validate([fact], pack, output=output)[0] if one.id == fact.id)


def outcome(claim: Claim, pack: EvidencePack, output: Output | None = None) -> Outcome:
    served, dropped = validate([claim], pack, output=output)
    codes = [one.code for one in dropped if one.code != "E_MISSING_MANDATORY"]
    return Outcome(codes[0] if codes else None, served)


@pytest.fixture(scope="session")
def true_claim_of() -> Callable[..., Claim]:
    """Find a true claim, worded, by its pack and kind."""
    return true_claim


@pytest.fixture(scope="session")
def outcome_of() -> Callable[..., Outcome]:
    """Validate a draft of one claim."""
    return outcome
