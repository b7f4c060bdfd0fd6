"""The chunk lists of WAV, RF64, W64 and AIFF files."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.audio.chunks import SOUND_IDS, chunks

Write = Callable[..., Path]


@pytest.mark.parametrize("name", ["a.wav", "a.extensible.wav", "a.rf64", "a.w64", "a.aiff"])
def test_the_sound_chunk_is_found_with_its_size(write: Write, name: str) -> None:
    """The chunk that holds the samples ends where the file does, in each layout."""
    path = write(name, np.zeros(1000, np.float32))
    with path.open("rb") as file:
        (sound,) = [chunk for chunk in chunks(file) if chunk.id in SOUND_IDS]
    assert path.stat().st_size == sound.offset + sound.n_bytes


def test_a_chunk_of_odd_length_is_padded() -> None:
    """The chunk after an odd one begins at the next even byte."""
    file = BytesIO(b"RIFF\0\0\0\0WAVE" + b"abcd\x03\0\0\0xyz\0" + b"efgh\x02\0\0\0uv")
    assert list(chunks(file)) == [(b"abcd", 20, 3), (b"efgh", 32, 2)]


def test_another_kind_of_file_has_no_chunks() -> None:
    """A FLAC file, or an empty one, has no chunk list."""
    assert list(chunks(BytesIO(b"fLaC" + bytes(100)))) + list(chunks(BytesIO())) == []


def test_zeros_after_an_unclosed_header_are_not_walked() -> None:
    """A gigabyte of silence behind a header that was never filled in is not mistaken for empty chunks."""
    file = BytesIO(b"RIFF\0\0\0\0WAVE" + b"data\0\0\0\0" + bytes(1000))
    assert list(chunks(file)) == [(b"data", 20, 0)]


@given(magic=st.sampled_from([b"RIFF", b"RF64", b"FORM", b"riff"]), content=st.binary(max_size=300))
def test_damaged_headers_end_the_walk(magic: bytes, content: bytes) -> None:
    """Whatever follows, the walk ends, and no chunk begins beyond the file."""
    file = BytesIO(magic + content)
    assert all(chunk.offset <= len(magic + content) for chunk in chunks(file))
