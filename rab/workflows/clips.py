"""Clips: a stretch of a file, and a band of it, heard for the length of a question and kept nowhere.

A stretch shorter than a model's window is heard in the middle of one, among what really sounds around it: silence in
its place is something that no model was taught with. A longer one is cut into windows, and the one that is heard best
is answered for, or each. What is measured and described is the selection alone. What is told of a file that the library
holds comes from the library, and a window that it holds is the stored segment itself.

A band is heard twice, as it is and without what lies outside the band, and the search goes by the mean of both vectors.
Two callers were mixed at 6, 0 and −6 dB, 100 pairs of `phoebe_xc` and 100 of `qut_stbees`, and windows of other
recordings were ranked for the caller that was meant. Where the other one lay outside the band, the mean average
precision was .556 as it was, .619 filtered and .660 by the mean of both in `phoebe_xc`; .408, .454 and .425 in
`qut_stbees`. Where both lay in the band, .451, .423 and .453; .468, .425 and .453: filtering alone costs as much as it
brings, and the mean costs little. The classifier's scores are those of the sound as it is, which is what it was
calibrated on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from math import ceil, floor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rab.audio import read_clip, read_recording, resampled, voices
from rab.audio.band import band_passed
from rab.audio.spectrogram import frame_samples, spectrogram
from rab.descriptors import describe
from rab.domain import (
    MEASURES,
    Deployment,
    Descriptors,
    EmbedderCard,
    NoveltyScore,
    Recording,
    SignalQuality,
    StoredSegment,
    Waveform,
    segment_id,
)
from rab.embedders.scores import PrivacyPolicy, ScorePolicy
from rab.errors import InputError, NotFound
from rab.evidence.segment_pack import Unstored
from rab.quality import measure
from rab.segments import Window
from rab.workflows.clustering import place
from rab.workflows.ingest import require_known_space
from rab.workflows.listening import Batch, Listener, unpacked
from rab.workflows.selections import EVERYTHING, Selection, Told
from rab.workflows.workspace import Workspace

LONGEST_S = 600.0
"""Sound of one selection, at most: what is longer wants `rab ingest`."""

_AT_ONCE = 8
_BY_BAND = frozenset(
    {
        "low_hz",
        "high_hz",
        "bandwidth_hz",
        "centroid_hz",
        "pitch_median_hz",
        "pitch_range_hz",
        "pitch_slope_hz_per_s",
        "flatness",
        "entropy",
    }
)
"""Descriptors that depend on the band in which they are measured; the strongest frequency of a call does not."""

_MARGIN_MS = 1000.0
"""Sound on either side of a window that the resampler hears, so that its edges do not ring."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A window that was heard, ready to be asked about."""

    stored: StoredSegment
    """As a stored segment would be; it is in no library, unless `unstored` is None."""
    unstored: Unstored | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Box:
    """A selection with all its limits known."""

    t0_ms: float
    t1_ms: float
    low_hz: float
    high_hz: float
    has_band: bool

    @property
    def length_ms(self) -> float:
        return self.t1_ms - self.t0_ms


def read_file(
    workspace: Workspace, path: Path, told: Told = Told(), *, deployments: Sequence[Deployment] = ()
) -> Recording:
    """Read a file's header; what the library was told of the same bytes counts, and what is told now before it.

    `deployments` may claim the file by its path. Raises what `read_recording` raises.
    """
    read = read_recording(path, deployments=deployments)
    try:
        known = workspace.catalog.recording(read.id)
        read = known.model_copy(update={"path": read.path})
    except NotFound:
        pass
    given = told.model_dump(exclude_none=True, exclude={"site"})
    if told.started_at is not None:
        offset = f"{told.started_at:%z}"
        given["started_at"] = told.started_at.astimezone(UTC)
        given["zone"] = read.notes.zone or f"UTC{offset[:3]}:{offset[3:5]}"
        given["caveats"] = tuple(one for one in read.notes.caveats if "start" not in one)
    notes = read.notes.model_copy(update=given)
    return read.model_copy(update={"site": told.site or read.site, "notes": notes})


