"""Comparison: the figures of a summary beside those of another interval or another site, taxon by taxon."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from rab.catalog.heard import NEVER, columns_sha256
from rab.domain import SegmentFilter, Taxon
from rab.errors import InputError
from rab.evidence.summary.contrast import P_MAX, Contrast, ContrastPolicy, Days, contrasts
from rab.evidence.summary.rows import HOUR_US, Row, Survey, hour_decimals, of, of_taxon, over, row

Shared = Literal["dates", "sites", "nothing"]
"""What pairs the days of both sides: the same dates, or the same sites."""
_HERE, _THERE = "here", "there"


@dataclass(frozen=True, eq=False)
class _Paired:
    """The recorder-days of both sides that can be compared."""

    shared: Shared
    hours: tuple[int, ...]
    """Hours of the clock in which both listened."""
    taxa: tuple[Taxon, ...]
    days: Days


def previous(where: SegmentFilter) -> SegmentFilter:
    """Return the filter of the interval before, as long as its own. Raises `InputError` where it names no interval."""
    if where.heard_from is None or where.heard_before is None:
        raise InputError(
            "there is no interval before, since the filter names none",
            hint="write --where 'from=2025-05-08 before=2025-05-15', or name the other side in --compare-to",
        )
    length = where.heard_before - where.heard_from
    return where.model_copy(update={"heard_from": where.heard_from - length, "heard_before": where.heard_from})


def comparison_rows(ours: Survey, theirs: Survey, words: str, policy: ContrastPolicy) -> Iterator[Row]:
    """Yield what was compared, and of each taxon its rate on both sides with the test of their difference.

    Raises `InputError` where both sides hold the same recording time.
    """
    _refuse_overlap(ours, theirs)
    paired = _paired(ours, theirs)
    days = paired.days
    basis = (
        "recorder-days that share their date with one of the other side"
        if paired.shared == "dates"
        else "recorder-days at sites that both sides have"
    )
    basis += f", in hours of the clock in which both listened; the other side is: {words}"
    sha = columns_sha256(days.is_ours, days.stratum, days.effort_h, days.counts)
    yield row("compared_hours", len(paired.hours), "clock hours", basis, sha) | of(paired.shared, words)
    for side, mine in ((_HERE, days.is_ours), (_THERE, ~days.is_ours)):
        effort_h = float(days.effort_h[mine].sum())
        yield row("compared_days", int(mine.sum()), "recorder-days", basis, sha) | of(side, side)
        yield row("compared_effort", effort_h, "h", basis, sha, decimals=hour_decimals(effort_h)) | of(side, side)
    for side, survey in ((_HERE, ours), (_THERE, theirs)):
        whole = row(
            "side_effort", survey.hours, "h", "recording time of the side", survey.effort.rows_sha256, decimals=1
        )
        yield whole | of(side, side)
    n_sides = min(int(days.is_ours.sum()), int((~days.is_ours).sum()))
    on_days = (days.counts.sum(axis=2) > 0).sum(axis=1)
    tested = np.flatnonzero(on_days >= policy.min_taxon_days) if n_sides >= policy.min_days else np.zeros(0, np.intp)
    yield row("compared_min_days", policy.min_days, "recorder-days", "days that each side needs for a test", sha)
    if len(tested):
        chosen = Days(days.is_ours, days.stratum, days.effort_h, days.counts[tested])
        found = contrasts(chosen, policy)
        n_told = sum(one.p_corrected <= P_MAX for one in found)
        counted = f"taxa detected on {policy.min_taxon_days} or more of the recorder-days; {basis}"
        yield row("compared_taxa", len(tested), "taxa", counted, sha)
        yield row("compared_told", n_told, "taxa", f"{counted}; a difference with a corrected p ≤ {P_MAX:g}", sha)
        for number, contrast in sorted(zip(tested.tolist(), found, strict=True), key=lambda one: one[1].p_corrected):
            yield from _taxon(paired, number, contrast, policy, basis)


def _taxon(paired: _Paired, number: int, contrast: Contrast, policy: ContrastPolicy, basis: str) -> Iterator[Row]:
    days, group = paired.days, of_taxon(paired.taxa[number])
    own = days.counts[number].sum(axis=1)
    sha = columns_sha256(days.is_ours, days.stratum, own)
    rated = f"detections per hour of effort, as if both sides had listened at the same hours of the clock; {basis}"
    for side, mine, rate in (("", days.is_ours, contrast.rate), ("_other", ~days.is_ours, contrast.other_rate)):
        yield row(f"compared_rate{side}", rate, "segments/h", rated, sha, decimals=2) | group
        n_days = int((own[mine] > 0).sum())
        counted = row(f"compared_detection_days{side}", n_days, "recorder-days", f"with a detection; {basis}", sha)
        yield counted | group | over(int(mine.sum()), "recorder-days")
    how = f"95 % interval by drawing days again, {policy.n_bootstraps} times"
    yield row("rate_difference", contrast.difference, "segments/h", rated, sha, decimals=2) | group
    yield row("rate_difference_low", contrast.low, "segments/h", f"{how}; {rated}", sha, decimals=2) | group
    yield row("rate_difference_high", contrast.high, "segments/h", f"{how}; {rated}", sha, decimals=2) | group
    tested = f"days given anew to the sides within their {paired.shared}, corrected over the taxa after Holm; {rated}"
    yield row("difference_p", contrast.p_corrected, "", tested, sha, decimals=4) | group


def _refuse_overlap(ours: Survey, theirs: Survey) -> None:
    first, second = (_moments(one) for one in (ours, theirs))
    if first & second:
        raise InputError(
            f"both sides hold the same recording time, in {len({one[0] for one in first & second})} recordings",
            hint="a comparison needs two sides that share none: two sites, or two intervals",
        )


def _moments(survey: Survey) -> set[tuple[str, int]]:
    pieces, ids = survey.listened.pieces, survey.listened.ids
    return {(ids[one], start) for one, start in zip(pieces.recording.tolist(), pieces.start_us.tolist(), strict=True)}


@dataclass(frozen=True, eq=False)
class _Side:
    """The recorder-days of a side: (site, date) of each, effort [n, 24], and detections by taxon [n, 24]."""

    keys: list[tuple[str, int]]
    effort_h: npt.NDArray[np.float64]
    counts: dict[Taxon, npt.NDArray[np.float64]]


def _side(survey: Survey) -> _Side:
    pieces, heard = survey.listened.pieces, survey.heard
    names = [site or "" for site in survey.listened.sites]
    dated = np.flatnonzero(pieces.date != NEVER)
    of_piece = [
        (names[r], d) for r, d in zip(pieces.recording[dated].tolist(), pieces.date[dated].tolist(), strict=True)
    ]
    keys = sorted(set(of_piece))
    number = {key: n for n, key in enumerate(keys)}
    effort_h = np.zeros((len(keys), 24))
    at = np.array([number[key] for key in of_piece], dtype=np.int64)
    np.add.at(effort_h, (at, pieces.hour[dated]), pieces.length_us[dated] / HOUR_US)
    sites, dates = heard.recorder_days
    days = zip(sites.tolist(), dates.tolist(), strict=True)
    day_at = np.array([number.get((heard.sites[site] or "", date), -1) for site, date in days] or [-1], dtype=np.int64)
    counts = {}
    for taxon, rows in heard.of_taxon(heard.detected).items():
        first = heard.first_of_segment(rows)
        first = first[heard.recorder_day[first] >= 0]
        day = day_at[heard.recorder_day[first]]
        count = np.zeros((len(keys), 24))
        np.add.at(count, (day[day >= 0], heard.hour[first[day >= 0]]), 1.0)
        counts[heard.taxa[taxon]] = count
    return _Side(keys, effort_h, counts)


def _paired(ours: Survey, theirs: Survey) -> _Paired:
    sides = _side(ours), _side(theirs)
    both = (sides[0].effort_h.sum(axis=0) > 0) & (sides[1].effort_h.sum(axis=0) > 0)
    hours = np.flatnonzero(both)
    taxa = sorted(
        {taxon for side in sides for taxon in side.counts if taxon.group != "sound"},
        key=lambda one: one.scientific_name,
    )
    keys = [(number, site, date) for number, side in enumerate(sides) for site, date in side.keys]
    effort_h = np.concatenate([side.effort_h[:, hours] for side in sides])
    blank = [np.zeros((len(side.keys), 24)) for side in sides]
    counts = np.array(
        [
            np.concatenate([side.counts.get(taxon, none)[:, hours] for side, none in zip(sides, blank, strict=True)])
            for taxon in taxa
        ]
    ).reshape(len(taxa), len(keys), len(hours))
    listened = effort_h.sum(axis=1) > 0
    shared, kept, stratum = _strata(keys, listened)
    is_ours = np.array([number == 0 for number, _, _ in keys], dtype=bool)
    days = Days(is_ours[kept], stratum[kept], effort_h[kept], counts[:, kept])
    return _Paired(shared, tuple(hours.tolist()), tuple(taxa), days)


def _strata(
    keys: list[tuple[int, str, int]], listened: npt.NDArray[np.bool_]
) -> tuple[Shared, npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """Return by what the days are paired, which days are kept, and the stratum of every day."""
    best: tuple[Shared, npt.NDArray[np.intp], npt.NDArray[np.int64]] = (
        "nothing",
        np.zeros(0, np.intp),
        np.zeros(len(keys), np.int64),
    )
    choices: tuple[tuple[Shared, int], ...] = (("dates", 2), ("sites", 1))
    for shared, field in choices:
        values = [key[field] for key in keys]
        of_side = [
            {value for key, value, on in zip(keys, values, listened, strict=True) if on and key[0] == n} for n in (0, 1)
        ]
        common = {value: n for n, value in enumerate(sorted(of_side[0] & of_side[1], key=str)) if value != ""}
        stratum = np.array([common.get(value, -1) for value in values], dtype=np.int64)
        kept = np.flatnonzero((stratum >= 0) & listened)
        if len(kept) > len(best[1]):
            best = shared, kept, stratum
    return best
