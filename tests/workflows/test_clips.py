"""A stretch of a file is heard as an ingest would hear it, measured where it was selected, and kept nowhere."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from rab.audio import read_recording
from rab.domain import CallSegment, Recording, SegmentFilter
from rab.errors import InputError, NotFound, SpaceMismatch
from rab.segments import WindowPolicy, windows
from rab.workflows.clips import Clip, _Box, _lies_in, hear, read_file, selection_of
from rab.workflows.questions import evidence, find_segment, interpret, similar
from rab.workflows.selections import Selection, Told
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
RATE_HZ = 44_100
Contents = Callable[[Workspace], object]


@pytest.fixture(scope="module")
def blackbird(library: Workspace) -> str:
    """Return a stored segment, not the first of its recording, in which a blackbird is detected."""
    where = SegmentFilter(sites=("UrbanSoundscape",), taxa=("Turdus merula",))
    found = library.catalog.list_segments(library.card(MODEL).space, where)
    return next(one.segment.id for one in found if one.segment.t0_ms >= 3000)


@pytest.fixture(scope="module")
def two_tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 12 s of faint noise with a call at 1.5 kHz from 4.0 s and one at 6 kHz from 4.2 s, 0.5 s each."""
    path = tmp_path_factory.mktemp("tones") / "tones.wav"
    t = np.arange(12 * RATE_HZ) / RATE_HZ
    sound = 0.001 * np.random.default_rng(1).standard_normal(len(t))
    for hz, start in ((1500, 4.0), (6000, 4.2)):
        on = (t >= start) & (t < start + 0.5)
        sound[on] += 0.2 * np.sin(2 * np.pi * hz * t[on]) * np.hanning(on.sum())
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")
    return path


def one(workspace: Workspace, recording: Recording, **limits: Any) -> Clip:
    (clip,) = hear(workspace, recording, Selection(**limits), model=MODEL)
    return clip


def test_window_of_the_library_is_the_stored_segment(library: Workspace, blackbird: str) -> None:
    """The same bytes, channel and times have the same id: nothing is heard anew, and the pack is the stored one's."""
    stored = find_segment(library, blackbird)
    (clip,) = hear(library, stored.recording, selection_of(stored, Selection()), model=MODEL)
    assert (blackbird, None) == (clip.stored.segment.id, clip.unstored)
    assert evidence(library, blackbird) == evidence(library, clip)


def test_clip_is_heard_as_an_ingest_hears_it(library: Workspace, two_tones: Path) -> None:
    """Half a hop beside the grid, a window's samples are those of an ingest that steps by half a hop."""
    recording, card = read_recording(two_tones), library.card(MODEL)
    heard: list[Any] = []

    class Watched:
        """An embedder that remembers what it heard."""

        def __getattr__(self, name: str) -> Any:
            return getattr(library.embedder(MODEL), name)

        def embed(self, samples: Any) -> Any:
            heard.extend(samples)
            return library.embedder(MODEL).embed(samples)

    watched = Workspace(
        home=library.home,
        catalog=library.catalog,
        build_embedder=lambda _: Watched(),
        open_store=library.open_store,
        open_ranges=library.open_ranges,
    )
    hear(watched, recording, Selection(t0_ms=4500.0, t1_ms=7500.0), model=MODEL)
    ingested = list(windows(recording, card, WindowPolicy(hop_ms=1500.0), None))[3]
    assert 4500.0 == ingested.t0_ms
    np.testing.assert_allclose(heard[0], ingested.samples, atol=1e-5)


