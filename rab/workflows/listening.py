"""Listening: what one model makes of a batch of windows, with everything that is measured on them.

It runs in several threads at once. Networks compute outside the interpreter's lock; measuring is a thousand small array
operations that fight over it, so threads take turns at that, one measuring while others embed: 600 s of sound then took
1.6 s instead of 2.0 s. Segments leave it as text, a twentieth of what they take as nouns: a night of them waits until
its recording is committed, and memory does not grow with the night.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from threading import Lock
from typing import cast

import numpy as np
import numpy.typing as npt

from rab.audio.spectrogram import spectrogram
from rab.descriptors import describe
from rab.domain import (
    CallSegment,
    Descriptors,
    EmbeddedBatch,
    FoundCall,
    Recording,
    SegmentPayload,
    SignalQuality,
    StoredSegment,
    Taxon,
    TaxonScore,
    Waveform,
    segment_id,
)
from rab.domain.spectrogram import Spectrogram
from rab.embedders.base import CallFinder, Embedder, RangeModel
from rab.embedders.scores import (
    PrivacyPolicy,
    ScorePolicy,
    SpeciesList,
    UnlistedName,
    human_classes,
    human_voice,
    listed_classes,
    taxa_without_range,
    taxon_scores,
    week_of,
)
from rab.errors import InputError
from rab.quality import measure
from rab.segments import Window
from rab.workflows.payloads import segment_payload

_MARGIN_MS = 100.0
"""Sound on either side of a call that a model found, in which its noise is measured."""

_MEASURING = Lock()


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows of one voice of a recording, to be heard by one model."""

    recording: Recording
    model: int
    channel: int | None
    windows: tuple[Window, ...]


@dataclass(frozen=True, eq=False)
class Heard:
    """What came of a batch: vectors float32 [m, dim], their segments as text, and what was left out."""

    model: int
    channel: int | None
    t1_ms: float
    vectors: npt.NDArray[np.float32]
    payloads: tuple[SegmentPayload, ...]
    packed: bytes
    n_below_snr_floor: int = 0
    n_human_voice: int = 0


def packed(segments: Sequence[StoredSegment]) -> bytes:
    """Return segments as compressed text: 0.4 kB each."""
    return zlib.compress("\n".join(one.model_dump_json() for one in segments).encode(), level=1)


def unpacked(text: bytes) -> Iterator[StoredSegment]:
    """Read segments back from their text."""
    return map(StoredSegment.model_validate_json, zlib.decompress(text).splitlines())


