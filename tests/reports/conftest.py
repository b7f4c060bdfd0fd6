"""A made-up day in spring: two recorders, eleven species, sweeps for calls, and every kind of entry that a pack has."""

import io
import wave
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from rab.domain import (
    AggregateEntry,
    CallName,
    CallRef,
    Claim,
    ClaimKind,
    DepthDecision,
    Descriptors,
    DroppedClaim,
    EvidencePack,
    FileFailure,
    FileSkipped,
    GenerationRecord,
    GroundedText,
    Interpretation,
    LibraryFacts,
    ModelCredit,
    MonitoringSummary,
    NameCount,
    NeighbourEntry,
    PrototypeEntry,
    QueryEntry,
    SequenceStep,
    SignalQuality,
    Taxon,
    TaxonScore,
    TaxonScoreEntry,
    content_id,
)
from rab.reports import CallMedia, Media, NoMedia, Passage, Question, Report

Species = tuple[str, str, int]
Figure = dict[str, Any]

RATE_HZ = 48_000
START = datetime(2025, 5, 3, 2, 0, tzinfo=UTC)
ZONE = "Europe/Zurich"
SPECIES: tuple[Species, ...] = (
    ("Turdus merula", "Eurasian Blackbird", 48),
    ("Erithacus rubecula", "European Robin", 37),
    ("Cuculus canorus", "Common Cuckoo", 22),
    ("Sylvia atricapilla", "Eurasian Blackcap", 19),
    ("Phylloscopus collybita", "Common Chiffchaff", 11),
    ("Fringilla coelebs", "Common Chaffinch", 9),
    ("Troglodytes troglodytes", "Eurasian Wren", 6),
    ("Strix aluco", "Tawny Owl", 4),
    ("Parus major", "Great Tit", 3),
    ("Columba palumbus", "Common Wood-Pigeon", 2),
    ("Dryocopus martius", "Black Woodpecker", 1),
)
HEARD = {4: 9, 5: 48, 6: 41, 7: 22, 8: 12, 9: 8, 10: 4, 11: 0, 16: 1, 17: 2, 18: 4, 19: 7, 20: 6, 21: 2}
BINS = {"-5..0": 310, "0..5": 4020, "5..10": 9105, "10..15": 6480, "15..20": 3120, "20..25": 1204, "25..30": 310}
SHARES = {"low_snr": 1.1, "clipped": 0.2, "rain": 4.1, "wind": 9.8, "silent": 0.0, "overlap": 11.3}
BASES = {
    "detections": "Segments whose raw score for the taxon is at least 0.30 and that are not out of range.",
    "effort_hours": "Sum of the durations of all recordings in scope.",
    "detections_by_hour": "Detections by the hour of the site's clock in which the segment began.",
}
BIRDNET = ModelCredit(
    key="birdnet-v2.4",
    licence="CC BY-NC-SA 4.0",
    licence_url="https://creativecommons.org/licenses/by-nc-sa/4.0/",
    citation="Kahl, Wood, Eibl & Klinck (2021). BirdNET: A deep learning solution for avian diversity monitoring.",
    weights_sha256=content_id(b"weights"),
)
LIBRARY = LibraryFacts(
    space="birdnet-v2.4-1024-ab12cd34", n_segments=28_200, n_recordings=47, n_sites=2, filter_words="everything"
)
GENERATION = GenerationRecord(prompts_sha256=content_id(b"prompts"), code_version="0.1.0")
QUALITY = SignalQuality(
    snr_db=6.2,
    snr_unmeasured=None,
    band_low_hz=1800.0,
    band_high_hz=4200.0,
    noise_floor_dbfs=-61.2,
    peak_dbfs=-18.3,
    clipped_fraction=0.0,
    overlap_fraction=0.12,
    rain=False,
    wind=False,
    silent=False,
)
SHAPE = Descriptors(duration_ms=1240.0, low_hz=1800.0, high_hz=4200.0, peak_hz=2600.0, n_onsets=4)


