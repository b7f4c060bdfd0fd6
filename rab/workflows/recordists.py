"""Recordists: whose recordings a labelled collection holds, so that nobody stands on both sides of a proof.

Recordings of one person share a place, a device and often an animal. A table that names an author for each row tells
them apart; a library of one's own has sites for that. A table of few authors names annotators rather than recordists,
and recordings are taken for independent there.
"""

from collections import defaultdict
from collections.abc import Iterable

from rab.domain import Label

_MIN_RECORDISTS = 5
"""Authors of a collection from which they are taken for recordists: as many groups as folds need."""


def recordists(labelled: Iterable[tuple[str, Label]]) -> dict[str, str]:
    """Return recording id → its recordist, from (recording id, label); others are left out."""
    author_of: dict[str, dict[str, str]] = defaultdict(dict)
    for recording_id, label in labelled:
        if label.source == "imported" and label.provenance:
            author_of[label.provenance.partition(":")[0]][recording_id] = label.author
    return {
        recording_id: f"{collection}/{author}"
        for collection, authors in author_of.items()
        if len(set(authors.values())) >= _MIN_RECORDISTS
        for recording_id, author in authors.items()
    }
