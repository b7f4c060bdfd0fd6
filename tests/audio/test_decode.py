"""Decoding: every container, every kind of damage, and memory that does not grow."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from rab.audio import read_clip, read_recording, stream
from rab.domain import Recording
from rab.errors import AudioError, InputError, NotFound

Write = Callable[..., Path]
Noise = Callable[..., npt.NDArray[np.float32]]

PCM = ["a.wav", "a.float.wav", "a.extensible.wav", "a.rf64", "a.w64", "a.flac", "a.aiff", "A.WAV"]
LOSSY = ["a.ogg", "a.opus.ogg", "a.mp3"]


def heard(recording: Recording, channel: int | None = None, block_ms: float = 1000.0) -> npt.NDArray[np.float32]:
    """Return all samples of a voice."""
    return np.concatenate([block.samples for block in stream(recording, channel=channel, block_ms=block_ms)])


@pytest.mark.parametrize("name", PCM)
def test_lossless_sound_comes_back_as_it_was(write: Write, noise: Noise, name: str) -> None:
    """What was written is what is decoded, to half a step of 16 bits, in every lossless container."""
    samples = noise(1.25)
    recording = read_recording(write(name, samples))
    assert (
        recording.sample_rate_hz,
        recording.n_channels,
        recording.n_frames,
        recording.duration_ms,
    ) == (48_000, 1, 60_000, 1250.0)
    np.testing.assert_allclose(heard(recording), samples, atol=1 / 32768)


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_sound_keeps_its_length(write: Write, noise: Noise, name: str) -> None:
    """A lossy file decodes to as many samples as went in, and nearly the same tone."""
    tone = (0.5 * np.sin(np.arange(96_000) * 2 * np.pi * 1000 / 48_000)).astype(np.float32)
    decoded = heard(read_recording(write(name, tone)))
    assert len(tone) == len(decoded)
    assert np.corrcoef(tone[4800:-4800], decoded[4800:-4800])[0, 1] > 0.999


def test_blocks_follow_each_other(write: Write, noise: Noise) -> None:
    """Blocks last what was asked for, the last one less, and each says where it begins."""
    recording = read_recording(write("a.wav", noise(1.1)))
    blocks = list(stream(recording, channel=None, block_ms=500))
    assert [(b.t0_ms, len(b.samples)) for b in blocks] == [(0.0, 24_000), (500.0, 24_000), (1000.0, 4_800)]


@pytest.mark.parametrize("name", PCM + LOSSY)
def test_block_length_does_not_change_the_sound(write: Write, noise: Noise, name: str) -> None:
    """Short blocks and long blocks give the same samples."""
    recording = read_recording(write(name, noise(1.0)))
    np.testing.assert_allclose(heard(recording, block_ms=17), heard(recording, block_ms=5000), atol=1e-6)


def test_channels_are_averaged_or_taken_alone(write: Write, noise: Noise) -> None:
    """No channel means the mean of all; a number means that channel."""
    samples = noise(0.5, n_channels=3)
    recording = read_recording(write("a.float.wav", samples))
    np.testing.assert_allclose(heard(recording), samples.mean(axis=1), atol=1e-7)
    np.testing.assert_array_equal(heard(recording, channel=2), samples[:, 2])


@pytest.mark.parametrize("channel", [-1, 2])
def test_a_channel_that_is_not_there_is_refused(write: Write, noise: Noise, channel: int) -> None:
    """The stream and the clip both refuse it."""
    recording = read_recording(write("a.wav", noise(0.5, n_channels=2)))
    with pytest.raises(InputError, match="no channel"):
        next(stream(recording, channel=channel))
    with pytest.raises(InputError, match="no channel"):
        read_clip(recording, channel=channel, t0_ms=0, t1_ms=1)


def test_a_time_expanded_file_is_as_long_as_the_call(write: Write, noise: Noise) -> None:
    """Rates and times are the true ones: tenfold expansion gives ten times the rate and a tenth of the time."""
    recording = read_recording(write("a.wav", noise(1.0, 44_100), 44_100), time_expansion=10)
    blocks = list(stream(recording, channel=None, block_ms=50))
    assert (recording.sample_rate_hz, recording.duration_ms) == (441_000, 100.0)
    assert [(block.sample_rate_hz, block.t0_ms) for block in blocks] == [(441_000, 0.0), (441_000, 50.0)]


@pytest.mark.parametrize("name", PCM + LOSSY)
def test_the_extension_does_not_matter(write: Write, noise: Noise, name: str) -> None:
    """A file is known by its content: FLAC named .wav and MP3 named .txt are read as what they are."""
    path = write(name, noise(0.5))
    container = read_recording(path).container
    for wrong in ("b.wav", "b.mp3", "b.txt", "b"):
        assert container == read_recording(path.rename(path.with_name(wrong))).container
        path = path.with_name(wrong)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("zero.wav", b""),
        ("header.wav", b"RIFF\x24\0\0\0WAVEfmt "),
        ("noise.wav", bytes(range(256)) * 40),
        ("noise.mp3", np.random.default_rng(0).bytes(20_000)),
        ("text.flac", b"To be, or not to be" * 100),
        ("sound.raw", bytes(1000)),
    ],
)
def test_what_is_no_sound_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """Empty files, bare headers, noise and text are refused by name, with something to do."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioError, match=name) as caught:
        read_recording(path)
    assert caught.value.hint