def hear(
    workspace: Workspace, recording: Recording, selection: Selection = EVERYTHING, *, model: str, each: bool = False
) -> tuple[Clip, ...]:
    """Hear a selection of a recording: the window that is heard best, or `each` of them in the order of time.

    Raises `InputError` for a selection that the recording does not hold or that lasts too long, `NotFound` where the
    model finds no call in it, `SpaceMismatch` where other weights filled the library, and what decoding raises.
    """
    card = workspace.card(model)
    box = _box(recording, selection, card)
    channel = None if selection.channel is None else voices(selection.channel, recording.n_channels)[0]
    listener = Listener(
        workspace.embedder(model),
        workspace.open_ranges,
        scores=ScorePolicy(),
        privacy=PrivacyPolicy(mode="off"),
        snr_floor_db=None,
    )
    require_known_space(workspace, listener.card)
    hearing = _Hearing(workspace, listener, recording, channel, box)
    heard = hearing.selected()
    if not heard:
        raise NotFound(
            f"{card.key} finds no call in {recording.file_name} from {box.t0_ms / 1000:g} to {box.t1_ms / 1000:g} s",
            hint="widen the selection, or choose another model",
        )
    chosen = heard if each else [max(heard, key=_best_heard)]
    among = () if each or len(heard) == 1 else (_among_words(len(heard), chosen[0].stored),)
    return tuple(hearing.clip(one, among) for one in chosen)


def selection_of(stored: StoredSegment, selection: Selection) -> Selection:
    """Return a selection whose missing limits are those of a stored segment."""
    segment = stored.segment
    limits = {"t0_ms": segment.t0_ms, "t1_ms": segment.t1_ms, "channel": segment.channel}
    if not selection.has_band:
        limits |= {"low_hz": segment.low_hz, "high_hz": segment.high_hz}
    return Selection(**{**limits, **selection.model_dump(exclude_none=True)})