def test_copy_of_a_stored_call_is_told(library: Workspace, blackbird: str, tmp_path: Path) -> None:
    """A stored window saved as a file of its own has its vector; where it came from is told, and is no neighbour."""
    stored = find_segment(library, blackbird)
    segment, recording = stored.segment, stored.recording
    sound, rate_hz = soundfile.read(
        recording.path,
        start=round(segment.t0_ms * recording.sample_rate_hz / 1000),
        stop=round(segment.t1_ms * recording.sample_rate_hz / 1000),
    )
    soundfile.write(tmp_path / "cut.wav", sound, rate_hz, subtype="FLOAT")
    clip = one(library, read_file(library, tmp_path / "cut.wav"))
    assert clip.unstored is not None
    own = library.store(library.card(MODEL)).vectors([blackbird])[blackbird]
    assert float(own @ clip.unstored.vector) > 0.99
    assert np.isclose(np.linalg.norm(clip.unstored.vector), 1.0, atol=1e-5)
    pack = evidence(library, clip)
    assert any(f"The same sound lies in {recording.file_name}" in note for note in pack.notes)
    assert blackbird not in {near.call.segment_id for near in pack.neighbours}


def test_nothing_but_the_pack_is_kept(library: Workspace, contents: Contents, two_tones: Path) -> None:
    """Recordings, segments, vectors and payloads are what they were; the pack is found by its id."""
    before = contents(library)
    answer = interpret(library, one(library, read_file(library, two_tones)))
    assert before == contents(library)
    assert answer.pack == library.catalog.pack(answer.pack.pack_id)
    assert any("not stored" in note for note in answer.pack.notes)
    with pytest.raises(NotFound):
        library.catalog.recording(answer.pack.query.call.recording_id if answer.pack.query else "")


def test_short_selection_is_heard_among_its_surroundings(library: Workspace, two_tones: Path) -> None:
    """Half a second is asked about; the steps around it are whole windows, and what its edges decide is left out."""
    clip = one(library, read_file(library, two_tones), t0_ms=4000.0, t1_ms=4500.0)
    segment = clip.stored.segment
    assert (4000.0, 4500.0) == (segment.t0_ms, segment.t1_ms)
    assert clip.stored.quality.snr_db is not None
    assert (None, None) == (clip.stored.descriptors.duration_ms, clip.stored.descriptors.n_onsets)
    assert clip.unstored is not None
    around = {offset: (step.segment.t0_ms, step.segment.t1_ms) for offset, step in clip.unstored.around}
    assert {1: (5750.0, 8750.0), 2: (8750.0, 11750.0)} == around


@pytest.mark.parametrize(("low_hz", "high_hz", "peak_hz"), [(1000.0, 2500.0, 1500.0), (4500.0, 8000.0, 6000.0)])
def test_band_chooses_the_caller(
    library: Workspace, two_tones: Path, low_hz: float, high_hz: float, peak_hz: float
) -> None:
    """Of two calls that overlap in time, the one in the band is described, and the search leans towards it."""
    recording = read_file(library, two_tones)
    both = one(library, recording, t0_ms=3500.0, t1_ms=5000.0)
    own = one(library, recording, t0_ms=3500.0, t1_ms=5000.0, low_hz=low_hz, high_hz=high_hz)
    assert own.stored.descriptors.peak_hz == pytest.approx(peak_hz, abs=60)
    assert (low_hz, high_hz) == (own.stored.quality.band_low_hz, own.stored.quality.band_high_hz)
    assert both.unstored is not None
    assert own.unstored is not None
    assert float(both.unstored.vector @ own.unstored.vector) < 0.999
    assert own.stored.segment.id != both.stored.segment.id


def test_band_is_no_measure_of_a_call(library: Workspace, two_tones: Path) -> None:
    """What the chosen band decides is not measured, and so never told as a difference; the strongest frequency is."""
    clip = one(library, read_file(library, two_tones), t0_ms=3500.0, t1_ms=5000.0, low_hz=1000.0, high_hz=2500.0)
    measured = clip.stored.descriptors.model_dump(exclude_none=True).keys()
    assert {"peak_hz"} == {name for name in measured if name.endswith("_hz")}
    assert measured.isdisjoint({"flatness", "entropy", "pitch_slope_hz_per_s"})
    flank = one(library, read_file(library, two_tones), t0_ms=3500.0, t1_ms=5000.0, low_hz=1540.0, high_hz=2500.0)
    assert flank.stored.descriptors.peak_hz is None


