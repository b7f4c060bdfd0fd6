"""Decoding: from a file's bytes to mono float32 blocks, in memory that does not grow with the file.

One library reads every container (libsndfile, through soundfile): WAV, RF64, W64, FLAC, OGG, MP3 and AIFF, known by
content, whatever the file is called. Blocks hold at most 2²⁰ samples, 4 MB, so a 15-hour night and a 500 kHz bat
detector need the same memory. A file that breaks off, or whose samples are not numbers, is refused with the time at
which that happens: half a recording, taken for a whole one, would make false absences.

An MP3 frame borrows bits from frames before it, so after a seek the first frames come out wrong, by up to half of full
scale in a quiet file, and soundfile seeks after every read. So a stream is read without seeking, and a clip begins to
decode 2¹⁵ samples before it begins to count.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile

from rab.audio.chunks import SOUND_IDS, UNKNOWN_N_BYTES, chunks
from rab.domain import Recording, Samples, Waveform
from rab.errors import AudioError, InputError, NotFound

_MAX_BLOCK_SAMPLES = 1 << 20
_N_LEAD_IN = 1 << 15
_MIN_RATE_HZ = 100
"""Below this, elephants and whales included, a header is wrong, and effort would be counted in thousands of seconds."""
_MAX_NOTES_BYTES = 1 << 20
_UNKNOWN_N_FRAMES = (1 << 63) - 1
"""What libsndfile reports for a FLAC stream whose header leaves its length open."""

_COPY_AGAIN = "copy it again from the card; if this is all there is, save the readable part as a new file"


class _Sound(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that soundfile does not seek in after each read, because it is told that it cannot."""

    def seekable(self) -> bool:
        return False


class Header(NamedTuple):
    """What a file says of itself before a sample is decoded; the sample rate is the one in the file."""

    container: str
    sample_rate_hz: int
    n_channels: int
    n_frames: int
    n_bytes: int
    comment: str
    guano: bytes


def probe(path: Path) -> Header:
    """Read a file's header.

    Raises `NotFound` where there is no file, and `AudioError` where it cannot be read or decoded, holds no sound, or
    is shorter than its header promises.
    """
    with bytes_of(path) as file:
        n_bytes = os.fstat(file.fileno()).st_size
    if n_bytes == 0:
        raise AudioError(f"{path} is empty: 0 bytes", hint="copy it again from the card, or delete it")
    with _opened(path) as sound:
        if sound.samplerate < _MIN_RATE_HZ:
            raise AudioError(
                f"{path} claims a sample rate of {sound.samplerate} Hz, which no recorder of sound has",
                hint="its header is damaged: copy it again from the card",
            )
        header = Header(
            container=sound.format,
            sample_rate_hz=sound.samplerate,
            n_channels=sound.channels,
            n_frames=sound.frames if sound.frames < _UNKNOWN_N_FRAMES else _counted(sound, path),
            n_bytes=n_bytes,
            comment=sound.comment,
            guano=b"",
        )
    return _checked(path, header)


def stream(recording: Recording, *, channel: int | None, block_ms: float = 1000.0) -> Iterator[Waveform]:
    """Decode one voice from the beginning, block after block, as `stream_voices` does with several."""
    for (block,) in stream_voices(recording, (channel,), block_ms=block_ms):
        yield block


def stream_voices(
    recording: Recording, channels: Sequence[int | None], *, block_ms: float = 1000.0
) -> Iterator[tuple[Waveform, ...]]:
    """Decode voices from the beginning, block after block, at the recording's true rate.

    A channel counts from 0; None averages all channels. A block is a waveform per voice, in the order asked for. Blocks
    are contiguous and last `block_ms`, or less where that would take more than 2²⁰ samples. Raises `NotFound` when the
    recording's bytes are no longer at its path, and `AudioError` for samples that are not finite and for a file that
    breaks off, with the time of either.
    """
    rate_hz = recording.sample_rate_hz
    n_block = max(1, round(block_ms * rate_hz / 1000))
    n_read = 0
    for voices in _blocks(recording, channels, 0, recording.n_frames, n_block):
        yield tuple(Waveform(samples, rate_hz, 1000 * n_read / rate_hz) for samples in voices)
        n_read += len(voices[0])


def read_clip(recording: Recording, *, channel: int | None, t0_ms: float, t1_ms: float) -> Waveform:
    """Decode [t0_ms, t1_ms) of one voice at the recording's true rate; it ends early where the sound does.

    Both times are rounded to the nearest sample. Raises `InputError` for a span that holds no sample of the recording,
    and what `stream` raises.
    """
    rate_hz = recording.sample_rate_hz
    start, stop = round(t0_ms * rate_hz / 1000), min(round(t1_ms * rate_hz / 1000), recording.n_frames)
    if not 0 <= start < stop:
        raise InputError(
            f"{recording.file_name} has no sound from {t0_ms:g} to {t1_ms:g} ms",
            hint=f"it lasts {recording.duration_ms:g} ms",
        )
    first = max(start - _N_LEAD_IN, 0)
    blocks = _blocks(recording, (channel,), first, stop, _MAX_BLOCK_SAMPLES)
    samples = np.concatenate([voice for (voice,) in blocks])
    return Waveform(samples[start - first :], rate_hz, 1000 * start / rate_hz)