class Listener:
    """A model at work: what it hears becomes segments. Serves several threads at once.

    `open_ranges` says what is expected where and when, and is asked for once, at the first recording with a place.
    """

    def __init__(
        self,
        embedder: Embedder,
        open_ranges: Callable[[Sequence[Taxon]], RangeModel],
        *,
        scores: ScorePolicy,
        privacy: PrivacyPolicy,
        snr_floor_db: float | None,
    ) -> None:
        self._embedder = embedder
        self._open_ranges = open_ranges
        self._ranges: RangeModel | None = None
        self._opening = Lock()
        self._scores = scores
        self._privacy = privacy
        self._human = human_classes(embedder.taxa)
        self._snr_floor_db = snr_floor_db
        self.card = embedder.card.model_copy(update={"score_threshold": scores.threshold_for(embedder.card)})
        """The model's card, with the raw score from which a class counts as detected here."""
        self._unlisted: tuple[UnlistedName, ...] = ()
        self._columns: npt.NDArray[np.intp] | None = None
        self.mismatch: InputError | None = None
        """Set where the species list names none of the model's classes: then no name is kept."""
        if scores.species is not None:
            self._read_list(scores.species)

    def hear(self, batch: Batch) -> Heard:
        """Embed a batch of windows, or find calls in them, and measure each segment."""
        return self._find_calls(batch) if self.card.finds_calls else self._hear_windows(batch)

    def caveats(self) -> Iterator[str]:
        """Yield what could not be known of names: those on the list without a class, birds without a range."""
        for one in self._unlisted:
            meant = f"; did it mean {' or '.join(one.close)}?" if one.close else "."
            yield f"The species list names {one.name}, which {self.card.key} does not know{meant}"
        unranged = () if self._ranges is None else taxa_without_range(self._embedder.taxa, self._ranges.names)
        if unranged:
            yield (
                f"Of the birds that {self.card.key} names, {len(unranged)} are unknown to the location and week model "
                f"and stay unmarked, such as {unranged[0]}."
            )

    def _read_list(self, species: SpeciesList) -> None:
        try:
            codes = getattr(self._embedder, "ebird_codes", ())  # some models come with them
            listed = listed_classes(species, self._embedder.taxa, self.card.key, codes=codes)
        except InputError as error:
            self.mismatch = error
            self._columns = np.zeros(0, dtype=np.intp)
        else:
            self._columns, self._unlisted = listed.columns, listed.unknown

    def _hear_windows(self, batch: Batch) -> Heard:
        with _MEASURING:
            measured = [_measured(window.native) for window in batch.windows]
        is_loud = [self._is_above_floor(quality) for quality, _ in measured]
        windows = tuple(compress(batch.windows, is_loud))
        embedded = self._embedder.embed(_stacked(windows, batch))
        found = [
            _Found(window.t0_ms, window.t1_ms, *one)
            for window, one in zip(windows, compress(measured, is_loud), strict=True)
        ]
        return self._heard(batch, found, embedded, n_below_snr_floor=len(is_loud) - len(found))

    def _find_calls(self, batch: Batch) -> Heard:
        finder = cast("CallFinder", self._embedder)
        n_samples = [self._n_samples(window) for window in batch.windows]
        embedded = finder.find(_stacked(batch.windows, batch), n_samples)
        nyquist_hz = batch.recording.sample_rate_hz / 2
        rows, found = [], []
        n_below = 0
        for row, call in enumerate(embedded.calls or ()):
            if call.high_hz >= nyquist_hz + 1:  # what the recorder cannot have heard, the resampler made
                continue
            one = _found_call(batch.windows[call.window], call)
            if self._is_above_floor(one.quality):
                rows.append(row)
                found.append(one)
            else:
                n_below += 1
        loud = EmbeddedBatch(embedded.embeddings[rows], embedded.logits[rows])
        return self._heard(batch, found, loud, n_below_snr_floor=n_below)

    def _n_samples(self, window: Window) -> int:
        """Return how many of a window's samples are sound."""
        n_heard = round((window.t1_ms - window.t0_ms) * self.card.sample_rate_hz / 1000)
        return min(n_heard, len(window.samples))

    def _is_above_floor(self, quality: SignalQuality) -> bool:
        floor_db = self._snr_floor_db
        return floor_db is None or (quality.snr_db is not None and quality.snr_db >= floor_db)

    def _heard(
        self, batch: Batch, found: Sequence["_Found"], embedded: EmbeddedBatch, *, n_below_snr_floor: int
    ) -> Heard:
        """Name what was found, and leave out or mark what people say."""
        lengths = np.linalg.norm(embedded.embeddings, axis=1)
        for one, length in zip(found, lengths, strict=True):
            if not 0 < length < np.inf:  # NaN neither
                raise InputError(
                    f"{self.card.key} gives {batch.recording.file_name} no vector at {one.t0_ms / 1000:.3f} s",
                    hint=f"run `rab models verify {self.card.key}`, or leave that recording out",
                )
        is_human = human_voice(embedded.logits, self._human, self._privacy, activation=self.card.activation)
        is_kept = ~is_human if self._privacy.mode == "drop" else np.ones(len(found), dtype=np.bool_)
        kept = list(compress(found, is_kept))
        scores = self._named(batch.recording, [one.t0_ms for one in kept], embedded.logits[is_kept])
        segments = [
            self._stored(batch, one, scored).model_copy(update={"human_voice": bool(human)})
            for one, scored, human in zip(kept, scores, is_human[is_kept], strict=True)
        ]
        return Heard(
            model=batch.model,
            channel=batch.channel,
            t1_ms=batch.windows[-1].t1_ms,
            vectors=embedded.embeddings[is_kept],
            payloads=tuple(segment_payload(one, self.card) for one in segments),
            packed=packed(segments),
            n_below_snr_floor=n_below_snr_floor,
            n_human_voice=int(is_human.sum()),
        )

    def _named(
        self, recording: Recording, starts_ms: Sequence[float], logits: npt.NDArray[np.float32]
    ) -> list[tuple[TaxonScore, ...]]:
        ranges = self._ranges_at(recording)
        return taxon_scores(
            logits,
            self._embedder.taxa,
            self.card.key,
            floor=self._scores.floor,
            at_least=self._scores.at_least,
            expected=[None if ranges is None else _expected(ranges, recording, t0_ms) for t0_ms in starts_ms],
            ranged=None if ranges is None else ranges.names,
            activation=self.card.activation,
            sensitivity=self._scores.sensitivity,
            columns=self._columns,
        )

    def _ranges_at(self, recording: Recording) -> RangeModel | None:
        """Return the range model, or None where the recording's place is not known."""
        if recording.notes.lat_deg is None or recording.notes.lon_deg is None:
            return None
        with self._opening:
            self._ranges = self._ranges or self._open_ranges(self._embedder.taxa)
            return self._ranges

    def _stored(self, batch: Batch, found: "_Found", scores: tuple[TaxonScore, ...]) -> StoredSegment:
        call, recording_id, times_ms = found.call, batch.recording.id, (found.t0_ms, found.t1_ms)
        low_hz = None if call is None else call.low_hz
        return StoredSegment(
            segment=CallSegment(
                id=segment_id(recording_id, batch.channel, *times_ms, self.card.key, low_hz=low_hz),
                recording_id=recording_id,
                channel=batch.channel,
                t0_ms=found.t0_ms,
                t1_ms=found.t1_ms,
                embedder=self.card.key,
                low_hz=low_hz,
                high_hz=None if call is None else call.high_hz,
                detection_score=None if call is None else call.detection_score,
            ),
            recording=batch.recording,
            quality=found.quality,
            descriptors=found.descriptors,
            scores=scores,
        )


