"""Chunks: the labelled parts that WAV, RF64, W64 and AIFF files are made of.

libsndfile silently shortens a recording whose header promises more sound than the file holds, which is what a flat
battery or a broken copy leaves behind, and it does not hand out GUANO notes. Both stand in the chunk list, so RAB
reads that list itself: RIFF and AIFF with 32-bit sizes, RF64 with its `ds64` sizes (EBU Tech 3306), and Sony W64 with
16-byte ids and 64-bit sizes.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple


class Chunk(NamedTuple):
    """A part of a file: its four-letter id, where its content starts, and how many bytes its header promises."""

    id: bytes
    offset: int
    n_bytes: int


class _Layout(NamedTuple):
    head: struct.Struct
    first: int
    n_bytes_counted: int
    """How much of a chunk's own head its size includes."""
    alignment: int


_RIFF = _Layout(struct.Struct("<4sI"), first=12, n_bytes_counted=0, alignment=2)
_LAYOUTS = {
    b"RIFF": _RIFF,
    b"RF64": _RIFF,
    b"BW64": _RIFF,
    b"FORM": _Layout(struct.Struct(">4sI"), first=12, n_bytes_counted=0, alignment=2),
    b"riff": _Layout(struct.Struct("<16sQ"), first=40, n_bytes_counted=24, alignment=8),
}

SOUND_IDS = frozenset({b"data", b"SSND"})
"""Ids of the chunk that holds the samples."""

UNKNOWN_N_BYTES = 0xFFFFFFFF
"""The size that a writer leaves when it cannot go back to fill it in."""


def chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Go through the chunks of a file open at its start; a file of another kind has none.

    Sizes are those of the headers, however many bytes follow. The walk ends where no readable id stands.
    """
    layout = _LAYOUTS.get(file.read(4))
    offset = layout.first if layout else 0
    n_sound_bytes = UNKNOWN_N_BYTES
    while layout:
        file.seek(offset)
        head = file.read(layout.head.size)
        if len(head) < layout.head.size:
            return
        full_id, n_bytes = layout.head.unpack(head)
        chunk_id, n_bytes = full_id[:4], n_bytes - layout.n_bytes_counted
        if n_bytes < 0 or not all(0x20 <= byte < 0x7F for byte in chunk_id):
            return
        offset += layout.head.size
        if chunk_id == b"ds64":
            n_sound_bytes = int.from_bytes(file.read(16)[8:], "little")
        elif chunk_id == b"data" and n_bytes == UNKNOWN_N_BYTES:
            n_bytes = n_sound_bytes
        yield Chunk(chunk_id, offset, n_bytes)
        offset += n_bytes + -n_bytes % layout.alignment
