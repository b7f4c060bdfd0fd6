"""Calls that a model finds: BatDetect2 in an ingest, beside BirdNET and alone, by night and by day."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from rab.audio import stream_voices
from rab.audio.night import NightPolicy, night_share
from rab.domain import Deployment, EmbeddedBatch, FoundCall, SegmentFilter, StoredSegment, Waveform
from rab.embedders.scores import ScorePolicy
from rab.embedders.weights import install
from rab.workflows.detections import detections
from rab.workflows.ingest import IngestPolicy, ingest
from rab.workflows.media import hear
from rab.workflows.questions import interpret
from rab.workflows.workspace import Workspace

BATS, BIRDS = "batdetect2-v1.3.1", "birdnet-v2.4"
RATE_HZ = 300_000
STARTS_MS = (60.0, 260.0, 460.0, 2260.0, 3960.0)
BRISTOL = Deployment(site="Bristol", lat_deg=51.45, lon_deg=-2.6, zone="UTC")
MANAUS = Deployment(site="Manaus", lat_deg=-3.1, lon_deg=-60.0, zone="UTC")
AT_NIGHT = IngestPolicy(night=NightPolicy(is_on=True))


@pytest.fixture
def bats(models_dir: Path, tmp_path: Path) -> Path:
    """Return a recording of 4.5 s at 300 kHz with five sweeps of a pipistrelle's kind, made at night."""
    install(BATS, models_dir, accepted=True)
    sound = np.random.default_rng(7).normal(0, 0.002, int(4.5 * RATE_HZ))
    t_s = np.arange(5 * RATE_HZ // 1000) / RATE_HZ
    fall = np.log(45_000 / 95_000) / t_s[-1]
    sweep = 0.2 * np.hanning(len(t_s)) * np.sin(2 * np.pi * 95_000 * np.expm1(fall * t_s) / fall)
    for start_ms in STARTS_MS:
        at = round(start_ms * RATE_HZ / 1000)
        sound[at : at + len(sweep)] += sweep
    path = tmp_path / "bats_20240621_230000.wav"
    soundfile.write(path, sound.astype(np.float32), RATE_HZ, subtype="PCM_16")
    return path


def stored(workspace: Workspace, model: str) -> list[StoredSegment]:
    return workspace.catalog.list_segments(workspace.card(model).space, SegmentFilter())


def test_segments_are_the_calls_that_are_found(workspace: Workspace, bats: Path) -> None:
    """Each sweep is a segment with its band, its score and a vector; what was measured is measured on it."""
    report = ingest(workspace, [bats], models=(BATS,))
    calls = stored(workspace, BATS)
    assert (1, 5, 4500.0) == (report.n_ingested, report.n_segments, report.audio_ms)
    for start_ms, one in zip(STARTS_MS, calls, strict=True):
        call = one.segment
        assert start_ms == pytest.approx(call.t0_ms, abs=3)
        assert 2 < call.t1_ms - call.t0_ms < 10
        assert call.low_hz is not None
        assert call.high_hz is not None
        assert 40_000 < call.low_hz < 60_000 < call.high_hz < 100_000
        assert call.detection_score is not None
        assert 0.3 < call.detection_score <= 1
        assert one.quality.snr_db is not None
        assert 15 < one.quality.snr_db < 60
        assert (call.low_hz, call.high_hz) == pytest.approx(
            (one.quality.band_low_hz, one.quality.band_high_hz), rel=0.2
        )
    assert {one.segment.id for one in calls} == {
        point.payload.segment_id for point in workspace.store(workspace.card(BATS)).scan(SegmentFilter())
    }


def test_two_models_hear_a_file_in_one_decoding(
    workspace: Workspace, bats: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows of one and calls of the other come of one reading, and each is what it is alone."""
    n_decoded = 0

    def counted(*arguments: object, **options: object) -> Iterator[tuple[Waveform, ...]]:
        nonlocal n_decoded
        n_decoded += 1
        return stream_voices(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("rab.segments.window.stream_voices", counted)
    report = ingest(workspace, [bats], models=(BIRDS, BATS))
    assert (1, 1, 7, 4500.0) == (n_decoded, report.n_ingested, report.n_segments, report.audio_ms)
    assert [(0.0, 3000.0), (3000.0, 4500.0)] == [
        (one.segment.t0_ms, one.segment.t1_ms) for one in stored(workspace, BIRDS)
    ]
    together = stored(workspace, BATS)
    assert 1 == ingest(workspace, [bats], models=(BATS,)).n_already_done
    ingest(workspace, [bats], models=(BATS,), again=True)
    assert together == stored(workspace, BATS)


def test_a_recording_that_holds_no_ultrasound_is_skipped_with_a_reason(
    workspace: Workspace, cuckoos: tuple[Path, ...], models_dir: Path
) -> None:
    """What a bat detector cannot have heard is not searched for bats; the other model hears it."""
    install(BATS, models_dir, accepted=True)
    report = ingest(workspace, cuckoos[:1], models=(BATS, BIRDS))
    (skipped,) = report.skipped
    assert (BATS, 1, 3) == (skipped.model, report.n_ingested, report.n_segments)
    assert "needs 192000 Hz" in skipped.reason


def test_names_are_marked_where_those_bats_do_not_live(workspace: Workspace, bats: Path) -> None:
    """A pipistrelle is expected in Bristol, and not in Manaus, whatever the network says."""
    ingest(workspace, [bats], models=(BATS,), here=BRISTOL)
    assert {True} == {score.in_range for one in stored(workspace, BATS) for score in one.scores}
    ingest(workspace, [bats], models=(BATS,), here=MANAUS)
    assert {False} == {score.in_range for one in stored(workspace, BATS) for score in one.scores}
    assert {()} == {point.payload.taxa for point in workspace.store(workspace.card(BATS)).scan(SegmentFilter())}


@pytest.mark.parametrize(
    ("name", "n_calls"), [("bats_20240621_230000.wav", 5), ("bats_20240621_120000.wav", 0), ("bats.wav", 5)]
)
def test_bats_are_looked_for_at_night(workspace: Workspace, bats: Path, name: str, n_calls: int) -> None:
    """By day a recording is skipped with a reason; without a clock it is heard, for nobody can tell."""
    path = bats.rename(bats.with_name(name))
    report = ingest(workspace, [path], models=(BATS,), here=BRISTOL, policy=AT_NIGHT)
    assert n_calls == report.n_segments
    assert (n_calls == 0) == ("by day" in " ".join(one.reason for one in report.skipped))


def test_windows_after_the_hours_of_activity_are_counted_and_not_heard(workspace: Workspace, bats: Path) -> None:
    """A recording during which the night ends, 2 s from its start, is heard in its first window alone."""
    path = bats.rename(bats.with_name("bats_20240621_120000.wav"))
    noon = datetime(2024, 6, 21, 12, tzinfo=UTC)
    until_min = ((noon - _dawn(noon - timedelta(hours=12), noon)).total_seconds() + 2) / 60
    policy = IngestPolicy(night=NightPolicy(is_on=True, after_sunrise_min=until_min))
    report = ingest(workspace, [path], models=(BATS,), here=BRISTOL, policy=policy)
    assert (4, 1) == (report.n_segments, report.n_outside_activity)


def _dawn(dark: datetime, light: datetime) -> datetime:
    """Return when the night ends at Bristol, between a dark and a light moment."""
    while light - dark > timedelta(milliseconds=1):
        halfway = dark + (light - dark) / 2
        is_night = night_share(halfway, halfway, (BRISTOL.lat_deg, BRISTOL.lon_deg), AT_NIGHT.night) == "wholly"
        dark, light = (halfway, light) if is_night else (dark, halfway)
    return light


def test_a_call_is_heard_with_what_is_around_it(workspace: Workspace, bats: Path) -> None:
    """Five milliseconds are a click: the clip begins 0.1 s before, or where the recording does."""
    ingest(workspace, [bats], models=(BATS,))
    first, *_, last = stored(workspace, BATS)
    assert 0.0 == hear(workspace, first.segment.id).t0_ms
    heard = hear(workspace, last.segment.id)
    assert last.segment.t0_ms - 100 == pytest.approx(heard.t0_ms, abs=0.01)
    assert last.segment.t1_ms + 100 == pytest.approx(heard.t1_ms, abs=0.01)


def test_what_is_said_of_a_call_names_its_model(workspace: Workspace, bats: Path) -> None:
    """An interpretation of a found call cites its pack like any other, under the licence of its weights."""
    ingest(workspace, [bats], models=(BATS,))
    found = interpret(workspace, stored(workspace, BATS)[0].segment.id)
    assert [BATS] == [credit.key for credit in found.pack.models]


def test_a_call_is_described_without_its_neighbours(workspace: Workspace, bats: Path) -> None:
    """Sweeps 40 ms apart are heard around each other: each has its own duration, one onset and its own peak."""
    sound, rate_hz = soundfile.read(bats)
    near = np.concatenate([sound[: round(0.3 * rate_hz)], sound[round(0.25 * rate_hz) : round(0.3 * rate_hz)]] * 3)
    soundfile.write(bats, near, rate_hz, subtype="PCM_16")
    ingest(workspace, [bats], models=(BATS,))
    calls = stored(workspace, BATS)
    assert len(calls) > 5
    for one in calls:
        assert one.descriptors.duration_ms is not None
        assert one.descriptors.duration_ms < 20
        assert one.descriptors.n_onsets == 1
        assert one.descriptors.peak_hz is not None
        assert one.segment.low_hz is not None
        assert one.segment.high_hz is not None
        assert one.segment.low_hz - 2000 < one.descriptors.peak_hz < one.segment.high_hz + 2000


def test_calls_of_one_passage_are_one_detection(workspace: Workspace, bats: Path) -> None:
    """Calls less than a second apart are a bat passing by; those after longer silence are another."""
    ingest(workspace, [bats], models=(BATS,), policy=IngestPolicy(scores=ScorePolicy(threshold=0.0)))
    names = stored(workspace, BATS)[0].scores[0].taxon.scientific_name
    of_one = [
        one.detection.n_segments
        for one in detections(workspace, model=BATS, where=SegmentFilter())
        if one.detection.score.taxon.scientific_name == names
    ]
    assert [3, 1, 1] == of_one


def test_hours_of_activity_that_cannot_be_judged_are_told(workspace: Workspace, bats: Path) -> None:
    """Without a place bats are looked for at all hours, and the report says so; without bats it says that too."""
    unplaced = ingest(workspace, [bats], models=(BATS,), policy=AT_NIGHT)
    assert any("place or clock is not known" in caveat for caveat in unplaced.caveats)
    birds = ingest(workspace, [bats], models=(BIRDS,), policy=AT_NIGHT)
    assert any("no model of bats was asked" in caveat for caveat in birds.caveats)


def test_two_calls_at_one_time_are_two_segments(workspace: Workspace, bats: Path) -> None:
    """Two animals, one above the other, both cut off where the recording ends: same times, two ids, both stored."""
    embedder = workspace.build_embedder(BATS)

    class Doubled:
        card, taxa = embedder.card, embedder.taxa

        def find(self, windows: npt.NDArray[np.float32], n_samples: Sequence[int]) -> EmbeddedBatch:
            low, high = (FoundCall(0, 100.0, 5000.0, hz, hz + 20_000, 0.9) for hz in (20_000.0, 60_000.0))
            return EmbeddedBatch(np.ones((2, 32), np.float32), np.zeros((2, 17), np.float32), (low, high))

        embed = None

    doubled = replace(workspace, build_embedder=lambda _: Doubled())  # type: ignore[arg-type,return-value]
    sound, rate_hz = soundfile.read(bats)
    soundfile.write(bats, sound[:rate_hz], rate_hz, subtype="PCM_16")
    report = ingest(doubled, [bats], models=(BATS,))
    assert (2, ()) == (report.n_segments, report.failures)
    assert [(100.0, 1000.0)] * 2 == [(one.segment.t0_ms, one.segment.t1_ms) for one in stored(workspace, BATS)]