@dataclass(frozen=True, eq=False)
class _One:
    """A segment that was heard, and its vector."""

    stored: StoredSegment
    vector: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Hearing:
    """A model that hears one voice of one recording."""

    workspace: Workspace
    listener: Listener
    recording: Recording
    channel: int | None
    box: _Box

    def selected(self) -> list[_One]:
        """Hear the selection; of a model that finds calls, those that lie in it by half or more."""
        card, box = self.listener.card, self.box
        if card.finds_calls:
            first = max(0.0, box.t0_ms - card.window_ms + card.hop_ms)
            spans = _covering(first, min(box.t1_ms + card.hop_ms, self.recording.duration_ms), self.recording, card)
            return [one for one in self._heard(spans) if _lies_in(one.stored, box)]
        if box.length_ms > card.window_ms:
            found = self._heard(_covering(box.t0_ms, box.t1_ms, self.recording, card))
        else:
            found = self._heard([_centred(box, self.recording, card)])
        return [self._narrowed(one) for one in found]

    def clip(self, one: _One, notes: tuple[str, ...]) -> Clip:
        """Put together what is to be known of a window: the stored segment where the library holds it."""
        catalog, own = self.workspace.catalog, one.stored.segment
        known = catalog.segments([own.id]).get(own.id)
        if known is not None:
            return Clip(known, None, notes)
        around = self._around(one)
        everything = [one, *around.values()]
        placed = place(self.workspace, self.listener.card, np.stack([each.vector for each in everything]))
        stored = one.stored
        novelty = None
        if placed is not None:
            stored = stored.model_copy(update={"cluster_id": placed[0][0]})
            # Among its own recording's calls nothing is far out: their neighbour is the call itself.
            rank = None if self._is_known else placed[0][1]
            novelty = NoveltyScore(segment_id=own.id, novelty=rank)
        clusters = [None] * len(everything) if placed is None else [cluster for cluster, _ in placed]
        steps = tuple(
            (offset, step.stored.model_copy(update={"cluster_id": cluster}))
            for (offset, step), cluster in zip(around.items(), clusters[1:], strict=True)
        )
        return Clip(stored, Unstored(one.vector, novelty, steps), (*self._words(one), *notes))

    def _around(self, one: _One) -> dict[int, _One]:
        """Hear the windows next to one, or the calls found beside it; by offset."""
        card, n = self.listener.card, self.workspace.evidence.n_steps
        own = one.stored.segment
        if card.finds_calls:
            first = max(0.0, own.t0_ms - card.window_ms)
            spans = _covering(first, min(own.t1_ms + card.window_ms, self.recording.duration_ms), self.recording, card)
            found = sorted(self._heard(spans), key=lambda other: other.stored.segment.t0_ms)
            before = [other for other in found if other.stored.segment.t0_ms < own.t0_ms][-n:]
            after = [other for other in found if other.stored.segment.t0_ms > own.t0_ms][:n]
            return dict(enumerate(before, start=-len(before))) | dict(enumerate(after, start=1))
        window_t0_ms = _centred(_Box(own.t0_ms, own.t1_ms, 0, 0, False), self.recording, card)[0]
        starts = {offset: round(window_t0_ms + offset * card.hop_ms, 3) for offset in range(-n, n + 1) if offset}
        ends_ms = self.recording.duration_ms
        fits = {at: t0 for at, t0 in starts.items() if t0 >= 0 and t0 + card.window_ms <= ends_ms}
        heard = self._heard([(t0, round(t0 + card.window_ms, 3)) for t0 in fits.values()])
        return dict(zip(fits, heard, strict=True))

    def _heard(self, spans: Sequence[tuple[float, float]]) -> list[_One]:
        found = []
        for first in range(0, len(spans), _AT_ONCE):
            windows = tuple(self._window(*span) for span in spans[first : first + _AT_ONCE])
            heard = self.listener.hear(Batch(self.recording, 0, self.channel, windows))
            unit = _unit(heard.vectors)
            if self.box.has_band and not self.listener.card.finds_calls:
                unit = _unit(unit + _unit(self._filtered(windows)))
            found += [_One(stored, vector) for stored, vector in zip(unpacked(heard.packed), unit, strict=True)]
        return found

    def _filtered(self, windows: Sequence[Window]) -> npt.NDArray[np.float32]:
        """Embed windows without what lies outside the selected band."""
        card, box = self.listener.card, self.box
        passed = [band_passed(one.samples, card.sample_rate_hz, box.low_hz, box.high_hz) for one in windows]
        return self.workspace.embedder(card.key).embed(np.stack(passed)).embeddings

    def _window(self, t0_ms: float, t1_ms: float) -> Window:
        """Cut a window as an ingest would: its samples lie where those of the whole resampled recording lie."""
        card, rate_hz = self.listener.card, self.recording.sample_rate_hz
        first_ms = 1000.0 * max(0, floor((t0_ms - _MARGIN_MS) / 1000))
        last_ms = min(1000.0 * ceil((t0_ms + card.window_ms + _MARGIN_MS) / 1000), self.recording.duration_ms)
        around = read_clip(self.recording, channel=self.channel, t0_ms=first_ms, t1_ms=last_ms)
        parts = [part.samples for part in resampled(iter([around]), card.sample_rate_hz, card.resampler)]
        samples = np.zeros(round(card.window_ms * card.sample_rate_hz / 1000), np.float32)
        begin = round(t0_ms * card.sample_rate_hz / 1000) - round(first_ms * card.sample_rate_hz / 1000)
        heard = np.concatenate(parts)[begin : begin + len(samples)]
        samples[: len(heard)] = heard
        begin = round(first_ms * rate_hz / 1000)
        start, stop = (round(t_ms * rate_hz / 1000) - begin for t_ms in (t0_ms, t1_ms))
        return Window(t0_ms, t1_ms, Waveform(around.samples[start:stop].copy(), rate_hz, t0_ms), samples)

    def _narrowed(self, one: _One) -> _One:
        """Limit what is measured and described to the selection, where that is less than the window."""
        box, segment = self.box, one.stored.segment
        t0_ms, t1_ms = max(box.t0_ms, segment.t0_ms), min(box.t1_ms, segment.t1_ms)
        is_shorter = t1_ms - t0_ms < segment.t1_ms - segment.t0_ms
        if not is_shorter and not box.has_band:
            return one
        native = read_clip(self.recording, channel=self.channel, t0_ms=segment.t0_ms, t1_ms=segment.t1_ms)
        quality, shape = _measured_in(native, (t0_ms - segment.t0_ms, t1_ms - segment.t0_ms), box)
        limits = {"low_hz": box.low_hz, "high_hz": box.high_hz} if box.has_band else {}
        key, low_hz = segment.embedder, box.low_hz if box.has_band else None
        times_ms = round(t0_ms, 3), round(t1_ms, 3)
        own = segment.model_copy(
            update={
                "id": segment_id(segment.recording_id, segment.channel, *times_ms, key, low_hz=low_hz),
                "t0_ms": times_ms[0],
                "t1_ms": times_ms[1],
                **limits,
            }
        )
        shape = _of_the_call(shape, box, is_shorter=is_shorter)
        return replace(
            one, stored=one.stored.model_copy(update={"segment": own, "quality": quality, "descriptors": shape})
        )

    @property
    def _is_known(self) -> bool:
        try:
            self.workspace.catalog.recording(self.recording.id)
        except NotFound:
            return False
        return True

    def _words(self, one: _One) -> Iterator[str]:
        if self._is_known:
            yield "The selection is not stored; the library holds other segments of its recording."
        else:
            yield "The call is not stored: its sound lies in the file named here, and nowhere else."
        segment, card = one.stored.segment, self.listener.card
        if card.finds_calls:
            return
        if segment.t1_ms - segment.t0_ms < min(card.window_ms, self.recording.duration_ms) - 1:
            yield (
                f"The selection is shorter than the window of {card.window_ms / 1000:g} s that {card.key} hears, so it "
                "was heard in the middle of one; quality and descriptors are those of the selection."
            )
        if self.box.has_band:
            yield (
                f"Quality and descriptors are those of {self.box.low_hz:g} to {self.box.high_hz:g} Hz; the search goes "
                "by the mean of the window as it is and without what lies outside that band, the scores by it as it is."
            )
            yield "What depends on where the selected band ends, such as its width or flatness, is not measured."


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return vectors [m, dim] of length 1; nothing is left of a band in which nothing sounds, and it stays so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _box(recording: Recording, selection: Selection, card: EmbedderCard) -> _Box:
    name, length_s = recording.file_name, recording.duration_ms / 1000
    nyquist_hz = recording.sample_rate_hz / 2
    if recording.sample_rate_hz < card.min_source_rate_hz:
        raise InputError(
            f"{card.key} needs {card.min_source_rate_hz} Hz, {name} has {recording.sample_rate_hz} Hz",
            hint="choose another model",
        )
    t0_ms, t1_ms = selection.t0_ms or 0.0, selection.t1_ms or recording.duration_ms
    low_hz, high_hz = selection.low_hz or 0.0, selection.high_hz or nyquist_hz
    if not t0_ms < t1_ms or t0_ms >= recording.duration_ms or t1_ms > recording.duration_ms + 1:
        raise InputError(
            f"{name} has no stretch from {t0_ms / 1000:g} to {t1_ms / 1000:g} s", hint=f"it lasts {length_s:g} s"
        )
    if not low_hz < high_hz <= nyquist_hz:
        raise InputError(
            f"{name} has no band from {low_hz:g} to {high_hz:g} Hz", hint=f"it reaches up to {nyquist_hz:g} Hz"
        )
    least_ms = 1000 * frame_samples(recording.sample_rate_hz) / recording.sample_rate_hz
    if (selection.t0_ms, selection.t1_ms) != (None, None) and t1_ms - t0_ms < least_ms:
        raise InputError(
            f"the selection lasts {t1_ms - t0_ms:g} ms, which is too short to be measured",
            hint=f"select {ceil(least_ms)} ms at least",
        )
    if t1_ms - t0_ms > 1000 * LONGEST_S:
        raise InputError(
            f"the selection lasts {(t1_ms - t0_ms) / 1000:g} s, and {LONGEST_S:g} s are heard at most",
            hint="select a shorter stretch, or take the file in (`rab ingest`)",
        )
    return _Box(t0_ms, min(t1_ms, recording.duration_ms), low_hz, high_hz, selection.has_band)


