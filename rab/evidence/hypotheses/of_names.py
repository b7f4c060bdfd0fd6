"""Screens of what calls are called, and when: onset, co-occurrence, disagreement, and changes of recorders."""

from itertools import combinations
from math import lgamma, log

import numpy as np

from rab.domain import SegmentFilter, Taxon
from rab.evidence.hypotheses.contrast import (
    Beside,
    Calls,
    Contrast,
    Floats,
    Mask,
    Measured,
    Screen,
    Shuffles,
    Subject,
    Whole,
    always,
    compare,
    grouped_mean,
)
from rab.evidence.hypotheses.ground import NOISE, Ground, Names

_MIN_ONSET_DAYS = 7
"""Recorder-days without a detection before the first one: less than a week is weather."""
_MIN_DETECTION_DAYS = 3
_MIN_RECORDINGS = 10
"""Recordings in which a taxon must be detected to be paired with others."""

DAYS = Measured("detection_days_share", "%", 0, 10.0, "share of recorder-days with a detection")
DETECTIONS = Measured(
    "detections_per_hour", "segments/h", 1, 0.0, "segments with a detection per hour of sound, mean over recorder-days"
)
DISAGREEING = Measured(
    "disagreeing_share",
    "%",
    0,
    10.0,
    "share of segments that bear both names in which the names differ, mean over recordings",
)
TOGETHER = Measured(
    "together_share",
    "%",
    0,
    10.0,
    "share of recordings with the second taxon, the other group's weighted by site and block of the day",
)
EFFORT = Measured("effort_h_per_day", "h", 2, 0.0, "hours of sound per recorder-day, as a mean")
SNR = Measured(
    "snr_db", "dB", 1, 0.0, "median SNR of a recording's segments that bear both names, as a mean over recordings"
)
SAME = Measured(
    "same_segment_share", "%", 0, 0.0, "share of recordings with both names in which one segment bears both"
)


def screen_onsets(ground: Ground, screen: Screen) -> None:
    """Look for taxa that were first detected after many recorder-days without a detection at a site."""
    heard, rows = ground.heard, ground.heard.detected
    seen_rows = ground.heard_row[rows]
    is_animal = ~heard.is_sound[heard.taxon[rows]] & (seen_rows >= 0)
    rows, seen_rows = rows[is_animal], seen_rows[is_animal]
    unit, taxa = ground.unit[seen_rows], heard.taxon[rows]
    for site, units in ground.days_of_sites.items():
        shuffles = Shuffles.within(np.zeros(len(units), np.int64), ground.policy, seed=100 + site)
        at_site = np.isin(unit, units)
        for taxon in np.unique(taxa[at_site]).tolist():
            own = at_site & (taxa == taxon)
            has = np.isin(units, unit[own])
            n_before, n_days = int(np.argmax(has)), int(has.sum())
            if n_days < _MIN_DETECTION_DAYS:
                continue
            table = np.array([_surprise(n, n_days, len(units)) for n in range(len(units) - n_days + 1)])
            table[:_MIN_ONSET_DAYS] = 0.0
            name = heard.taxa[taxon]
            where = SegmentFilter(sites=(ground.sites[site],), taxa=(name.scientific_name,))
            date = str(np.datetime64(int(ground.unit_date[units[n_before]]), "D"))
            subject = Subject(taxon=name, site=ground.sites[site], date=date, where=where, command=("detections",))
            contrast = Contrast(
                "seasonal_onset",
                subject,
                DAYS,
                "recorder-days",
                np.where(has, 100.0, 0.0),
                np.zeros(len(units), np.int64),
                Beside(EFFORT, ground.effort_h[units]),
                Calls.on(units, seen_rows[own], unit[own]),
                here=np.arange(len(units)) >= n_before,
                direction="more",
            )
            screen.add(contrast, table[np.argmax(has[shuffles.index], axis=1)])


def _surprise(n_before: int, n_days: int, n_all: int) -> float:
    """Return −log10 of how often the first `n_before` of `n_all` shuffled days hold none of `n_days` detection days."""

    def chosen(n: int, k: int) -> float:
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    return (chosen(n_all, n_days) - chosen(n_all - n_before, n_days)) / log(10)


def screen_recorders(ground: Ground, screen: Screen) -> None:
    """Compare detections per hour before and after each change of a site's recorder."""
    rows = np.flatnonzero(ground.best_taxon >= 0)
    n_of = np.bincount(ground.unit[rows], minlength=ground.n_units)
    looked_at: set[tuple[int, str]] = set()
    for site, figure, change in ground.changes():
        if (site, change.date) in looked_at:
            continue
        looked_at.add((site, change.date))
        units, name = ground.days_of_sites[site], ground.sites[site]
        day = int(np.datetime64(change.date, "D").astype(np.int64))
        where = SegmentFilter(sites=(name,))
        subject = Subject(site=name, date=change.date, figure=figure, where=where, command=("drift",))
        base = Contrast(
            "sensor_artefact",
            subject,
            DETECTIONS,
            "recorder-days",
            n_of[units] / ground.effort_h[units],
            np.zeros(len(units), np.int64),
            Beside(NOISE, ground.noise[units]),
            Calls.on(units, rows, ground.unit[rows]),
        )
        shuffles = Shuffles.within(base.strata, ground.policy, seed=200 + site)
        is_after = (ground.unit_date[units] >= day).astype(np.int64)
        compare(screen, base, shuffles.labels(is_after, np.arange(len(units))), always(subject), ground.policy, [1])