def call(number: int, *, site: str | None = "Beech ridge", word: str = "", clocked: bool = True) -> CallRef:
    """Return the `number`-th call of the day, three seconds long; `word` stands in its file's name."""
    heard_at = START + timedelta(minutes=7 * number)
    return CallRef(
        segment_id=content_id(f"segment {number}".encode())[:32],
        recording_id=content_id(f"recording {number // 4}".encode()),
        file_name=f"{word}{heard_at:%Y%m%d_%H}0000.WAV",
        channel=None,
        t0_ms=3000.0 * (number % 4),
        t1_ms=3000.0 * (number % 4) + 3000.0,
        site=site,
        heard_at=heard_at if clocked else None,
        zone=ZONE if clocked else None,
    )


def effort_figures() -> Iterator[Figure]:
    """Yield hours, days and gaps of two recorders."""
    yield {"name": "effort_hours", "value": 23.5, "unit": "h", "decimals": 1}
    yield {"name": "n_recordings", "value": 47, "unit": "recordings"}
    yield {"name": "recorder_days", "value": 2, "unit": "days"}
    yield {"name": "n_gaps", "value": 1, "unit": "gaps"}
    yield {"name": "n_segments", "value": 28_200, "unit": "segments"}
    yield {"name": "n_failed_files", "value": 1, "unit": "files"}
    for site, hours, gap in (("Beech ridge", 14.0, 0.0), ("Alder brook", 9.5, 4.0)):
        of_site = {"group": f"site:{site}", "group_words": site, "unit": "h", "decimals": 1}
        yield {"name": "effort_hours", "value": hours, **of_site}
        yield {"name": "largest_gap_hours", "value": gap, **of_site}


def species_figures(species: Sequence[Species], **of_call: Any) -> Iterator[Figure]:
    """Yield detections, recordings and days of every taxon, and one taxon that the location filter removed."""
    yield {"name": "n_taxa", "value": len(species), "unit": "taxa"}
    for rank, (scientific, common, n) in enumerate(species):
        taxon = {"group": scientific, "group_words": common}
        some = range(min(n, 3))
        yield {
            "name": "detections",
            "value": n,
            "unit": "segments",
            "denominator": 23.5,
            "denominator_unit": "h",
            "exemplars": tuple(call(3 * rank + one, **of_call) for one in some),
            "exemplar_raw_scores": tuple(0.96 / (1 + 0.1 * one) for one in some),
            "exemplar_snr_db": tuple(21.5 - 2 * one for one in some),
            **taxon,
        }
        of_all = {"denominator": 47, "denominator_unit": "recordings"}
        yield {"name": "detection_recordings", "value": min(n, 12), "unit": "recordings", **of_all, **taxon}
        yield {"name": "detection_days", "value": min(n, 2), "unit": "days", **taxon}
    engine = {"group": "Engine", "group_words": "Engine", "exemplars": (call(41, **of_call),)}
    yield {"name": "sound_detections", "value": 5, "unit": "segments", **engine}
    owl = {"group": "Bubo virginianus", "group_words": "Great Horned Owl", "exemplars": (call(40, **of_call),)}
    yield {"name": "out_of_range_detections", "value": 1, "unit": "segments", **owl}


def hour_figures() -> Iterator[Figure]:
    """Yield a dawn chorus and an evening, and nothing of the hours that nobody recorded."""
    for hour, n in HEARD.items():
        yield {
            "name": "detections_by_hour",
            "value": n,
            "unit": "segments",
            "group": f"{hour:02}",
            "group_words": f"{hour:02}:00–{hour + 1:02}:00",
            "denominator": 1.0 if hour in (4, 21) else 1.75,
            "denominator_unit": "h",
        }


