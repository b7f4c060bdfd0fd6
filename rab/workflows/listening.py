"""Listening: what one model makes of a batch of windows, with everything that is measured on them.

It runs in several threads at once. Segments leave it as text, a twentieth of what they take as nouns: a night of them
waits until its recording is committed, and memory does not grow with the night.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import numpy.typing as npt

from rab.audio.spectrogram import spectrogram
from rab.descriptors import describe
from rab.domain import (
    CallSegment,
    Descriptors,
    EmbedderCard,
    FoundCall,
    Recording,
    SegmentPayload,
    SignalQuality,
    StoredSegment,
    TaxonScore,
    Waveform,
    segment_id,
)
from rab.embedders.base import Embedder
from rab.embedders.scores import taxon_scores
from rab.quality import measure
from rab.segments import Window

Expected = Callable[[Recording, float], frozenset[str] | None]
"""The species expected at a recording's place at an offset (ms); None where that is not known."""

_MARGIN_MS = 100.0
"""Sound on either side of a call that a model found, in which its noise is measured."""


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


def packed(segments: Sequence[StoredSegment]) -> bytes:
    """Return segments as compressed text: 0.4 kB each."""
    return zlib.compress("\n".join(one.model_dump_json() for one in segments).encode(), level=1)


def unpacked(text: bytes) -> Iterator[StoredSegment]:
    """Read segments back from their text."""
    return map(StoredSegment.model_validate_json, zlib.decompress(text).splitlines())


@dataclass(frozen=True)
class Listener:
    """A model at work: what it hears becomes segments."""

    embedder: Embedder
    expected: Expected
    score_floor: float
    snr_floor_db: float | None

    def hear(self, batch: Batch) -> Heard:
        """Embed a batch of windows, or find calls in them, and measure each segment."""
        if self.embedder.card.finds_calls:
            return self._find_calls(batch)
        measured = [_measured(window.native) for window in batch.windows]
        loud = [self._is_above_floor(quality) for quality, _ in measured]
        windows = tuple(compress(batch.windows, loud))
        embedded = self.embedder.embed(_stacked(windows, batch))
        spans = [(window.t0_ms, window.t1_ms) for window in windows]
        scores = self._scores(batch.recording, spans, embedded.logits)
        segments = [
            self._stored(batch, (*span, None), *one, scored)
            for span, one, scored in zip(spans, compress(measured, loud), scores, strict=True)
        ]
        return self._heard(batch, embedded.embeddings, segments, len(loud) - sum(loud))

    def _find_calls(self, batch: Batch) -> Heard:
        embedded = self.embedder.embed(_stacked(batch.windows, batch))
        calls = embedded.calls or ()
        spans, measured = [], []
        for call in calls:
            window = batch.windows[call.window]
            t0_ms, t1_ms = round(window.t0_ms + call.t0_ms, 3), round(window.t0_ms + call.t1_ms, 3)
            spans.append((t0_ms, min(t1_ms, window.t1_ms)))
            around = _between(window.native, t0_ms - _MARGIN_MS, t1_ms + _MARGIN_MS)
            measured.append(_measured(around, (call.low_hz, call.high_hz)))
        scores = self._scores(batch.recording, spans, embedded.logits)
        loud = [self._is_above_floor(quality) for quality, _ in measured]
        found = zip(spans, calls, measured, scores, strict=True)
        segments = [
            self._stored(batch, (*span, call), *one, scored) for span, call, one, scored in compress(found, loud)
        ]
        return self._heard(batch, embedded.embeddings[loud], segments, len(loud) - sum(loud))

    def _is_above_floor(self, quality: SignalQuality) -> bool:
        floor_db = self.snr_floor_db
        return floor_db is None or (quality.snr_db is not None and quality.snr_db >= floor_db)

    def _scores(
        self, recording: Recording, spans: Sequence[tuple[float, float]], logits: npt.NDArray[np.float32]
    ) -> list[tuple[TaxonScore, ...]]:
        expected = [self.expected(recording, t0_ms) for t0_ms, _ in spans]
        card = self.embedder.card
        return taxon_scores(logits, self.embedder.taxa, card.key, floor=self.score_floor, expected=expected)

    def _stored(
        self,
        batch: Batch,
        span: tuple[float, float, FoundCall | None],
        quality: SignalQuality,
        descriptors: Descriptors,
        scores: tuple[TaxonScore, ...],
    ) -> StoredSegment:
        t0_ms, t1_ms, call = span
        card = self.embedder.card
        return StoredSegment(
            segment=CallSegment(
                id=segment_id(batch.recording.id, batch.channel, t0_ms, t1_ms, card.key),
                recording_id=batch.recording.id,
                channel=batch.channel,
                t0_ms=t0_ms,
                t1_ms=t1_ms,
                embedder=card.key,
                low_hz=None if call is None else call.low_hz,
                high_hz=None if call is None else call.high_hz,
                detection_score=None if call is None else call.detection_score,
            ),
            recording=batch.recording,
            quality=quality,
            descriptors=descriptors,
            scores=scores,
        )

    def _heard(
        self, batch: Batch, vectors: npt.NDArray[np.float32], segments: Sequence[StoredSegment], n_below: int
    ) -> Heard:
        payloads = tuple(segment_payload(one, self.embedder.card) for one in segments)
        return Heard(batch.model, batch.channel, batch.windows[-1].t1_ms, vectors, payloads, packed(segments), n_below)


def segment_payload(stored: StoredSegment, card: EmbedderCard) -> SegmentPayload:
    """Return what the vector store keeps beside a segment's vector, so that a search can be filtered."""
    local = stored.heard_local
    return SegmentPayload(
        segment_id=stored.segment.id,
        recording_id=stored.recording.id,
        site=stored.recording.site,
        heard_at=stored.heard_at,
        local_hour=None if local is None else local.hour,
        snr_db=stored.quality.snr_db,
        taxa=tuple(
            score.taxon.scientific_name
            for score in stored.scores
            if score.raw_score >= card.score_threshold and score.in_range is not False
        ),
        cluster_id=stored.cluster_id,
    )


def _measured(native: Waveform, band_hz: tuple[float, float] | None = None) -> tuple[SignalQuality, Descriptors]:
    picture = spectrogram(native)
    quality = measure(native, picture, band_hz=band_hz)
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
