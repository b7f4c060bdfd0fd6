"""Witnesses counted: how many neighbours a pack holds, not how many it says that it asked for.

Made calls stand at known similarities to made queries, so it is known which of them are due. Round most queries all
calls are equally near: nothing weighs too little, and a pack holds as many as its depth says. Nine calls of one
recording are nearer than all others, of which three may bear witness. Round one query five calls are near and the
others far: those are cut.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from rab.domain import EvidencePack, SegmentFilter, StoredSegment
from rab.evals.base import Instance, Score
from rab.evals.made_segments import Floats, made_card, made_recording, made_segment, shelve
from rab.workflows.questions import evidence
from rab.workflows.workspace import Workspace

MOST_PER_RECORDING = 3
"""Neighbours that one recording may give a pack."""
CLEAR, FAINT, UNMEASURED, LONELY = "clear", "faint", "unmeasured", "lonely"
_QUERIES: dict[str, float | None] = {CLEAR: 30.0, "middling": 12.0, FAINT: 3.0, UNMEASURED: None, LONELY: 12.0}
"""SNR of each query, dB."""
_ALIKE, _NEAREST, _FAR = 0.8, 0.82, 0.1
"""Cosines to the query."""
_N_ALIKE, _N_GREEDY, _N_NEAR, _N_FAR = 26, 9, 5, 20
_DIM = 256
_APART_MS = 120_000.0
_CALL_DB = 40.0
"""Clearer than every query, so that none counts less for being fainter."""


_ASKED = frozenset(made_recording(f"plain {number}").id for number in range(6))
"""Recordings that a narrowed question is asked of."""


class _Call(NamedTuple):
    recording: str
    cosine: float
    snr_db: float | None


@dataclass
class Witnesses:
    """A library that holds made queries and what is near them; packs are gathered when they are first asked for."""

    workspace: Workspace
    seed: int

    @cached_property
    def packs(self) -> dict[str, EvidencePack]:
        """The pack of each query."""
        queries = self._shelved()
        return {name: evidence(self.workspace, one.segment.id) for name, one in queries.items()}

    @cached_property
    def narrowed(self) -> dict[str, EvidencePack]:
        """The pack of each query but the lonely one, asked of six recordings alone."""
        where = SegmentFilter(recording_ids=tuple(sorted(_ASKED)))
        ids = {name: pack.query.call.segment_id for name, pack in self.packs.items() if pack.query and name != LONELY}
        return {name: evidence(self.workspace, one, where=where) for name, one in ids.items()}

    def _shelved(self) -> dict[str, StoredSegment]:
        card, random = made_card("made-witnesses", _DIM), np.random.default_rng(self.seed)
        basis = np.linalg.qr(random.standard_normal((_DIM, _DIM)))[0].astype(np.float32)
        asides = iter(basis[len(_QUERIES) :])
        queries: dict[str, StoredSegment] = {}
        stored: list[StoredSegment] = []
        vectors: list[Floats] = []
        for place, (name, snr_db) in enumerate(_QUERIES.items()):
            calls = [_Call(f"query {name}", 1.0, snr_db), *(_lonely() if name == LONELY else _crowd())]
            for step, call in enumerate(calls):
                t0_ms = _APART_MS * len(stored)
                stored.append(made_segment(made_recording(call.recording), card.key, t0_ms, call.snr_db))
                aside = np.zeros(_DIM, np.float32) if step == 0 else next(asides)
                vectors.append(call.cosine * basis[place] + np.sqrt(1 - call.cosine**2) * aside)
            queries[name] = stored[-len(calls)]
        shelve(self.workspace, card, stored, np.stack(vectors).astype(np.float32))
        return queries


def neighbour_count_error(witnesses: Witnesses) -> Score:
    """Compare how many neighbours packs hold with how many are due."""
    instances = []
    for name, pack in witnesses.packs.items():
        declared = 0 if pack.depth is None else pack.depth.k
        due, held = _N_NEAR if name == LONELY else declared, len(pack.neighbours)
        said = f"{held} neighbours where {due} were due (k = {declared})"
        instances.append(_instance(name, abs(held - due), said, pack))
    return _worst("neighbour_count_error", instances)


def per_recording_error(witnesses: Witnesses) -> Score:
    """Compare how many neighbours come of a recording with nine nearer calls than all others with what it may give."""
    instances = []
    for name, pack in witnesses.packs.items():
        if name == LONELY:
            continue
        of_one = max(Counter(one.call.recording_id for one in pack.neighbours).values(), default=0)
        said = f"{of_one} neighbours of one recording, which may give {MOST_PER_RECORDING}"
        instances.append(_instance(name, abs(of_one - MOST_PER_RECORDING), said, pack))
    return _worst("per_recording_error", instances)


def pack_filter_error(witnesses: Witnesses) -> Score:
    """Count the neighbours of packs under a filter that it does not let through, and those that are missing."""
    instances = []
    for name, pack in witnesses.narrowed.items():
        of = Counter(one.call.recording_id for one in pack.neighbours)
        stray, missing = sum(n for one, n in of.items() if one not in _ASKED), len(_ASKED - of.keys())
        said = f"{stray} neighbours that the filter leaves out, {missing} missing of {len(_ASKED)}"
        instances.append(_instance(name, stray + missing, said, pack))
    return _worst("pack_filter_error", instances)


def counted_growth(witnesses: Witnesses) -> tuple[int, int]:
    """Return how many neighbours the packs of the clear and of the faint query hold."""
    return len(witnesses.packs[CLEAR].neighbours), len(witnesses.packs[FAINT].neighbours)


def _crowd() -> list[_Call]:
    """Return calls that are equally near, each of a recording of its own, and nearer ones that are all of one."""
    greedy = [_Call("greedy", _NEAREST, _CALL_DB)] * _N_GREEDY
    return greedy + [_Call(f"plain {number}", _ALIKE, _CALL_DB) for number in range(_N_ALIKE)]


def _lonely() -> list[_Call]:
    """Return a few near calls and many far ones."""
    return [
        _Call(f"plain {number}", _ALIKE if number < _N_NEAR else _FAR, _CALL_DB) for number in range(_N_NEAR + _N_FAR)
    ]


def _instance(name: str, error: int, words: str, pack: EvidencePack) -> Instance:
    return Instance(name=f"{name} query", value=float(error), words=words, pack=pack.model_dump_json())


def _worst(case: str, instances: list[Instance]) -> Score:
    worst = sorted(instances, key=lambda one: -(one.value or 0))
    reason = f"{worst[0].name}: {worst[0].words}"
    return Score(case=case, value=worst[0].value, n=len(worst), reason=reason, instances=tuple(worst))