@pytest.mark.parametrize("limits", [{"t0_ms": float("nan")}, {"t1_ms": float("inf")}, {"low_hz": float("nan")}])
def test_what_is_no_number_selects_nothing(limits: dict[str, float]) -> None:
    """NaN and infinity are refused by the name under which they were given."""
    with pytest.raises(InputError, match=r"\(--(from|to|low-hz), .*is no number"):
        Selection(**limits)
    with pytest.raises(InputError, match="latitude"):
        Told(lat_deg=float("nan"))


def test_selection_of_less_than_a_frame_is_refused(library: Workspace, two_tones: Path) -> None:
    """A tenth of a millisecond is no stretch without a signal: it is too short, and the least length is told."""
    with pytest.raises(InputError, match=r"too short.* 22 ms at least"):
        one(library, read_file(library, two_tones), t0_ms=4000.0, t1_ms=4000.1)


def test_silent_selection_has_no_signal(library: Workspace, two_tones: Path) -> None:
    """Where nothing stands out in the selection, the calls beside it lend it no SNR, and nothing is named."""
    clip = one(library, read_file(library, two_tones), t0_ms=4750.0, t1_ms=5200.0)
    assert (None, "no_signal") == (clip.stored.quality.snr_db, clip.stored.quality.snr_unmeasured)
    kinds = {claim.kind for claim in interpret(library, clip).claims}
    assert "abstention" in kinds
    assert not kinds & {"resemblance", "taxon_vote", "classifier_score"}


def test_best_heard_of_several_is_answered_for(library: Workspace, two_tones: Path) -> None:
    """12 s are four windows; the one with the calls is taken and the choice is told, or each is answered for."""
    recording = read_file(library, two_tones)
    clip = one(library, recording)
    assert 3000.0 == clip.stored.segment.t0_ms
    assert any("holds 4 segments" in note for note in clip.notes)
    each = hear(library, recording, model=MODEL, each=True)
    assert [0.0, 3000.0, 6000.0, 9000.0] == [one.stored.segment.t0_ms for one in each]


def test_last_window_ends_where_the_selection_does(library: Workspace, two_tones: Path) -> None:
    """5 s are two windows, and the second begins 2 s after the first: none reaches beyond what was selected."""
    each = hear(library, read_file(library, two_tones), Selection(t0_ms=2000.0, t1_ms=7000.0), model=MODEL, each=True)
    assert [(2000.0, 5000.0), (4000.0, 7000.0)] == [
        (one.stored.segment.t0_ms, one.stored.segment.t1_ms) for one in each
    ]


def test_what_is_told_of_a_file_counts(library: Workspace, two_tones: Path) -> None:
    """Place and clock decide which taxa are expected; a start that is told leaves no complaint that it is missing."""
    told = Told(site="Hill", lat_deg=48.0, lon_deg=2.0, started_at=datetime.fromisoformat("2025-05-03T05:12:00+02:00"))
    recording = read_file(library, two_tones, told)
    clip = one(library, recording, t0_ms=4000.0, t1_ms=5000.0)
    assert ("Hill", "UTC+02:00") == (recording.site, recording.notes.zone)
    assert not any("start" in caveat for caveat in recording.notes.caveats)
    assert clip.stored.heard_local is not None
    assert 5 == clip.stored.heard_local.hour
    assert all(score.in_range is not None for score in clip.stored.scores if score.taxon.group == "bird")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"t0_ms": 12_000.0}, "it lasts 12 s"),
        ({"t1_ms": 13_000.0}, "it lasts 12 s"),
        ({"t0_ms": 2000.0, "t1_ms": 1000.0}, "no stretch"),
        ({"high_hz": 30_000.0}, "it reaches up to 22050 Hz"),
        ({"low_hz": 3000.0, "high_hz": 2000.0}, "no band"),
        ({"channel": 1}, "no channel 1"),
    ],
)
def test_what_a_file_does_not_hold_is_refused(
    library: Workspace, two_tones: Path, limits: dict[str, Any], words: str
) -> None:
    """The error says what there is."""
    with pytest.raises(InputError, match=words):
        hear(library, read_file(library, two_tones), Selection(**limits), model=MODEL)


