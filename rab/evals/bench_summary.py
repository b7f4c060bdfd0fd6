"""How long a monitoring summary takes in a library of any size, beside a plain scan of the same tables.

Such a library is a catalog alone, for a summary reads no vector: 20 sites that record ten minutes of every half hour,
segments of 3 s, 200 taxa as unequally common as species are, and a detection in about every second segment, as BirdNET
had over 1,310 segments of six sets of recordings (0.48 a segment). The rows are written straight into the tables: by
way of nouns a million of them would take ten minutes.

The scan reads every segment and every score once and adds up a column of each. No summary can be faster than reading
what it counts, so the ratio to the scan says how much is lost in counting, whatever the machine.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rab import __version__
from rab.catalog import Catalog
from rab.domain import EmbedderCard, RecorderNotes, SegmentFilter
from rab.domain.value import Value
from rab.evals.race import machine
from rab.evidence.summary_pack import Beside, SummaryPolicy, gather_summary
from rab.generation import write_summary

_PER_RECORDING = 200
_N_SITES = 20
_N_TAXA = 200
_N_SOUNDS = 6
_BEGIN_S = 1_746_057_600  # 2025-05-01
_DESCRIPTORS = '{"duration_ms":1174.572,"low_hz":752.8,"high_hz":2297.5,"peak_hz":1647.4,"centroid_hz":1498.3}'


class SummaryTiming(Value):
    """How long a summary took, and how long a scan: the median of some rounds, in s."""

    n_segments: int
    n_detections: int
    n_figures: int
    """Aggregates of the pack."""
    scan_s: float
    summary_s: float
    ratio: float
    """Summary over scan, the median of the rounds."""
    machine: str
    code_version: str


def bench_summary(
    sizes: Sequence[int], *, rounds: int = 3, compared: bool = False, seed: int = 20260101
) -> tuple[SummaryTiming, ...]:
    """Fill a catalog of each size and time summaries of all of it; with `compared`, of one site held to another."""
    return tuple(_timed(n_segments, rounds, compared=compared, seed=seed) for n_segments in sizes)


def _timed(n_segments: int, rounds: int, *, compared: bool, seed: int) -> SummaryTiming:
    with TemporaryDirectory(prefix="rab-bench-") as folder:
        path = Path(folder) / "catalog.sqlite"
        card = toy_card()
        n_detections = fill_catalog(path, card, n_segments, seed=seed)
        where, other = (
            (SegmentFilter(sites=("S00",)), SegmentFilter(sites=("S01",))) if compared else (SegmentFilter(), None)
        )
        scans, summaries, n_figures = [], [], 0
        with Catalog.open(f"sqlite:///{path}") as catalog:
            for _ in range(rounds):
                scans.append(_scan_s(path))
                started = time.perf_counter()
                beside = Beside(compared_to=other)
                pack = gather_summary(catalog, card, where=where, policy=SummaryPolicy(), beside=beside)
                write_summary(pack)
                summaries.append(time.perf_counter() - started)
                n_figures = len(pack.aggregates)
    return SummaryTiming(
        n_segments=n_segments,
        n_detections=n_detections,
        n_figures=n_figures,
        scan_s=float(np.median(scans)),
        summary_s=float(np.median(summaries)),
        ratio=float(np.median(np.array(summaries) / np.array(scans))),
        machine=machine(),
        code_version=__version__,
    )


def _scan_s(path: Path) -> float:
    """Return how long it takes to read every segment and every score once."""
    started = time.perf_counter()
    connection = sqlite3.connect(path)
    connection.execute("SELECT count(*), sum(snr_db), sum(length(descriptors)) FROM segments").fetchone()
    connection.execute("SELECT count(*), sum(raw_score) FROM taxon_scores").fetchone()
    connection.close()
    return time.perf_counter() - started


def toy_card() -> EmbedderCard:
    """Return the card of the model that filled the catalog, as it were."""
    return EmbedderCard(
        name="toy",
        version="1",
        task="birds",
        sample_rate_hz=48_000,
        window_ms=3000,
        hop_ms=3000,
        dim=8,
        n_classes=_N_TAXA,
        weights_sha256="0" * 64,
        preprocessing="none",
        licence="CC0-1.0",
        licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
        citation="none",
    )


def fill_catalog(path: Path, card: EmbedderCard, n_segments: int, *, seed: int) -> int:
    """Write a catalog with so many segments (whole recordings of 200); return how many detections it holds."""
    Catalog.open(f"sqlite:///{path}").close()
    rng = np.random.default_rng(seed)
    recordings = list(_recordings(n_segments // _PER_RECORDING))
    connection = sqlite3.connect(path)
    with connection:
        _insert(
            connection, "spaces", [{"pk": 1, "space": card.space, "model": card.key, "card": card.model_dump_json()}]
        )
        _insert(connection, "classes", _classes(card.key))
        _insert(connection, "recordings", recordings)
        _insert(connection, "model_runs", map(_run, recordings))
        _insert(connection, "segments", _segments(recordings, rng))
        _insert(connection, "taxon_scores", _scores(len(recordings) * _PER_RECORDING, rng))
    (n_detections,) = connection.execute("SELECT count(*) FROM taxon_scores WHERE above_threshold = 1").fetchone()
    connection.close()
    return int(n_detections)


_Row = dict[str, object]


def _insert(connection: sqlite3.Connection, table: str, rows: "Iterator[_Row] | map[_Row] | list[_Row]") -> None:
    every = iter(rows)
    first = next(every)
    names = ", ".join(first)
    statement = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(first))})"  # noqa: S608  names of ours
    connection.execute(statement, tuple(first.values()))
    connection.executemany(statement, (tuple(row.values()) for row in every))


def _classes(model: str) -> Iterator[_Row]:
    for number in range(_N_TAXA):
        group = "sound" if number >= _N_TAXA - _N_SOUNDS else "bird"
        name = "".join(chr(97 + int(digit)) for digit in f"{number:03}")
        names = {"scientific_name": f"Genus {name}", "common_name": f"Bird {name}", "taxon_group": group}
        yield {"pk": number + 1, "model": model} | names


def _recordings(n: int) -> Iterator[_Row]:
    for number in range(n):
        site, slot = number % _N_SITES, number // _N_SITES
        begins = datetime.fromtimestamp(_BEGIN_S + 1800 * slot, UTC)
        yield {
            "pk": number + 1,
            "id": hashlib.sha256(str(number).encode()).hexdigest(),
            "path": f"/field/{number}.wav",
            "n_bytes": 57_600_044,
            "container": "WAV",
            "sample_rate_hz": 48_000,
            "n_channels": 1,
            "n_frames": 28_800_000,
            "duration_ms": 600_000.0,
            "site": f"S{site:02}",
            "started_at_us": (_BEGIN_S + 1800 * slot) * 1_000_000,
            "zone": "UTC",
            "lat_deg": 47.0 + site / 50,
            "lon_deg": 8.0 + site / 50,
            "notes": RecorderNotes(started_at=begins, zone="UTC").model_dump_json(exclude_defaults=True),
        }


def _run(recording: _Row) -> _Row:
    return {
        "recording_pk": recording["pk"],
        "space_pk": 1,
        "policy": "p",
        "score_threshold": 0.3,
        "code_version": __version__,
        "committed_at_us": 1,
        "n_segments": _PER_RECORDING,
        "audio_ms": 600_000.0,
    }


def _segments(recordings: Sequence[_Row], rng: np.random.Generator) -> Iterator[_Row]:
    for number, recording in enumerate(recordings):
        begin_us = int(str(recording["started_at_us"]))
        snr_db = np.round(rng.normal(12, 8, _PER_RECORDING), 2).tolist()
        clipped = (0.02 * (rng.random(_PER_RECORDING) < 0.01)).tolist()
        for place in range(_PER_RECORDING):
            pk, at_us = number * _PER_RECORDING + place + 1, begin_us + 3_000_000 * place
            clock = datetime.fromtimestamp(at_us / 1e6, UTC)
            yield {
                "pk": pk,
                "id": hashlib.md5(str(pk).encode(), usedforsecurity=False).hexdigest(),
                "recording_pk": recording["pk"],
                "space_pk": 1,
                "t0_ms": 3000.0 * place,
                "t1_ms": 3000.0 * (place + 1),
                "heard_at_us": at_us,
                "local_hour": clock.hour,
                "local_date": clock.date().isoformat(),
                "snr_db": snr_db[place] if place % 20 else None,
                "clipped_fraction": clipped[place],
                "overlap_fraction": 0.1 * (place % 3),
                "rain": place % 17 == 0,
                "wind": place % 23 == 0,
                "silent": False,
                "descriptors": _DESCRIPTORS,
            }


def _scores(n_segments: int, rng: np.random.Generator) -> Iterator[_Row]:
    """Yield two scores of each segment; the commoner a taxon, the oftener it has one (rank to the power of −1)."""
    shares = 1 / np.arange(1, _N_TAXA + 1)
    upto = np.cumsum(shares / shares.sum())
    for first in range(1, n_segments + 1, 10_000):
        n = min(10_000, n_segments + 1 - first)
        class_pk = (np.searchsorted(upto, rng.random((n, 2))) + 1).tolist()
        raw_score = (-np.sort(-np.round(rng.beta(0.35, 1.6, (n, 2)), 4), axis=1)).tolist()
        for place in range(n):
            for position in range(1 if class_pk[place][0] == class_pk[place][1] else 2):
                score = raw_score[place][position]
                number = class_pk[place][position]
                yield {
                    "segment_pk": first + place,
                    "position": position,
                    "class_pk": number,
                    "logit": score,
                    "raw_score": score,
                    "in_range": None if number % 9 else number % 2 == 1,
                    "above_threshold": score >= 0.3,
                }
