"""Windows: a recording cut into the spans that models hear, at the recording's rate and at each model's.

The spans are planned from the recording's length alone. Then it is decoded once, for all models and channels together:
each block goes to a tape of native samples, on which signal quality and descriptors are measured, and through the
resampler to a tape of model samples. Tapes forget what lies before their next span, and of several models the one that
is behind goes first, so ten hours take the memory of a window and a block for each.

Span i begins at i · hop. An instant t lies on a tape at sample round(t · rate); each tape rounds by itself, so the two
views of a window agree to half a sample of either, and do not drift apart.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import numpy as np
from pydantic import Field

from rab.audio import resampled, stream_voices
from rab.domain import EmbedderCard, Recording, Samples, Value, Waveform
from rab.domain.value import Ms

Item = TypeVar("Item")


class WindowPolicy(Value):
    """How far windows step, and how little sound still makes one."""

    hop_ms: Ms | None = Field(default=None, gt=0)
    """From one window's start to the next; None takes the model's own."""
    min_tail_ms: Ms = Field(default=1000.0, ge=0)
    """A last window with less sound is left out, unless it is the only one.

    A model that finds calls hears a last window of any length, and steps as its card says: a window too many adds no
    segment there, and windows that overlap would find calls twice.
    """


@dataclass(frozen=True, eq=False)
class Window:
    """A span [t0_ms, t1_ms) of one voice; t1 is where the sound ends, where that is before the window does.

    `native` is the span as recorded. `samples` is float32 [window_samples] at the model's rate, with zeros behind the
    end of the sound. Both are read-only.
    """

    t0_ms: float
    t1_ms: float
    native: Waveform
    samples: Samples

    def __post_init__(self) -> None:
        self.samples.flags.writeable = False


@dataclass(frozen=True, eq=False)
class Cut:
    """A window, with whose it is: which of the models asked for, and which channel (None: the average of all)."""

    model: int
    channel: int | None
    window: Window


def cuts(
    recording: Recording, cards: Sequence[EmbedderCard], policy: WindowPolicy, channels: Sequence[int | None]
) -> Iterator[Cut]:
    """Cut voices of a recording into the windows of several models, decoding it once.

    Windows of one model and channel come in order; among the others they come by when they end. Raises what
    `rab.audio.stream_voices` raises, after the windows before the damage.
    """
    wanted = [(model, voice) for model in range(len(cards)) for voice in range(len(channels))]
    shares = _shared(stream_voices(recording, channels), len(wanted))
    cutters = (
        _named(model, channels[voice], _cut(recording, cards[model], policy, blocks, voice))
        for (model, voice), blocks in zip(wanted, shares, strict=True)
    )
    return heapq.merge(*cutters, key=lambda cut: cut.window.t1_ms)


def windows(recording: Recording, card: EmbedderCard, policy: WindowPolicy, channel: int | None) -> Iterator[Window]:
    """Cut one voice of a recording into one model's windows, in order, as `cuts` does."""
    return _cut(recording, card, policy, stream_voices(recording, (channel,)), voice=0)


def _cut(
    recording: Recording,
    card: EmbedderCard,
    policy: WindowPolicy,
    blocks: Iterable[tuple[Waveform, ...]],
    voice: int,
) -> Iterator[Window]:
    native, model = _Tape(recording.sample_rate_hz), _Tape(card.sample_rate_hz)
    heard_blocks = native.record(voices[voice] for voices in blocks)
    sound = model.record(resampled(heard_blocks, card.sample_rate_hz, card.resampler))
    n_samples = round(card.window_ms * card.sample_rate_hz / 1000)
    for t0_ms, t1_ms in spans(recording, card, policy):
        start, stop = native.at(t0_ms), native.at(t1_ms)
        first = model.at(t0_ms)
        native.forget(start)
        model.forget(first)
        while (native.end < stop or model.end < first + n_samples) and next(sound, None) is not None:
            pass
        samples = np.zeros(n_samples, np.float32)
        heard = model.cut(first, first + n_samples)
        samples[: len(heard)] = heard
        yield Window(t0_ms, t1_ms, Waveform(native.cut(start, stop), native.rate_hz, t0_ms), samples)
    deque(sound, maxlen=0)  # to its end: damage behind the last window is damage too


def _named(model: int, channel: int | None, windows: Iterable[Window]) -> Iterator[Cut]:
    return (Cut(model, channel, window) for window in windows)


def _shared(stream: Iterator[Item], n: int) -> list[Iterator[Item]]:
    """Return n iterators over one stream. What the one that is ahead has read waits for the others, and no longer.

    `itertools.tee` keeps the last 57 items whoever has read them: a minute of ultrasound, 90 MB.
    """
    waiting: list[deque[Item]] = [deque() for _ in range(n)]

    def share(own: deque[Item]) -> Iterator[Item]:
        while True:
            if not own:
                try:
                    item = next(stream)
                except StopIteration:
                    return
                for queue in waiting:
                    queue.append(item)
                del item  # or it would live until the next
            yield own.popleft()

    return [share(own) for own in waiting]


def spans(recording: Recording, card: EmbedderCard, policy: WindowPolicy) -> Iterator[tuple[float, float]]:
    """Plan a model's windows on a recording: (t0_ms, t1_ms) of each, in order; there is at least one.

    A span that the sound does not fill is the last. It stands if it is the only one, or if it holds sound that the span
    before does not, and at least `policy.min_tail_ms` in all. 9 s make three windows of 3 s, 9.5 s three, 10 s four.
    """
    hop_ms = card.hop_ms if card.finds_calls else policy.hop_ms or card.hop_ms
    min_tail_ms = 0.0 if card.finds_calls else policy.min_tail_ms
    n_frames, rate_hz = recording.n_frames, recording.sample_rate_hz
    heard_ms = 0.0
    for index in count():
        t0_ms = round(index * hop_ms, 3)
        t1_ms = round(t0_ms + card.window_ms, 3)
        if _sample(t1_ms, rate_hz) > n_frames:
            break
        yield t0_ms, t1_ms
        heard_ms = t1_ms
    n_tail = n_frames - _sample(t0_ms, rate_hz)
    n_unheard = n_frames - _sample(heard_ms, rate_hz)
    if index == 0 or (n_tail > 0 < n_unheard and n_tail >= _sample(min_tail_ms, rate_hz)):
        yield t0_ms, recording.duration_ms


def _sample(t_ms: float, rate_hz: int) -> int:
    return round(t_ms * rate_hz / 1000)


class _Tape:
    """The stretch of a stream of samples that is still needed. Samples are counted from the stream's start."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._held = np.zeros(0, np.float32)
        self._n_forgotten = 0

    @property
    def end(self) -> int:
        return self._n_forgotten + len(self._held)

    def at(self, t_ms: float) -> int:
        return _sample(t_ms, self.rate_hz)

    def record(self, blocks: Iterable[Waveform]) -> Iterator[Waveform]:
        for block in blocks:
            self._held = np.concatenate([self._held, block.samples])
            yield block

    def cut(self, start: int, stop: int) -> Samples:
        """Return samples [start, stop), fewer where the tape ends; what is forgotten cannot be cut."""
        return self._held[start - self._n_forgotten : stop - self._n_forgotten]

    def forget(self, before: int) -> None:
        n = min(before - self._n_forgotten, len(self._held))
        self._held = self._held[n:]
        self._n_forgotten += n