def screen_names(ground: Ground, screen: Screen) -> None:
    """Look for clusters in which the classifier and others differ more often on names than in all other clusters."""
    for number, names in enumerate(ground.names):
        _screen_names(ground, screen, names, seed=300 + number)


def _screen_names(ground: Ground, screen: Screen, names: Names, seed: int) -> None:
    seen, taxa = ground.seen, ground.heard.taxa
    best = ground.best_taxon[names.rows]
    both = (best >= 0) & (seen.cluster[names.rows] >= 0)
    rows, best = names.rows[both], best[both]
    given = [name for name, kept in zip(names.names, both.tolist(), strict=True) if kept]
    if not len(rows):
        return
    differs = np.array([not _alike(taxa[one], name) for one, name in zip(best.tolist(), given, strict=True)])
    n = len(seen.recording_ids)
    key = seen.cluster[rows] * n + seen.recording[rows]
    keys, values = grouped_mean(key, 100.0 * differs)
    snr = grouped_mean(key, np.nan_to_num(seen.snr_db[rows]))[1]

    def within(cluster: int) -> Subject:
        own = np.flatnonzero((seen.cluster[rows] == cluster) & differs)
        said = sorted((taxa[best[one]].scientific_name, given[one], int(best[one])) for one in own.tolist())
        first = max(said, key=said.count) if said else None
        name = seen.clusters[cluster]
        known = SegmentFilter(cluster_ids=(name,))
        if first is None:
            return Subject(cluster_id=name, by=names.by, where=known)
        other = Taxon(scientific_name=first[1], common_name=_common(taxa, first[1]))
        return Subject(cluster_id=name, taxon=taxa[first[2]], other_taxon=other, by=names.by, where=known)

    strata = np.zeros(len(keys), np.int64)
    calls = Calls.on(keys, rows, key, differs)
    base = Contrast(
        "model_disagreement", Subject(), DISAGREEING, "recordings", values, strata, Beside(SNR, snr), calls,
        direction="more",
    )  # fmt: skip
    shuffled = Shuffles.within(strata, ground.policy, seed).labels(keys // n, np.arange(len(keys)))
    compare(screen, base, shuffled, within, ground.policy)


def _alike(taxon: Taxon, name: str) -> bool:
    return name.casefold() in (taxon.scientific_name.casefold(), taxon.common_name.casefold())


def _common(taxa: tuple[Taxon, ...], name: str) -> str:
    return next((one.common_name for one in taxa if one.scientific_name == name), name)


def screen_pairs(ground: Ground, screen: Screen) -> None:
    """Look for taxa that share more, or fewer, recordings than their recordings of one site and block of the day do."""
    heard, rows = ground.heard, ground.heard.detected
    seen_rows = ground.heard_row[rows]
    placed = ground.placed_recordings
    n, place = len(placed), np.full(len(ground.seen.recording_ids) + 1, -1)
    place[placed] = np.arange(n)
    recording = place[np.where(seen_rows >= 0, ground.seen.recording[seen_rows], -1)] if n else np.full(len(rows), -1)
    kept = (recording >= 0) & ~heard.is_sound[heard.taxon[rows]]
    rows, seen_rows, recording = rows[kept], seen_rows[kept], recording[kept]
    taxa = heard.taxon[rows]
    kinds, n_in = np.unique(np.unique(taxa * n + recording) // n if n else taxa, return_counts=True)
    enough = kinds[(n_in >= _MIN_RECORDINGS) & (n - n_in >= _MIN_RECORDINGS)]
    frequent = sorted(enough.tolist(), key=lambda one: -n_in[kinds == one][0])[: ground.policy.max_taxa]
    if len(frequent) < 2:
        return
    has = {one: np.bincount(recording[taxa == one], minlength=n) > 0 for one in frequent}
    strata, every = ground.recording_strata[placed], np.arange(n)
    shuffles = Shuffles.within(strata, ground.policy, seed=400)
    shuffled = {one: shuffles.labels(has[one].astype(np.int64), every) for one in frequent}
    for first, second in combinations(frequent, 2):
        pair = heard.taxa[first], heard.taxa[second]
        where = SegmentFilter(taxa=tuple(one.scientific_name for one in pair))
        subject = Subject(taxon=pair[0], other_taxon=pair[1], where=where, command=("detections",))
        own = (taxa == first) | (taxa == second)
        calls = Calls(seen_rows[own], recording[own], taxa[own] == second)
        base = Contrast(
            "co_occurrence", subject, TOGETHER, "recordings", np.where(has[second], 100.0, 0.0), strata,
            Beside(SAME, _same(seen_rows, recording, taxa == first, taxa == second, has[first] & has[second])), calls,
        )  # fmt: skip
        compare(screen, base, shuffled[first], always(subject), ground.policy, levels=[1])


def _same(rows: Whole, recording: Whole, is_first: Mask, is_second: Mask, both: Mask) -> Floats:
    """Return for recordings with both taxa 100 where one segment bears both, else 0; NaN for other recordings."""
    shared = np.intersect1d(rows[is_first], rows[is_second])
    found = np.where(both, 0.0, np.nan)
    found[np.unique(recording[np.isin(rows, shared)])] = 100.0
    return np.where(both, found, np.nan)