@dataclass(frozen=True, eq=False)
class _Found:
    """A span that becomes a segment, with what was measured on it."""

    t0_ms: float
    t1_ms: float
    quality: SignalQuality
    descriptors: Descriptors
    call: FoundCall | None = None


def _found_call(window: Window, call: FoundCall) -> _Found:
    t0_ms, t1_ms = round(window.t0_ms + call.t0_ms, 3), round(window.t0_ms + call.t1_ms, 3)
    around = _between(window.native, t0_ms - _MARGIN_MS, t1_ms + _MARGIN_MS)
    with _MEASURING:
        span_ms = t0_ms - around.t0_ms, t1_ms - around.t0_ms
        picture = _within(spectrogram(around), span_ms, (call.low_hz, call.high_hz))
        quality = measure(around, picture, band_hz=(call.low_hz, call.high_hz))
        descriptors = describe(around, picture, quality)
    return _Found(t0_ms, min(t1_ms, window.t1_ms), quality, descriptors, call)


def _within(picture: Spectrogram, span_ms: tuple[float, float], band_hz: tuple[float, float]) -> Spectrogram:
    """Return a spectrogram whose foreground is that of one call alone; where nothing stands out, its whole box.

    The noise is still that of all around, so a call of 5 ms has an SNR, and its neighbours are no part of it.
    """
    frames = (picture.ms >= span_ms[0] - picture.hop_ms) & (picture.ms <= span_ms[1] + picture.hop_ms)
    bins = (picture.hz >= band_hz[0] - picture.bin_hz) & (picture.hz <= band_hz[1] + picture.bin_hz)
    box = frames[:, np.newaxis] & bins
    inside = picture.foreground & box
    return replace(picture, foreground=inside if inside.any() else box)


def _expected(ranges: RangeModel, recording: Recording, t_ms: float) -> frozenset[str] | None:
    """Return the species expected there and then, or at any time of year where the clock is not known."""
    notes, heard_at = recording.notes, recording.heard_at(t_ms)
    if notes.lat_deg is None or notes.lon_deg is None:
        return None
    return ranges.expected(notes.lat_deg, notes.lon_deg, None if heard_at is None else week_of(heard_at.date()))


def _measured(native: Waveform) -> tuple[SignalQuality, Descriptors]:
    picture = spectrogram(native)
    quality = measure(native, picture)
    return quality, describe(native, picture, quality)


def _stacked(windows: Sequence[Window], batch: Batch) -> npt.NDArray[np.float32]:
    """Return samples float32 [n, window_samples], also for no window at all."""
    n_samples = len(batch.windows[0].samples)
    return np.stack([window.samples for window in windows]) if windows else np.zeros((0, n_samples), np.float32)


def _between(waveform: Waveform, t0_ms: float, t1_ms: float) -> Waveform:
    """Return the stretch [t0_ms, t1_ms) of a waveform, as far as it reaches."""
    rate_hz = waveform.sample_rate_hz
    start = max(0, round((t0_ms - waveform.t0_ms) * rate_hz / 1000))
    stop = max(start, round((t1_ms - waveform.t0_ms) * rate_hz / 1000))
    return Waveform(waveform.samples[start:stop], rate_hz, waveform.t0_ms + 1000 * start / rate_hz)