def _centred(box: _Box, recording: Recording, card: EmbedderCard) -> tuple[float, float]:
    """Return the window around a selection, moved inwards where the file ends; a shorter file is all of it."""
    latest_ms = max(0.0, recording.duration_ms - card.window_ms)
    t0_ms = round(min(max(0.0, (box.t0_ms + box.t1_ms - card.window_ms) / 2), latest_ms), 3)
    return t0_ms, round(min(t0_ms + card.window_ms, recording.duration_ms), 3)


def _covering(t0_ms: float, t1_ms: float, recording: Recording, card: EmbedderCard) -> list[tuple[float, float]]:
    """Return windows that cover a stretch from its start, a hop apart; the last one ends where the stretch does."""
    latest_ms = max(t0_ms, t1_ms - card.window_ms)
    n = 1 + ceil(round((latest_ms - t0_ms) / card.hop_ms, 6))
    starts = (round(min(t0_ms + index * card.hop_ms, latest_ms), 3) for index in range(n))
    return [(start, round(min(start + card.window_ms, recording.duration_ms), 3)) for start in starts]


def _lies_in(stored: StoredSegment, box: _Box) -> bool:
    """Return whether half of a call lies in a selection, in time and in frequency."""
    segment = stored.segment
    shared_ms = min(segment.t1_ms, box.t1_ms) - max(segment.t0_ms, box.t0_ms)
    if 2 * shared_ms < segment.t1_ms - segment.t0_ms:
        return False
    if segment.low_hz is None or segment.high_hz is None:
        return True
    return 2 * (min(segment.high_hz, box.high_hz) - max(segment.low_hz, box.low_hz)) >= segment.high_hz - segment.low_hz


