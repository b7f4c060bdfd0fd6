"""How long writing and checking take: a text of 64 items, beside gathering the pack that it is about.

Gathering is the baseline, for nobody writes without. Packs are real ones of the recordings, filled up with neighbours
of other calls to 64 items, which is as many as a language model is ever shown.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from rab import __version__
from rab.domain import EvidencePack, SegmentFilter
from rab.domain.value import Value
from rab.evals.generation_packs import OpenLibrary, Trial, library_of
from rab.evals.generation_variants import MOST_ITEMS, full
from rab.evals.race import machine, settled_heap
from rab.evals.run import recordings_under
from rab.generation.checks.validate import validated
from rab.generation.needs.base import Grounds
from rab.generation.outputs import facts_of
from rab.generation.policy import DEFAULT_POLICY
from rab.generation.writer import SHAPES, by_template, selected
from rab.workflows.questions import evidence
from rab.workflows.workspace import Workspace

T = TypeVar("T")


class GenerationTiming(Value):
    """How long one step took over many packs, in ms, and its median as a ratio to gathering the pack."""

    name: str
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    ratio: float


class GenerationBench(Value):
    """The steps of writing about packs of 64 items."""

    n_packs: int
    n_items: int
    timings: tuple[GenerationTiming, ...]
    machine: str
    code_version: str


def bench_generation(
    open_library: OpenLibrary, paths: Sequence[Path], model: str, *, n_packs: int, seed: int = 20260101
) -> GenerationBench:
    """Time gathering, writing, and validating what a template and a greedy writer state, pack by pack."""
    with library_of(open_library, model, recordings_under(paths)) as workspace:
        ids = workspace.catalog.segment_ids(workspace.card(model).space, SegmentFilter())
        drawn = np.random.default_rng(seed)
        chosen = [ids[at] for at in drawn.integers(0, len(ids), n_packs)]
        evidence(workspace, chosen[0])  # the first one opens the collection
        gathered_ms, packs = zip(*(_timed(_gathering(workspace, one)) for one in chosen), strict=True)
    pool = [Trial("pack", "clean", one, "interpretation", "one") for one in packs]
    filled = [full(one, pool, drawn) for one in packs]
    grounds = [_read(one) for one in filled]
    by_template(grounds[0])  # templates are compiled once
    unread = [EvidencePack.model_validate_json(one.model_dump_json()) for one in filled]
    with settled_heap():
        steps = {
            "gathering the pack": list(gathered_ms),
            "writing, validated": [_timed(_writing(one))[0] for one in unread],
            "validating the template's draft": [_timed(_validation(one, greedy=False))[0] for one in grounds],
            "validating all facts": [_timed(_validation(one, greedy=True))[0] for one in grounds],
        }
    baseline = float(np.median(steps["gathering the pack"]))
    return GenerationBench(
        n_packs=n_packs,
        n_items=MOST_ITEMS,
        timings=tuple(_timing(name, taken_ms, baseline) for name, taken_ms in steps.items()),
        machine=machine(),
        code_version=__version__,
    )


def _gathering(workspace: Workspace, segment: str) -> Callable[[], EvidencePack]:
    return lambda: evidence(workspace, segment)


def _read(pack: EvidencePack) -> Grounds:
    return Grounds.of(pack, DEFAULT_POLICY, "interpretation")


def _writing(pack: EvidencePack) -> Callable[[], object]:
    return lambda: by_template(_read(pack))


def _validation(grounds: Grounds, *, greedy: bool) -> Callable[[], object]:
    found = facts_of(grounds)
    draft = [one.claim for one in found] if greedy else selected(found, SHAPES[grounds.output], DEFAULT_POLICY)
    return lambda: validated(draft, grounds, found)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = work()
    return 1000 * (time.perf_counter() - started), result


def _timing(name: str, taken_ms: Sequence[float], baseline_ms: float) -> GenerationTiming:
    return GenerationTiming(
        name=name,
        p50_ms=float(np.median(taken_ms)),
        p99_ms=float(np.percentile(taken_ms, 99)),
        slowest_ms=max(taken_ms),
        ratio=float(np.median(taken_ms)) / baseline_ms,
    )