def quality_figures() -> Iterator[Figure]:
    """Yield SNR bins and shares of faults."""
    yield {"name": "snr_median_db", "value": 9.6, "unit": "dB", "decimals": 1}
    for name, share in SHARES.items():
        yield {"name": f"{name}_share", "value": share, "unit": "%", "decimals": 1}
    for edges, n in BINS.items():
        yield {"name": "snr_bin", "value": n, "unit": "segments", "group": edges, "group_words": f"{edges} dB"}
    yield {"name": "snr_bin", "value": 3651, "unit": "segments", "group": "unmeasured"}


def entries_of(figures: Sequence[Figure]) -> tuple[AggregateEntry, ...]:
    """Number the figures in their order, and give each a basis and a row hash."""
    return tuple(
        AggregateEntry(
            **{
                "basis": BASES.get(figure["name"], f"Counted over all segments in scope as {figure['name']}."),
                **figure,
            },
            key=f"a{number}",
            rows_sha256=content_id(f"{number} {figure['name']}".encode()),
        )
        for number, figure in enumerate(figures, start=1)
    )


def claim(number: int, kind: ClaimKind, text: str, support: Sequence[str], **more: Any) -> Claim:
    """Return a claim with words."""
    return Claim(id=f"c{number}", kind=kind, text=text, support=tuple(support), **more)


def summary_of(entries: tuple[AggregateEntry, ...], notes: tuple[str, ...] = ()) -> MonitoringSummary:
    """Seal the figures and write what some of them carry."""
    subject = "site=Beech ridge,Alder brook 2025-05-03…2025-05-04"
    pack = EvidencePack(
        kind="summary", subject=subject, library=LIBRARY, models=(BIRDNET,), aggregates=entries, notes=notes
    )
    ids = {(entry.name, entry.group): pack.item_id(entry.key) for entry in entries}
    taxon = [(name, "Turdus merula") for name in ("detections", "detection_recordings", "detection_days")]
    effort = [(name, None) for name in ("effort_hours", "n_recordings", "recorder_days")]
    wanted: list[tuple[ClaimKind, str, Sequence[tuple[str, str | None]]]] = [
        ("effort", "Effort: 23.5 h of sound in 47 recordings, over 2 days.", effort),
        (
            "effort",
            "The coverage has 1 gap, the longest of 4.0 h at Alder brook.",
            [("n_gaps", None), ("largest_gap_hours", "site:Alder brook")],
        ),
        ("activity_count", "Detections reach the threshold for 11 taxa.", [("n_taxa", None)]),
        (
            "activity_count",
            "Eurasian Blackbird (Turdus merula): 48 segments in 12 recordings on 2 days, 2.0 segments per hour of"
            " effort (unverified model score).",
            taxon,
        ),
        (
            "temporal_pattern",
            "Detections per hour of effort are highest at 05:00–06:00.",
            [("detections_by_hour", "05")],
        ),
        ("quality_profile", "The median SNR is 9.6 dB.", [("snr_median_db", None)]),
        ("caveat", "1 file could not be read and is in no figure.", [("n_failed_files", None)]),
    ]
    claims = [
        claim(number, kind, text, [ids[one] for one in cited])
        for number, (kind, text, cited) in enumerate(wanted, start=1)
        if all(one in ids for one in cited)
    ]
    lost = claim(99, "temporal_pattern", "Activity rose over the day.", list(pack.items)[:1])
    return MonitoringSummary(
        title=f"Monitoring summary: {subject}",
        pack=pack,
        claims=tuple(claims),
        dropped=(DroppedClaim(claim=lost, code="E_UNSUPPORTED", reason="a trend word without a test"),),
        generation=GENERATION,
    )