def _measured_in(native: Waveform, span_ms: tuple[float, float], box: _Box) -> tuple[SignalQuality, Descriptors]:
    """Measure what stands out in a selection; the noise is that of the whole window."""
    picture = spectrogram(native)
    frames = (picture.ms >= span_ms[0]) & (picture.ms < span_ms[1])
    bins = (picture.hz >= box.low_hz) & (picture.hz <= box.high_hz)
    picture = replace(picture, foreground=picture.foreground & frames[:, np.newaxis] & bins)
    quality = measure(native, picture, band_hz=(box.low_hz, box.high_hz) if box.has_band else None)
    return quality, describe(native, picture, quality)


def _of_the_call(shape: Descriptors, box: _Box, *, is_shorter: bool) -> Descriptors:
    """Leave out what the selection's own edges decide: a call cut at 4 kHz has no highest frequency of its own.

    Stored calls are described in the band that was found for each. Beside them, what spans the band or is averaged over
    it would tell one band from another, not one call from another.
    """
    cut: set[str] = {"duration_ms", "n_onsets"} if is_shorter else set()
    if box.has_band:
        cut |= _BY_BAND
        peak_hz = shape.peak_hz
        edges = (box.low_hz, box.high_hz)
        if peak_hz is not None and min(abs(peak_hz - edge_hz) for edge_hz in edges) <= MEASURES["peak_hz"].resolution:
            cut.add("peak_hz")  # the flank of a call outside
    return shape.model_copy(update=dict.fromkeys(cut))


def _best_heard(one: _One) -> tuple[float, float]:
    snr_db = one.stored.quality.snr_db
    return (-np.inf if snr_db is None else snr_db), -one.stored.segment.t0_ms


def _among_words(n: int, stored: StoredSegment) -> str:
    at_s, snr_db = stored.segment.t0_ms / 1000, stored.quality.snr_db
    heard = "none has a signal, and the first was taken" if snr_db is None else "the one that is heard best was taken"
    return f"The selection holds {n} segments; {heard}, at {at_s:.3f} s."