def test_a_file_without_samples_holds_no_sound(write: Write) -> None:
    """A header that promises nothing, followed by nothing."""
    with pytest.raises(AudioError, match=r"holds no sound: its header promises 0 samples \("):
        read_recording(write("a.wav", np.zeros(0, np.float32)))


def test_a_header_that_was_never_filled_in_is_told_apart(write: Write, noise: Noise) -> None:
    """A recorder that died before closing its file leaves samples behind a header that promises none."""
    path = write("a.wav", noise(0.5))
    content = path.read_bytes()
    at = content.index(b"data") + 4
    path.write_bytes(content[:at] + bytes(4) + content[at + 4 :])
    with pytest.raises(AudioError, match="48000 bytes follow it: the recorder did not close the file"):
        read_recording(path)


def test_a_streamed_wav_is_read_to_its_end(write: Write, noise: Noise) -> None:
    """A header that leaves the length open, as programs write into a pipe, promises nothing that could be missing."""
    path = write("a.wav", noise(0.5))
    content = path.read_bytes()
    at = content.index(b"data") + 4
    path.write_bytes(content[:at] + b"\xff" * 4 + content[at + 4 :])
    assert len(heard(read_recording(path))) == 24_000


def test_a_flac_that_does_not_say_how_long_it_is_is_counted(write: Write, noise: Noise) -> None:
    """An encoder that wrote into a pipe leaves the length open; it is found by decoding, and a cut file is refused."""
    path = write("a.flac", noise(2.0))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    recording = read_recording(path)
    assert 96_000 == recording.n_frames == len(heard(recording))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(AudioError, match="cannot be decoded to its end"):
        read_recording(path)


@pytest.mark.parametrize("name", ["a.wav", "a.float.wav", "a.rf64", "a.w64", "a.aiff"])
def test_a_cut_file_is_refused_when_it_is_read(write: Write, noise: Noise, name: str) -> None:
    """A decoder would silently take the part for the whole; the chunk list says how much is missing."""
    path = write(name, noise(2.0))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(AudioError, match=r"beyond (0\.99|1\.00).* s of 2\.000 s"):
        read_recording(path)


