"""Made-up field seasons: recorders, days and calls as columns, with one planted effect or with none.

Days differ from each other by themselves (in pitch, in how much is heard and in noise), as days do, so that calls of a
day are no independent observations. In every season the recorder at North Wood gets louder on the eleventh day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np

from rab.catalog.effort import Listened
from rab.catalog.heard import Heard
from rab.catalog.observed import Observed
from rab.domain import Descriptors, Recording, StoredSegment, Taxon
from rab.domain.evidence import Family
from rab.evidence.hypothesis_pack import Ground, Names, ScreenPolicy
from tests.conftest import Make

MAKE = Make()
SITES = ("Marsh", "Ridge", "North Wood", "Quarry")
HOURS = (1, 6, 13, 20)
FIRST = datetime(2025, 5, 1, tzinfo=UTC)
TAXA = ("Apus apus", "Cuculus canorus", "Parus major", "Turdus merula")
N_SEGMENTS = 6
CHANGE_DAY = 10


@dataclass(frozen=True, eq=False)
class Field:
    """A season: its ground, and the calls to be heard."""

    ground: Ground
    recordings: Sequence[Recording]

    def segments(self, ids: Sequence[str]) -> Mapping[str, StoredSegment]:
        """Return stored segments by id."""
        seen = self.ground.seen
        return {one: self._segment(one, seen.row_of[one]) for one in ids}

    def _segment(self, segment_id: str, row: int) -> StoredSegment:
        seen = self.ground.seen
        made = MAKE.segment(
            self.recordings[int(seen.recording[row])],
            row % N_SEGMENTS,
            quality=MAKE.quality(float(seen.snr_db[row]), noise_floor_dbfs=float(seen.noise_floor_dbfs[row])),
        )
        assert segment_id == made.segment.id
        shape = Descriptors(peak_hz=float(seen.peak_hz[row]), duration_ms=float(seen.duration_ms[row]))
        return made.model_copy(
            update={"descriptors": shape, "cluster_id": seen.clusters[int(seen.cluster[row])] or None}
        )


def season(seed: int, effect: Family | None = None, *, n_days: int = 20, policy: ScreenPolicy | None = None) -> Field:
    """Return a season of four recorders, four recordings a day; `effect` is planted."""
    random = np.random.default_rng(seed)
    recordings, site, day, hour = [], [], [], []
    for place, name in enumerate(SITES):
        for number in range(n_days):
            for at in HOURS:
                start = FIRST + timedelta(days=number, hours=at)
                recordings.append(MAKE.recording(f"{name}-{number}-{at}", site=name, started_at=start))
                site.append(place)
                day.append(number)
                hour.append(at)
    of_recording = {"site": np.array(site), "day": np.array(day), "hour": np.array(hour)}
    return Field(_ground(random, effect, recordings, of_recording, policy or ScreenPolicy()), recordings)


def _ground(
    random: np.random.Generator,
    effect: Family | None,
    recordings: Sequence[Recording],
    of: Mapping[str, np.ndarray[Any, Any]],
    policy: ScreenPolicy,
) -> Ground:
    n = len(recordings)
    recording = np.repeat(np.arange(n), N_SEGMENTS)
    site, day, hour = (of[name][recording] for name in ("site", "day", "hour"))
    recorder_day = site * 1000 + day
    daily = {one: random.normal(size=3) for one in np.unique(recorder_day).tolist()}
    pitch, mood, weather = np.array([daily[one] for one in recorder_day.tolist()]).T
    m = len(recording)
    cluster = random.integers(0, 3, m)
    if effect == "diel_shift":
        cluster = np.where((site == 0) & (hour == 6), 1, np.where((site == 0) & (cluster == 1), 0, cluster))
    if effect == "sequence_change":
        after = np.flatnonzero((site == 0) & (cluster == 1) & (np.arange(m) % N_SEGMENTS < N_SEGMENTS - 1))
        cluster[after + 1] = 2
    noise = -60 + 1.5 * weather + random.normal(0, 1.5, n)[recording] + 8 * ((site == 2) & (day >= CHANGE_DAY))
    peak = 3000 + 1000.0 * cluster + 60 * pitch + random.normal(0, 80, m)
    if effect == "site_contrast":
        peak = peak + 400.0 * ((site == 0) & (cluster == 0))
    if effect == "noise_response":
        peak = peak + 150 * (noise + 60) * (cluster == 2)
    share = np.clip(0.05 + 0.02 * weather, 0, 1)
    if effect == "novelty_hotspot":
        share = np.where((site == 1) & (hour == 6), 0.5, share)
    novelty = np.where(random.random(m) < share, 0.97, 0.9 * random.random(m))
    begins_ms = (3000 * (np.arange(m) % N_SEGMENTS)).astype(np.float64)
    seen = Observed(
        segment_ids=np.array(
            [MAKE.segment(recordings[one], row % N_SEGMENTS).segment.id for row, one in enumerate(recording.tolist())],
            dtype="S32",
        ),
        recording=recording,
        channel=np.full(m, -1),
        t0_ms=begins_ms,
        t1_ms=begins_ms + 3000,
        date=20_209 + day,
        hour=hour,
        cluster=cluster,
        novelty=novelty,
        snr_db=random.normal(12, 3, m),
        noise_floor_dbfs=noise,
        clipped_fraction=np.zeros(m),
        peak_hz=peak,
        duration_ms=np.abs(random.normal(900, 100, m)),
        recording_ids=tuple(one.id for one in recordings),
        sites=tuple(one.site for one in recordings),
        clusters=("c1", "c2", "c3"),
    )
    heard, named = _heard(random, effect, seen, site, day, mood, of)
    return Ground(seen, heard, _listened(recordings), policy, (named,))


def _heard(
    random: np.random.Generator,
    effect: Family | None,
    seen: Observed,
    site: Any,
    day: Any,
    mood: Any,
    of: Mapping[str, np.ndarray[Any, Any]],
) -> tuple[Heard, Names]:
    m, n = len(seen), len(seen.recording_ids)
    p = np.clip(0.25 + 0.05 * mood, 0, 1)
    swift = 0.01 * np.ones(m)
    if effect == "seasonal_onset":
        swift = np.where((site == 0) & (day >= CHANGE_DAY), 0.2, 0.0) * np.ones(m)
    bears = {0: random.random(m) < swift}
    cuckoo = random.random(n) < 0.4
    tit = cuckoo ^ (random.random(n) < 0.15) if effect == "co_occurrence" else random.random(n) < 0.4
    for number, holds in ((1, cuckoo), (2, tit)):
        bears[number] = holds[seen.recording] & (random.random(m) < 0.5)
    bears[3] = random.random(m) < p
    if effect == "sensor_artefact":
        deaf = (site == 2) & (day >= CHANGE_DAY) & (random.random(m) < 0.7)
        bears = {one: holds & ~deaf for one, holds in bears.items()}
    every, named = (np.concatenate(one) for one in zip(*(_rows(bears[one], one) for one in range(4)), strict=True))
    order = np.lexsort((named, seen.segment_ids[every]))
    segment, taxon = every[order], named[order]
    k = len(segment)
    heard = Heard(
        segment_ids=seen.segment_ids[segment],
        recording=seen.recording[segment],
        site=site[segment],
        place=np.zeros(k, np.int64),
        date=seen.date[segment],
        hour=seen.hour[segment],
        heard_at_us=np.zeros(k, np.int64),
        snr_db=seen.snr_db[segment],
        taxon=taxon,
        raw_score=np.full(k, 0.8),
        out_of_range=np.zeros(k, bool),
        unchecked=np.zeros(k, bool),
        taxa=tuple(Taxon(scientific_name=one, common_name=f"Common {one}", group="bird") for one in TAXA),
        sites=SITES,
        places=(None,),
        recording_ids=seen.recording_ids,
    )
    best = np.full(m, -1)
    best[segment[::-1]] = taxon[::-1]
    rows = np.flatnonzero((best >= 0) & (random.random(m) < 0.5))
    wrong = random.random(len(rows)) < np.where(
        (seen.cluster[rows] == 1) if effect == "model_disagreement" else np.zeros(len(rows), bool), 0.8, 0.1
    )
    names = tuple("Upupa epops" if bad else TAXA[best[row]] for row, bad in zip(rows.tolist(), wrong, strict=True))
    return heard, Names("labels", rows, names)


def _rows(holds: Any, taxon: int) -> tuple[Any, Any]:
    rows = np.flatnonzero(holds)
    return rows, np.full(len(rows), taxon)


def _listened(recordings: Sequence[Recording]) -> Listened:
    counted = []
    for one in recordings:
        start = one.notes.started_at
        assert start is not None
        date = start.date().isoformat()
        piece = SimpleNamespace(start_us=0, length_us=60_000_000, local_hour=start.hour, local_date=date)
        counted.append((SimpleNamespace(id=one.id, site=one.site, lat_deg=None, lon_deg=None), [piece]))
    return Listened(counted)  # type: ignore[arg-type]  # rows of a database, by their names