def test_selection_of_an_hour_is_sent_to_ingest(library: Workspace, two_tones: Path) -> None:
    """Hours are what an ingest is for."""
    recording = read_file(library, two_tones).model_copy(update={"duration_ms": 3.6e6})
    with pytest.raises(InputError, match="600 s are heard at most"):
        hear(library, recording, model=MODEL)


def test_other_weights_are_refused(library: Workspace, two_tones: Path) -> None:
    """A vector of another fingerprint compares with nothing that the library holds."""

    class Other:
        taxa = library.embedder(MODEL).taxa
        card = library.embedder(MODEL).card.model_copy(update={"weights_sha256": "0" * 64})

    other = Workspace(
        home=library.home,
        catalog=library.catalog,
        build_embedder=lambda _: Other(),  # type: ignore[arg-type,return-value]
        open_store=library.open_store,
        open_ranges=library.open_ranges,
    )
    with pytest.raises(SpaceMismatch):
        hear(other, read_file(library, two_tones), model=MODEL)


def test_stored_segment_can_be_asked_about_in_a_band(library: Workspace, blackbird: str) -> None:
    """Time and channel are the segment's, the band is the one asked for, and its own bout is no witness."""
    stored = find_segment(library, blackbird)
    (clip,) = hear(
        library, stored.recording, selection_of(stored, Selection(low_hz=1500.0, high_hz=5000.0)), model=MODEL
    )
    segment: CallSegment = clip.stored.segment
    assert (stored.segment.t0_ms, stored.segment.t1_ms, 1500.0) == (segment.t0_ms, segment.t1_ms, segment.low_hz)
    assert clip.unstored is not None
    assert clip.unstored.novelty is None or clip.unstored.novelty.novelty is None
    near = similar(library, clip, n=5)
    bout = range(int(stored.segment.t0_ms) - 60_000, int(stored.segment.t1_ms) + 60_000)
    assert not any(one.call.recording_id == stored.recording.id and int(one.call.t0_ms) in bout for one in near), (
        "its own bout is no witness"
    )


def test_call_finder_answers_for_the_calls_in_the_selection() -> None:
    """Half of a call must lie in the selection, in time and in frequency."""
    call = CallSegment(
        id="0" * 32, recording_id="r", t0_ms=100.0, t1_ms=110.0, embedder="bats", low_hz=40_000.0, high_hz=50_000.0
    )

    class Stored:
        segment = call

    inside = [
        _lies_in(Stored(), _Box(*box, has_band=True))  # type: ignore[arg-type]
        for box in (
            (100.0, 110.0, 40_000.0, 50_000.0),
            (105.0, 200.0, 0.0, 250_000.0),
            (106.0, 200.0, 0.0, 250_000.0),
            (0.0, 200.0, 45_000.0, 250_000.0),
            (0.0, 200.0, 46_000.0, 250_000.0),
            (0.0, 50.0, 0.0, 250_000.0),
        )
    ]
    assert [True, True, False, True, False, False] == inside


def test_short_file_is_heard_whole(library: Workspace, tmp_path: Path) -> None:
    """A file shorter than a window is heard whole, padded as an ingest pads it."""
    path = tmp_path / "short.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(RATE_HZ), RATE_HZ)
    clip = one(library, read_file(library, path))
    assert (0.0, 1000.0) == (clip.stored.segment.t0_ms, clip.stored.segment.t1_ms)