@pytest.mark.parametrize("name", ["a.flac", "a.mp3"])
def test_a_cut_compressed_file_is_refused_when_it_is_decoded(write: Write, noise: Noise, name: str) -> None:
    """What was decoded before the break is given out, and then the break is an error that says how much that was."""
    path = write(name, noise(4.0))
    os.truncate(path, path.stat().st_size // 2)
    blocks = stream(read_recording(path), channel=None, block_ms=100)
    assert next(blocks).t0_ms == 0.0
    with pytest.raises(AudioError, match=r"nothing can be decoded beyond [12]\.\d+ s of 4\.000 s"):
        list(blocks)


def test_a_clip_beyond_the_break_is_refused(write: Write, noise: Noise) -> None:
    """A clip that a damaged file no longer holds is an error, not a short clip."""
    path = write("a.flac", noise(4.0))
    os.truncate(path, path.stat().st_size // 2)
    recording = read_recording(path)
    with pytest.raises(AudioError, match="breaks off"):
        read_clip(recording, channel=None, t0_ms=3000, t1_ms=3500)
    with pytest.raises(AudioError, match="breaks off"):
        read_clip(recording, channel=None, t0_ms=1000, t1_ms=3500)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_refused(write: Write, noise: Noise, bad: float) -> None:
    """The error tells when the first one sounds; a sound channel beside it can still be taken."""
    samples = noise(2.0, n_channels=2)
    samples[60_000, 1] = bad
    recording = read_recording(write("a.float.wav", samples))
    for channel in (None, 1):
        with pytest.raises(AudioError, match=r"a\.float\.wav holds samples that are not numbers .* at 1\.250 s"):
            heard(recording, channel)
    with pytest.raises(AudioError, match=r"at 1\.250 s"):
        read_clip(recording, channel=1, t0_ms=1200, t1_ms=1300)
    assert len(heard(recording, channel=0)) == 96_000


def test_a_file_full_of_nan_is_refused(write: Write) -> None:
    """From its first sample."""
    recording = read_recording(write("a.float.wav", np.full(4800, np.nan, np.float32)))
    with pytest.raises(AudioError, match=r"at 0\.000 s"):
        heard(recording)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    """Also where its folder is a file."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "none.wav", tmp_path / "file" / "none.wav"):
        with pytest.raises(NotFound, match=r"there is no file .*none\.wav"):
            read_recording(path)


def test_a_recording_that_moved_says_so(write: Write, noise: Noise) -> None:
    """The hint names the recording and the way back."""
    path = write("a.wav", noise(0.5))
    recording = read_recording(path)
    path.rename(path.with_name("b.wav"))
    with pytest.raises(NotFound, match=rf"recording {recording.id[:12]} was moved, ingest its new path"):
        heard(recording)
    with pytest.raises(NotFound, match="was moved"):
        read_clip(recording, channel=None, t0_ms=0, t1_ms=100)


def test_other_bytes_under_the_same_name_are_not_the_recording(write: Write, noise: Noise) -> None:
    """Evidence is never played from a file that was put in the place of another."""
    recording = read_recording(write("a.wav", noise(0.5)))
    write("a.wav", noise(0.6))
    with pytest.raises(NotFound, match="no longer holds the recording"):
        heard(recording)


def test_what_the_disk_refuses_is_a_failure_of_that_file(tmp_path: Path) -> None:
    """Folders and links that lead in circles cannot be read, which says nothing of the next file."""
    loop = tmp_path / "loop.wav"
    loop.symlink_to(loop)
    for path in (loop, tmp_path):
        with pytest.raises(AudioError, match="cannot be read"):
            read_recording(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_cannot_be_read(write: Write, noise: Noise) -> None:
    """The hint names permissions."""
    path = write("a.wav", noise(0.5))
    path.chmod(0)
    with pytest.raises(AudioError, match="permission denied"):
        read_recording(path)


def test_every_error_of_the_decoder_is_of_the_family_that_is_translated() -> None:
    """The errors of soundfile share the base class that the decoder catches."""
    errors = [value for name, value in vars(soundfile).items() if name.endswith("Error")]
    assert {soundfile.LibsndfileError, soundfile.SoundFileError} <= set(errors)
    assert all(issubclass(error, soundfile.SoundFileError) for error in errors)


@pytest.mark.parametrize("name", PCM + LOSSY)
def test_a_clip_is_a_slice_of_the_whole(write: Write, noise: Noise, name: str) -> None:
    """Seeking lands on the sample, in every container."""
    recording = read_recording(write(name, noise(3.0, n_channels=2)))
    whole = heard(recording, channel=1)
    for t0_ms, t1_ms in ((0.0, 3000.0), (1234.5, 1300.0), (2990.0, 3000.0)):
        clip = read_clip(recording, channel=1, t0_ms=t0_ms, t1_ms=t1_ms)
        np.testing.assert_allclose(clip.samples, whole[round(t0_ms * 48) : round(t1_ms * 48)], atol=1e-5)
        assert t0_ms == clip.t0_ms


@pytest.mark.parametrize("name", LOSSY)
def test_clips_and_blocks_of_a_quiet_lossy_file_are_exact(write: Write, name: str) -> None:
    """Small frames borrow bits from many frames before: neither block borders nor a clip's start may lose them."""
    clicks = np.zeros(48_000 * 8, np.float32)
    clicks[::4800] = 0.3
    clicks += (0.01 * np.sin(np.arange(len(clicks)) * 2 * np.pi * 440 / 48_000)).astype(np.float32)
    path = write(name, clicks)
    whole, _ = soundfile.read(path, dtype="float32")
    recording = read_recording(path)
    np.testing.assert_allclose(heard(recording, block_ms=123), whole, atol=1e-6)
    for t0_ms in range(150, 7500, 700):
        clip = read_clip(recording, channel=None, t0_ms=t0_ms, t1_ms=t0_ms + 200)
        np.testing.assert_allclose(clip.samples, whole[t0_ms * 48 : (t0_ms + 200) * 48], atol=1e-6)


def test_a_clip_ends_where_the_sound_does(write: Write, noise: Noise) -> None:
    """A padded last window is played without its padding."""
    clip = read_clip(read_recording(write("a.wav", noise(1.0))), channel=None, t0_ms=900, t1_ms=3900)
    assert (clip.t0_ms, clip.t1_ms) == (900.0, 1000.0)


@pytest.mark.parametrize(("t0_ms", "t1_ms"), [(1000, 1100), (500, 500), (500, 400), (-10, 100)])
def test_a_clip_of_nothing_is_refused(write: Write, noise: Noise, t0_ms: float, t1_ms: float) -> None:
    """The hint says how long the recording is."""
    recording = read_recording(write("a.wav", noise(1.0)))
    with pytest.raises(InputError, match=r"has no sound from .* \(it lasts 1000 ms"):
        read_clip(recording, channel=None, t0_ms=t0_ms, t1_ms=t1_ms)


@pytest.mark.parametrize(("rate_hz", "n_channels", "seconds"), [(384_000, 1, 60), (48_000, 8, 60)])
def test_memory_does_not_grow_with_the_file(write: Write, rate_hz: int, n_channels: int, seconds: int) -> None:
    """A minute that would take 92 MB decoded is streamed in less than 20, even when hour-long blocks are asked for."""
    recording = read_recording(write("a.flac", np.zeros((rate_hz * seconds, n_channels), np.float32), rate_hz))
    tracemalloc.start()
    n_samples = sum(len(block.samples) for block in stream(recording, channel=None, block_ms=3_600_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rate_hz * seconds == n_samples
    assert peak < 20e6


@pytest.mark.shared
def test_real_recordings_decode_to_the_length_they_promise(shared: Path) -> None:
    """MP3, Vorbis, FLAC and ultrasonic WAV of real recorders: headers and sound agree."""
    for path in [*sorted(shared.glob("phoebe_xc/*/*.mp3"))[::9], *sorted(shared.glob("esc10/*/*.ogg"))[::20]]:
        recording = read_recording(path)
        assert recording.n_frames == len(heard(recording))
    for path in sorted(shared.glob("bats_batdetect2/*.[wW][aA][vV]")):
        assert 192_000 <= read_recording(path).sample_rate_hz <= 500_000


def test_other_sound_of_the_same_size_is_not_played(tmp_path: Path) -> None:
    """Recorders write many files of one size: another recording at the path is told by its bytes, never played."""
    path = tmp_path / "night.wav"
    soundfile.write(path, np.zeros(1000), 8000)
    recording = read_recording(path)
    soundfile.write(path, np.full(1000, 0.5), 8000)
    with pytest.raises(NotFound, match="no longer holds the recording"):
        read_clip(recording, channel=None, t0_ms=0, t1_ms=50)


def test_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """A named pipe with an audio name would block for ever; it is refused like a folder."""
    pipe = tmp_path / "x.wav"
    os.mkfifo(pipe)
    with pytest.raises(AudioError, match="cannot be read: it is a folder, a pipe"):
        read_recording(pipe)


def test_sample_rate_of_no_recorder_is_refused(tmp_path: Path) -> None:
    """A header that claims 1 Hz would turn a second of sound into an hour of effort."""
    path = tmp_path / "x.wav"
    soundfile.write(path, np.zeros(4000), 1)
    with pytest.raises(AudioError, match="sample rate of 1 Hz"):
        read_recording(path)
