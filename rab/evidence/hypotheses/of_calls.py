"""Screens of what calls are like: by site, by hour, by what follows them, by noise, by novelty."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from rab.catalog.heard import NO_HOUR
from rab.domain import SegmentFilter
from rab.domain.descriptors import MEASURES
from rab.domain.evidence import Family
from rab.evidence.hypotheses.contrast import (
    Beside,
    Calls,
    Contrast,
    Floats,
    Mask,
    Measured,
    Screen,
    ScreenPolicy,
    Shuffles,
    Subject,
    Whole,
    always,
    compare,
    grouped_mean,
    grouped_median,
)
from rab.evidence.hypotheses.ground import N_BLOCKS, NO_SITE, NOISE, Ground, block_hours, spread_out
from rab.retrieval.sequences import SequencePolicy, Sequences, links, steps

_MIN_CALLS = 20
"""Calls of a cluster below which it is not looked at."""
_MIN_DAY_CALLS = 3
"""Calls of a cluster in a recorder-day from which their times say anything."""
_MIN_LINKS = 10
"""Times that a transition must occur to be looked at."""


def _shape(name: str) -> Measured:
    measure = MEASURES[name]
    basis = f"{measure.words} of a unit's calls, as their median, and the mean of that over units"
    return Measured(name, measure.unit, measure.decimals, 2 * measure.resolution, basis)


SHAPES = tuple(map(_shape, ("peak_hz", "duration_ms")))
RATE = Measured(
    "calls_per_hour", "calls/h", 2, 0.0, "calls of the cluster per hour of sound of a unit, mean over units"
)
BLOCK_SHARE = Measured(
    "block_share",
    "%",
    0,
    10.0,
    f"share of a recorder-day's calls in these hours, mean over days of {_MIN_DAY_CALLS} or more",
)
FOLLOWED = Measured("followed_share", "%", 0, 10.0, "share of a unit's calls that the other follows, mean over units")
NOVEL = Measured("novel_share", "%", 1, 5.0, "share of the novel among a unit's segments, mean over units")
SNR = Measured("snr_db", "dB", 1, 0.0, "median SNR of a unit's calls, as a mean over units")
BUSY = Measured("calls_per_unit", "calls", 1, 0.0, "segments in any cluster, mean over units")


def screen_sites(ground: Ground, screen: Screen) -> None:
    """Compare peak frequency, duration and rate of each cluster's calls at each site with all other sites."""
    sites = _Sites(ground, seed=1)
    shapes = {one.name: _medians(ground, getattr(ground.seen, one.name)) for one in SHAPES}
    listened = sites.units[ground.effort_h[sites.units] > 0]
    for cluster, rows in clusters_of(ground):
        unit = ground.unit[rows]
        found = [(one, *shapes[one.name].get(cluster, _NOTHING)) for one in SHAPES]
        n_calls = np.bincount(unit, minlength=ground.n_units)[listened]
        found.append((RATE, listened, n_calls / ground.effort_h[listened]))
        for measured, units, values in found:
            kept = sites.place[units] >= 0
            sites.compare(screen, "site_contrast", cluster, measured, units[kept], values[kept], rows)


def screen_hours(ground: Ground, screen: Screen) -> None:
    """Compare the times of day of each cluster's calls at each site with those at all other sites."""
    sites = _Sites(ground, seed=2)
    for cluster, every in clusters_of(ground):
        rows = every[ground.block[every] >= 0]
        unit = ground.unit[rows]
        n_calls = np.bincount(unit, minlength=ground.n_units)
        units = np.flatnonzero((n_calls >= _MIN_DAY_CALLS) & (sites.place >= 0))
        for block in range(N_BLOCKS):
            shows = ground.block[rows] == block
            values = 100 * np.bincount(unit[shows], minlength=ground.n_units)[units] / n_calls[units]
            sites.compare(screen, "diel_shift", cluster, BLOCK_SHARE, units, values, rows, shows, block_hours(block))


class _Sites:
    """Units whose site is known, with their sites shuffled: what clusters are compared by."""

    def __init__(self, ground: Ground, seed: int) -> None:
        self.ground = ground
        self.units = np.flatnonzero(ground.unit_site != NO_SITE)
        self.place = np.full(ground.n_units, -1)
        self.place[self.units] = np.arange(len(self.units))
        self.shuffles = Shuffles.within(np.zeros(len(self.units), np.int64), ground.policy, seed)

    def compare(
        self,
        screen: Screen,
        family: Family,
        cluster: int,
        measured: Measured,
        units: Whole,
        values: Floats,
        rows: Whole,
        shows: Mask | None = None,
        hours: tuple[int, ...] = (),
    ) -> None:
        """Hold a cluster's value at each site against that at all others."""
        ground, name = self.ground, self.ground.seen.clusters[cluster]

        def at(site: int) -> Subject:
            where = SegmentFilter(cluster_ids=(name,))
            return Subject(cluster_id=name, site=ground.sites[site], hours=hours, where=where)

        calls = Calls.on(units, rows, ground.unit[rows], shows)
        strata, beside = np.zeros(len(units), np.int64), ground.beside(measured, units)
        base = Contrast(family, Subject(), measured, ground.noun(units), values, strata, beside, calls)
        shuffled = self.shuffles.labels(ground.unit_site[self.units], self.place[units])
        compare(screen, base, shuffled, at, ground.policy)