@contextmanager
def bytes_of(path: Path, *, hint: str = "check the path") -> Iterator[BufferedReader]:
    """Open a file for reading, and tell what the disk says against it.

    Raises `NotFound` where there is no file, and `AudioError` where the disk refuses it: that is this file's failure,
    not the store's, and a batch goes on with the next one.
    """
    if path.exists() and not path.is_file():
        raise AudioError(f"{path} cannot be read: it is a folder, a pipe or a device", hint="name files of sound")
    try:
        with path.open("rb") as file:
            yield file
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"there is no file {path}", hint=hint) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AudioError(f"{path} cannot be read: {reason}", hint="check its permissions and its disk") from error


def _opened(path: Path) -> _Sound:
    try:
        return _Sound(str(path))
    except (soundfile.SoundFileError, TypeError, UnicodeEncodeError) as error:
        # A name that ends in .raw makes soundfile ask for a sample rate (TypeError), whatever the file holds.
        raise AudioError(
            f"{path} is not audio that can be decoded",
            hint="WAV, RF64, W64, FLAC, OGG, MP3 and AIFF can; see whether it plays, and copy it again from the card",
        ) from error


def _reopened(recording: Recording) -> _Sound:
    path = Path(recording.path)
    hint = f"if recording {recording.id[:12]} was moved, ingest its new path"
    if sha256_of(path, hint=hint) != recording.id:
        raise NotFound(f"{path} no longer holds the recording that was ingested from it", hint=hint)
    return _opened(path)


def sha256_of(path: Path, *, hint: str = "check the path") -> str:
    """Return the sha256 of a file's bytes, which is its recording's id.

    A file is read whole once per process, and again when its size or its time of change is another: two recordings of a
    recorder often have the same size, and neither may be played under the other's name. Raises what `bytes_of` raises.
    """
    with bytes_of(path, hint=hint) as file:
        status = os.fstat(file.fileno())
    return _digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=65_536)
def _digest(path: Path, n_bytes: int, changed_ns: int) -> str:
    with bytes_of(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _counted(sound: _Sound, path: Path) -> int:
    """Return how many frames there are to decode."""
    try:
        n_block = _MAX_BLOCK_SAMPLES // sound.channels
        return sum(iter(lambda: len(sound.read(n_block, dtype="float32", always_2d=True)), 0))
    except soundfile.SoundFileError as error:
        raise AudioError(f"{path} cannot be decoded to its end", hint=_COPY_AGAIN) from error


def _checked(path: Path, header: Header) -> Header:
    """Return the header with the file's GUANO notes; refuse it where it holds no sound or less than it promises."""
    guano, n_promised, n_present = b"", 0, 0
    with bytes_of(path) as file:
        for chunk in chunks(file):
            if chunk.id == b"guan":
                file.seek(chunk.offset)
                guano = file.read(min(chunk.n_bytes, _MAX_NOTES_BYTES))
            elif chunk.id in SOUND_IDS:
                n_promised, n_present = chunk.n_bytes, header.n_bytes - chunk.offset
    if header.n_frames == 0:
        unclosed = f", though {n_present} bytes follow it: the recorder did not close the file" if n_present > 0 else ""
        hint = "rewrite its header (`sox --ignore-length`)" if unclosed else "copy it again from the card, or delete it"
        raise AudioError(f"{path} holds no sound: its header promises 0 samples{unclosed}", hint=hint)
    if n_present < n_promised != UNKNOWN_N_BYTES:
        held_s = header.n_frames / header.sample_rate_hz
        raise _cut_short(str(path), held_s, held_s * n_promised / n_present)
    return header._replace(guano=guano)


def _blocks(
    recording: Recording, channels: Sequence[int | None], first: int, stop: int, n_block: int
) -> Iterator[tuple[Samples, ...]]:
    """Go through frames [first, stop) of some voices, at most `n_block` frames and 2²⁰ samples at a time."""
    for channel in channels:
        if channel is not None and not 0 <= channel < recording.n_channels:
            hint = f"it has {recording.n_channels}, counted from 0"
            raise InputError(f"{recording.file_name} has no channel {channel}", hint=hint)
    n_block = min(n_block, _MAX_BLOCK_SAMPLES // recording.n_channels)
    at = first
    with _reopened(recording) as sound:
        try:
            sound.seek(first)
            while at < stop and len(frames := sound.read(min(n_block, stop - at), dtype="float32", always_2d=True)):
                yield tuple(_voice(frames, recording, channel, at) for channel in channels)
                at += len(frames)
        except soundfile.SoundFileError as error:
            raise _cut_short(recording.path, at / recording.sample_rate_hz, recording.duration_ms / 1000) from error
    if at < stop:
        raise _cut_short(recording.path, at / recording.sample_rate_hz, recording.duration_ms / 1000)


def _voice(frames: npt.NDArray[np.float32], recording: Recording, channel: int | None, at: int) -> Samples:
    """Return float32 [n] of one voice from float32 [n, channels] that begin at frame `at`."""
    mixed = channel is None and recording.n_channels > 1
    heard = frames if mixed else frames[:, channel or 0]
    if not (finite := np.isfinite(heard)).all():
        at_s = (at + int(np.argwhere(~finite)[0][0])) / recording.sample_rate_hz
        raise AudioError(
            f"{recording.path} holds samples that are not numbers (NaN or infinity), the first at {at_s:.3f} s",
            hint="export it again from the program that wrote it",
        )
    samples: Samples = heard.mean(axis=1) if mixed else heard
    return samples


def _cut_short(path: str, read_s: float, promised_s: float) -> AudioError:
    return AudioError(
        f"{path} breaks off: nothing can be decoded beyond {read_s:.3f} s of {promised_s:.3f} s",
        hint=_COPY_AGAIN,
    )