def segment_pack(number: int, subject: CallRef, taxon: Taxon, author: str) -> EvidencePack:
    """Seal four neighbours that agree but for one, a prototype, a sequence and two scores."""
    name = {"scientific_name": taxon.scientific_name, "common_name": taxon.common_name}
    modelled = CallName(**name, source="model", by="birdnet-v2.4", raw_score=0.87)
    thrush = CallName(scientific_name="Turdus philomelos", common_name="Song Thrush", source="imported", by="table.csv")
    owl = Taxon(scientific_name="Bubo virginianus", common_name="Great Horned Owl")
    names = (CallName(**name, source="human", by=author), modelled, thrush, None)
    nearby = partial(call, site=subject.site, word=subject.file_name[: -len("20250503_020000.WAV")])
    return EvidencePack(
        kind="segment",
        subject=subject.segment_id,
        library=LIBRARY,
        models=(BIRDNET,),
        query=QueryEntry(call=subject, quality=QUALITY, descriptors=SHAPE),
        depth=DepthDecision(k=4, k_base=3, species_claims_supported=True, reasons=("k 3 → 4: SNR 6.2 dB",)),
        neighbours=tuple(
            NeighbourEntry(
                key=f"n{rank}",
                call=nearby(rank + 10 * number),
                similarity=0.94 - 0.03 * rank,
                quality=QUALITY,
                descriptors=SHAPE,
                name=said,
                cluster_id="c3.9fa2",
            )
            for rank, said in enumerate(names, start=1)
        ),
        prototypes=(
            PrototypeEntry(
                key="p1",
                call=nearby(2),
                cluster_id="c3.9fa2",
                similarity=0.88,
                n_members=31,
                names=(NameCount(**name, n_members=27),),
            ),
        ),
        sequence=tuple(
            SequenceStep(
                key=f"s{offset:+d}",
                offset=offset,
                gap_ms=0.0,
                call=nearby(30 + number + offset),
                name=modelled if offset == 1 else None,
                cluster_id="c3.9fa2",
                snr_db=4.0 + offset,
            )
            for offset in (-2, -1, 1, 2)
        ),
        taxon_scores=tuple(
            TaxonScoreEntry(
                key=f"t{rank}",
                score=TaxonScore(
                    taxon=one, logit=1.9 / rank, raw_score=0.87 / rank, model="birdnet-v2.4", in_range=known
                ),
            )
            for rank, (one, known) in enumerate(((taxon, True), (owl, False)), start=1)
        ),
    )


def interpretation_of(number: int, subject: CallRef, species: Species, author: str) -> Interpretation:
    """Interpret a call, dissent and an abstention included."""
    taxon = Taxon(scientific_name=species[0], common_name=species[1])
    pack = segment_pack(number, subject, taxon, author)
    n1, n2, n3 = (pack.item_id(f"n{rank}") for rank in (1, 2, 3))
    name = taxon.common_name
    claims = (
        claim(1, "signal_quality", "The signal stands 6.2 dB above the noise in its band.", [pack.item_id("q")]),
        claim(2, "resemblance", f"It resembles 2 calls named {name}.", [n1, n2], contra=(n3,), hedge="tentative"),
        claim(3, "cluster_membership", "It lies near the prototype of cluster c3.9fa2.", [pack.item_id("p1")]),
        claim(4, "sequence_context", f"The next call is named {name} by the classifier.", [pack.item_id("s+1")]),
        claim(5, "classifier_score", f"The classifier gives {name} a raw score of 0.87.", [pack.item_id("t1")]),
        claim(6, "abstention", "Nothing is said of its taxon: the labels disagree.", [n1, n3], code="conflict"),
    )
    title = f"Interpretation of {subject.file_name}, {subject.t0_ms / 1000:.3f}–{subject.t1_ms / 1000:.3f} s"
    return Interpretation(title=title, pack=pack, claims=claims, generation=GENERATION)