def screen_sequences(ground: Ground, screen: Screen) -> None:
    """Compare how often one cluster follows another at each site with others, and in each block of the day."""
    walked = _Walk.of(ground)
    for seed, (condition, labels_of) in enumerate((("site", ground.site), ("hours", ground.block)), start=3):
        label, stratum = labels_of[walked.rows], ground.site[walked.rows]
        if condition == "site":
            stratum = np.zeros(len(label), np.int64)
        known = (label >= 0) & (walked.symbol >= 0) & (ground.site[walked.rows] != NO_SITE)
        key = ground.unit[walked.rows] * N_BLOCKS + (0 if condition == "site" else np.maximum(label, 0))
        keys, first = np.unique(key[known], return_index=True)
        labels, strata = label[known][first], stratum[known][first]
        shuffles = Shuffles.within(strata, ground.policy, seed)
        busy = np.bincount(np.searchsorted(keys, key[known]), minlength=len(keys)).astype(np.float64)
        for one, then in walked.frequent(ground.policy):
            own = known & (walked.symbol == one)
            shows = walked.then[own] == then
            own_keys, values = grouped_mean(key[own], 100.0 * shows)
            units = np.searchsorted(keys, own_keys)
            noun = ground.noun(own_keys // N_BLOCKS) if condition == "site" else "day-parts"
            base = Contrast(
                "sequence_change",
                Subject(),
                FOLLOWED,
                noun,
                values,
                strata[units],
                Beside(BUSY._replace(unit=f"calls per {noun[:-1]}"), busy[units]),
                Calls.on(own_keys, walked.rows[own], key[own], shows),
            )
            compare(
                screen, base, shuffles.labels(labels, units), _following(ground, one, then, condition), ground.policy
            )


def _following(ground: Ground, one: int, then: int, condition: str) -> Callable[[int], Subject]:
    names = ground.seen.clusters[one], ground.seen.clusters[then]

    def under(level: int) -> Subject:
        site = ground.sites[level] if condition == "site" else None
        hours = block_hours(level) if condition == "hours" else ()
        where = SegmentFilter(sites=() if site is None else (site,), local_hours=hours)
        command = ("sequences transitions", "--after", names[0])
        return Subject(*names, site=site, hours=hours, where=where, command=command)

    return under


class _Walk(NamedTuple):
    """Steps in the order of time [n]: the row of each, its cluster, and the cluster that follows it, −1 for none."""

    rows: Whole
    symbol: Whole
    then: Whole

    @classmethod
    def of(cls, ground: Ground) -> "_Walk":
        seen = ground.seen
        changes = (np.diff(seen.recording, prepend=-1) != 0) | (np.diff(seen.channel, prepend=-2) != 0)
        sequences = Sequences(
            segment_ids=range(len(seen)),  # type: ignore[arg-type]  # rows stand for ids: they are only passed on
            recording_ids=seen.recording_ids,
            alphabet=seen.clusters,
            groups=(),
            recording=seen.recording,
            voice=np.cumsum(changes),
            channel=seen.channel,
            t0_ms=seen.t0_ms,
            t1_ms=seen.t1_ms,
            symbol=seen.cluster,
            group=np.full(len(seen), -1),
            broken=np.zeros(len(seen), dtype=bool),
        )
        policy = SequencePolicy(max_gap_ms=ground.policy.max_gap_ms, fold_repeats=ground.folds_repeats)
        walked = steps(sequences, policy)
        if not len(walked):
            return cls(*(np.zeros(0, np.int64),) * 3)
        linked = np.append(links(walked, policy.max_gap_ms), False)
        then = np.where(linked, np.append(walked.symbol[1:], -1), -1)
        return cls(np.array(walked.segment_ids, dtype=np.int64), walked.symbol, then)

    def frequent(self, policy: ScreenPolicy) -> list[tuple[int, int]]:
        """Return the transitions between two clusters that occur often enough, the most frequent first."""
        moved = (self.then >= 0) & (self.then != self.symbol)
        pairs, counts = np.unique(np.stack([self.symbol[moved], self.then[moved]]), axis=1, return_counts=True)
        order = [one for one in np.argsort(-counts, kind="stable").tolist() if counts[one] >= _MIN_LINKS]
        return [(int(pairs[0, one]), int(pairs[1, one])) for one in order[: policy.max_pairs]]


def screen_noise(ground: Ground, screen: Screen) -> None:
    """Compare peak frequency and duration of each cluster's calls in louder recordings with those in quieter ones.

    Louder: the noise floor lies above the median of the recordings of the same site and block of the day.
    """
    noise, seen, n = ground.recording_noise, ground.seen, len(ground.seen.recording_ids)
    master = ground.placed_recordings[~np.isnan(noise[ground.placed_recordings])]
    if not len(master):
        return
    strata = ground.recording_strata
    kinds, medians = grouped_median(strata[master], noise[master])
    is_loud = (noise > spread_out(kinds, medians, n)[strata]).astype(np.int64)
    place = np.full(n, -1)
    place[master] = np.arange(len(master))
    shuffles = Shuffles.within(strata[master], ground.policy, seed=5)
    shapes = {one.name: _medians(ground, getattr(seen, one.name), by_recording=True) for one in SHAPES}
    snrs = _medians(ground, seen.snr_db, by_recording=True)
    for cluster, rows in clusters_of(ground):
        name = seen.clusters[cluster]
        subject = Subject(cluster_id=name, where=SegmentFilter(cluster_ids=(name,)))
        snr = spread_out(*snrs.get(cluster, _NOTHING), n)
        for measured in SHAPES:
            units, values = shapes[measured.name].get(cluster, _NOTHING)
            kept = place[units] >= 0
            units, values = units[kept], values[kept]
            calls = Calls.on(units, rows, seen.recording[rows])
            beside = Beside(SNR, snr[units])
            base = Contrast("noise_response", subject, measured, "recordings", values, strata[units], beside, calls)
            shuffled = shuffles.labels(is_loud[master], place[units])
            compare(screen, base, shuffled, always(subject), ground.policy, levels=[1])


def screen_novelty(ground: Ground, screen: Screen) -> None:
    """Look for an hour of the day at a site with more novel segments than all other hours and sites."""
    seen = ground.seen
    known = np.flatnonzero((seen.hour != NO_HOUR) & (ground.site != NO_SITE) & ~np.isnan(seen.novelty))
    shows = seen.novelty[known] >= ground.policy.novel_at
    key = ground.unit[known] * 24 + seen.hour[known]
    keys, values = grouped_mean(key, np.where(shows, 100.0, 0.0))
    labels = ground.unit_site[keys // 24] * 24 + keys % 24
    strata = np.zeros(len(keys), np.int64)

    def in_cell(cell: int) -> Subject:
        site, hours = ground.sites[cell // 24], (int(cell % 24),)
        where = SegmentFilter(sites=(site,), local_hours=hours)
        return Subject(site=site, hours=hours, where=where, command=("novelty",))

    calls = Calls.on(keys, known, key, shows)
    beside = Beside(NOISE, ground.noise[keys // 24])
    base = Contrast(
        "novelty_hotspot", Subject(), NOVEL, "recorder-hours", values, strata, beside, calls, direction="more"
    )
    shuffled = Shuffles.within(strata, ground.policy, seed=6).labels(labels, np.arange(len(keys)))
    compare(screen, base, shuffled, in_cell, ground.policy)


_NOTHING = (np.zeros(0, np.int64), np.zeros(0))


def _medians(ground: Ground, values: Floats, *, by_recording: bool = False) -> dict[int, tuple[Whole, Floats]]:
    """Return by cluster the units, or the recordings, with its calls, and the median of a column in each."""
    unit = ground.seen.recording if by_recording else ground.unit
    n = int(unit.max(initial=0)) + 1
    own = ground.seen.cluster >= 0
    keys, medians = grouped_median(ground.seen.cluster[own] * n + unit[own], values[own])
    clusters, starts = np.unique(keys // n, return_index=True)
    parts = zip(np.split(keys % n, starts[1:]), np.split(medians, starts[1:]), strict=True)
    return dict(zip(clusters.tolist(), parts, strict=True)) if len(keys) else {}


def clusters_of(ground: Ground) -> Iterator[tuple[int, Whole]]:
    """Yield clusters with calls enough, and their rows."""
    order = np.argsort(ground.seen.cluster, kind="stable")
    kinds, starts = np.unique(ground.seen.cluster[order], return_index=True)
    if not len(kinds):
        return
    for cluster, rows in zip(kinds.tolist(), np.split(order, starts[1:]), strict=True):
        if cluster >= 0 and len(rows) >= _MIN_CALLS:
            yield cluster, rows
