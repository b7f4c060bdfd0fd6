"""A kept run as one HTML page: a score opens to its instances, and an instance to its sound and its Evidence Pack.

The page asks nobody for anything and runs no script. Sound takes most of its bytes: of each score the worst three
instances are played, at most 24 kHz and five seconds, and of one run no more than forty, so that a page stays below
10 MB. What is left out stands in the JSON lines with file and time.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rab.audio import clip_wav, read_clip, read_recording, resampled
from rab.domain import Recording, Waveform
from rab.errors import RabError
from rab.evals.base import Case, Instance, Score, Verdict
from rab.evals.kept import KeptRun
from rab.reports import render_page

N_INSTANCES = 30
N_CLIPS = 3
_MAX_CLIPS = 40
_CLIP_RATE_HZ = 24_000
_MAX_CLIP_MS = 5000.0
_HEARD_HZ = 48_000
"""Sound sampled faster is left as it is: its calls are above hearing."""


class Shown(NamedTuple):
    """An instance as the page shows it; `clip` is a WAV file."""

    name: str
    figure: str
    words: str
    where: str
    clip: bytes | None
    pack: str | None


class Row(NamedTuple):
    """A score as the page shows it."""

    name: str
    asks: str
    passed: bool
    figure: str
    words: str
    reason: str
    evidence: tuple[str, ...]
    instances: tuple[Shown, ...]
    n_more: int


class Table(NamedTuple):
    """What scores rest on: the words beside a table, and its rows, the head first."""

    words: str
    rows: list[list[str]]


def render_run(kept: KeptRun) -> str:
    """Return a kept run as one HTML page. Recordings that are no longer where they were cannot be played."""
    rows = tuple(_rows(kept))
    failed = [row for row in rows if not row.passed]
    unscored = kept.run.n_unscored
    context: dict[str, Any] = {
        "suite": kept.suite,
        "verdict": f"{len(failed)} of {len(rows)} failed" if failed else "passed",
        "n_passed": f"{len(rows) - len(failed)}",
        "n_failed": f"{len(failed)}",
        "n_unscored": f"{unscored}",
        "notes": kept.notes,
        "rows": rows,
        "tables": [_table(table) for table in kept.run.tables],
        "provenance": tuple(_provenance(kept)),
    }
    return render_page("rab.evals", "run.html.j2", context)


def figure(score: Score) -> str:
    """Return a score's value with its interval and count, in words."""
    if score.value is None:
        return "not scored"
    interval = "" if score.low is None or score.high is None else f" [{score.low:.4g}, {score.high:.4g}]"
    return f"{score.value:.4g}{interval}, n = {score.n}"


def _rows(kept: KeptRun) -> Iterator[Row]:
    scores = {score.case: score for score in kept.run.scores}
    verdicts = {verdict.case: verdict for verdict in kept.verdicts}
    player = _Player()
    for case in kept.suite.cases:
        score = scores.get(case.name)
        yield _row(case, score, verdicts.get(case.name), player)


def _row(case: Case, score: Score | None, verdict: Verdict | None, player: "_Player") -> Row:
    instances = () if score is None else score.instances
    return Row(
        name=case.name,
        asks=case.asks,
        passed=verdict is not None and verdict.passed,
        figure="not scored" if score is None else figure(score),
        words="not judged" if verdict is None else verdict.words,
        reason="" if score is None else score.reason,
        evidence=() if score is None or instances else score.evidence,
        instances=tuple(_shown(one, player.clip(one) if i < N_CLIPS else None) for i, one in enumerate(instances))[
            :N_INSTANCES
        ],
        n_more=max(0, len(instances) - N_INSTANCES),
    )


def _shown(instance: Instance, clip: bytes | None) -> Shown:
    return Shown(
        name=instance.name,
        figure="" if instance.value is None else f"{instance.value:.4g}",
        words=instance.words,
        where=_where(instance),
        clip=clip,
        pack=instance.pack,
    )


def _where(instance: Instance) -> str:
    if instance.recording is None:
        return ""
    name = Path(instance.recording).name
    if instance.t0_ms is None or instance.t1_ms is None:
        return name
    return f"{name}, {instance.t0_ms / 1000:.3f} to {instance.t1_ms / 1000:.3f} s"


class _Player:
    """Cuts clips until the page has enough of them; one place in a recording is cut once."""

    def __init__(self) -> None:
        self._cut: dict[tuple[str, float, float], bytes | None] = {}

    def clip(self, instance: Instance) -> bytes | None:
        """Return an instance's sound as a WAV file; None where there is none, or no room for more."""
        if instance.recording is None or instance.t0_ms is None or instance.t1_ms is None:
            return None
        t1_ms = min(instance.t1_ms, instance.t0_ms + _MAX_CLIP_MS)
        place = instance.recording, instance.t0_ms, t1_ms
        if place not in self._cut and len(self._cut) < _MAX_CLIPS:
            self._cut[place] = _clip(*place)
        return self._cut.get(place)


def _clip(path: str, t0_ms: float, t1_ms: float) -> bytes | None:
    try:
        recording = _recording(path)
        return clip_wav(_lighter(read_clip(recording, channel=None, t0_ms=t0_ms, t1_ms=t1_ms)))
    except (RabError, OSError):  # the page stays readable where a recording has moved
        return None


@lru_cache(maxsize=64)
def _recording(path: str) -> Recording:
    return read_recording(Path(path))


def _lighter(sound: Waveform) -> Waveform:
    if not _CLIP_RATE_HZ < sound.sample_rate_hz <= _HEARD_HZ:
        return Waveform(sound.samples.copy(), sound.sample_rate_hz, sound.t0_ms)
    blocks: Sequence[Waveform] = list(resampled([sound], _CLIP_RATE_HZ, "soxr"))
    return Waveform(np.concatenate([block.samples for block in blocks]), _CLIP_RATE_HZ, sound.t0_ms)


def _table(text: str) -> Table:
    """Return the cells of a Markdown table, its head first, and the words around it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    words = " ".join(line for line in lines if not line.startswith("|"))
    return Table(words, [row for row in rows if not all(set(cell) <= set("-: ") for cell in row)])


def _provenance(kept: KeptRun) -> Iterator[tuple[str, str]]:
    run = kept.run
    facts = (
        ("model", run.model),
        ("weights sha256", run.weights_sha256),
        ("RAB", run.code_version),
        ("recordings sha256", run.data_sha256),
        ("labels sha256", run.labels_sha256),
        ("prompts sha256", run.prompts_sha256),
        ("machine", run.machine),
        ("seed", f"{run.seed}"),
        ("started", None if run.started_at is None else f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("took", None if run.duration_s is None else f"{run.duration_s:.1f} s"),
    )
    return ((name, value) for name, value in facts if value is not None)