def build_report(
    *,
    title: str = "Beech ridge and Alder brook, 3 May 2025",
    species: Sequence[Species] = SPECIES,
    site: str | None = "Beech ridge",
    word: str = "",
    author: str = "A. Meier",
    more: Sequence[Figure] = (),
    hours: bool = True,
    n_interpreted: int = 2,
) -> Report:
    """Put a report together; `site`, `word` (in file names), `author` and the taxa come from strangers."""
    figures = [*effort_figures(), *species_figures(species, site=site, word=word), *quality_figures(), *more]
    figures += hour_figures() if hours else ()
    return Report(
        title=title,
        created_at=datetime(2025, 5, 6, 9, 30, tzinfo=UTC),
        question=Question(kind="monitoring", model="birdnet-v2.4", n_interpreted=n_interpreted),
        passages=(
            Passage(
                output="summary",
                text=summary_of(entries_of(figures), notes=(f"{word}20250503_040000.WAV names no time zone.",)),
            ),
            *(
                Passage(
                    output="interpretation",
                    text=interpretation_of(rank + 1, call(3 * rank, site=site, word=word), species[rank], author),
                )
                for rank in range(n_interpreted)
            ),
        ),
        caveats=(f"{word}20250503_050000.WAV names no time zone.",),
        failures=(FileFailure(path=f"card/{word}.WAV", code="audio", message="it is cut off", hint="copy it again"),),
        skipped=(FileSkipped(path=f"card/{word}.txt", model="birdnet-v2.4", reason="no audio"),),
    )


def sweeps(seed: int, seconds: float = 3.0) -> npt.NDArray[np.float32]:
    """Return song-like sweeps with harmonics in noise, float32 [n]."""
    random = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    sound = 0.004 * random.standard_normal(t.size)
    for start in np.arange(0.25, seconds - 0.4, random.uniform(0.35, 0.8)):
        length, low, rise = random.uniform(0.12, 0.35), random.uniform(1500, 4500), random.uniform(-1500, 2500)
        inside = (t >= start) & (t < start + length)
        part = (t[inside] - start) / length
        turns = length * (low * part + rise * part**2 / 2 + 250 * (1 - np.cos(2 * np.pi * part)) / (2 * np.pi))
        for harmonic, level in ((1, 0.25), (2, 0.06), (3, 0.015)):
            sound[inside] += level * np.sin(np.pi * part) ** 0.7 * np.sin(2 * np.pi * harmonic * turns)
    return sound.astype(np.float32)


def media_of(seed: int, note: str = "") -> CallMedia:
    """Return a clip and its spectrogram, 0–12 kHz."""
    sound = sweeps(seed)
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE_HZ)
        wav.writeframes((sound * 32767).astype("<i2").tobytes())
    frames = np.lib.stride_tricks.sliding_window_view(sound, 1024)[::256] * np.hanning(1024)
    level_db = 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)).T[:256][::-1] + 1e-6)
    shade = np.clip((level_db - np.median(level_db)) / 60, 0, 1)
    picture = io.BytesIO()
    Image.fromarray((255 * (1 - shade)).astype(np.uint8)).save(picture, "PNG")
    return CallMedia(file.getvalue(), picture.getvalue(), 0.0, 12_000.0, 3000.0, note)


@pytest.fixture(scope="session")
def with_text() -> Callable[..., Report]:
    """Return what puts a text in the place of a report's `n`-th; what follows `only` of them is left out."""

    def changed(report: Report, n: int, text: GroundedText, only: int | None = None) -> Report:
        passages = list(report.passages)
        passages[n] = Passage(output=passages[n].output, text=text)
        return report.model_copy(update={"passages": tuple(passages[:only])})

    return changed


@pytest.fixture(scope="session")
def make_report() -> Callable[..., Report]:
    """Return what puts a report together: see `build_report`."""
    return build_report


@pytest.fixture(scope="session")
def report() -> Report:
    """The whole: summary, two interpretations, a caveat, a failure, a skipped file."""
    return build_report()


@pytest.fixture(scope="session")
def media() -> Media:
    """Sound and pictures of some calls; one whose file is gone; nothing of the rest."""
    heard: dict[str, CallMedia | NoMedia] = {call(n).segment_id: media_of(n) for n in (0, 1, 2, 3, 6, 11)}
    heard[call(7).segment_id] = media_of(7, "time-expanded ×10")
    heard[call(12).segment_id] = NoMedia("its recording is no longer where it was read")
    return heard
