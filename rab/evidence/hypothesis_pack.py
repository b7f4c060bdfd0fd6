"""The Evidence Pack of hypothesis prompts: every contrast that passed its screen, with all that its questions rest on.

Each contrast is an entry; its figures are aggregates of the same group: both sides' values over units of observation,
how far they are apart with an interval, from where a difference counts, how many shuffles of the family show as much,
how many units speak against it, and what else differs between the sides. Calls stand for each side, to be heard. How
many contrasts were screened is told of every family, whether or not any passed: a hundred looks find something.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from rab.catalog.heard import columns_sha256
from rab.domain import (
    AggregateEntry,
    ContrastEntry,
    EmbedderCard,
    EvidencePack,
    ExemplarEntry,
    LibraryFacts,
    ModelCredit,
    NamedTaxon,
    SegmentFilter,
    StoredSegment,
    Taxon,
    content_id,
)
from rab.domain.evidence import FAMILIES, Family
from rab.evidence.calls import call_name, call_ref
from rab.evidence.hypotheses.contrast import (
    Contrast,
    Effect,
    Measured,
    Screen,
    Screened,
    ScreenPolicy,
    Subject,
    Whole,
    effect_of,
)
from rab.evidence.hypotheses.ground import Ground, Names
from rab.evidence.hypotheses.of_calls import (
    screen_hours,
    screen_noise,
    screen_novelty,
    screen_sequences,
    screen_sites,
)
from rab.evidence.hypotheses.of_names import screen_names, screen_onsets, screen_pairs, screen_recorders

__all__ = ["Ground", "Names", "ScreenPolicy", "gather_hypotheses"]

SCREENS: Mapping[Family, Callable[[Ground, Screen], None]] = {
    "site_contrast": screen_sites,
    "diel_shift": screen_hours,
    "sequence_change": screen_sequences,
    "noise_response": screen_noise,
    "seasonal_onset": screen_onsets,
    "novelty_hotspot": screen_novelty,
    "sensor_artefact": screen_recorders,
    "model_disagreement": screen_names,
    "co_occurrence": screen_pairs,
}
_N_EXEMPLARS = 2
"""Calls that stand for each side."""


class Voices(Protocol):
    """Where stored segments come from."""

    def segments(self, ids: Sequence[str]) -> Mapping[str, StoredSegment]:
        """Return those that exist, by id."""
        ...


class _Passed(NamedTuple):
    """A contrast that passed, with its effect and the rows of its exemplars: here, there, contrary."""

    screened: Screened
    effect: Effect
    rows: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Screening:
    """What came of a family: contrasts that were looked at, that passed, and those that are asked about."""

    n_screened: int
    n_passed: int
    asked: tuple[_Passed, ...]


def gather_hypotheses(
    voices: Voices,
    card: EmbedderCard,
    ground: Ground,
    *,
    where: SegmentFilter,
    library: LibraryFacts,
    families: Sequence[Family] = FAMILIES,
    notes: Sequence[str] = (),
) -> EvidencePack:
    """Screen the families, and seal what passed."""
    screenings = {family: screen(ground, family) for family in families}
    asked = [one for screening in screenings.values() for one in screening.asked]
    stored = voices.segments([ground.seen.id(row) for one in asked for rows in one.rows for row in rows])
    aggregates = [row for family, one in screenings.items() for row in _counts(family, one, ground.policy)]
    contrasts: list[ContrastEntry] = []
    exemplars: list[dict[str, Any]] = []
    for number, one in enumerate(asked, start=1):
        key = f"h{number}"
        calls = [[stored[ground.seen.id(row)] for row in rows] for rows in one.rows]
        contrasts.append(_entry(key, one, card, where))
        exemplars += _exemplars(key, calls, card)
        aggregates += _figures(key, one, calls, ground)
    return EvidencePack(
        kind="hypotheses",
        subject=where.words,
        library=library,
        models=(ModelCredit.of(card),),
        contrasts=tuple(contrasts),
        exemplars=tuple(ExemplarEntry(key=f"e{n}", **one) for n, one in enumerate(exemplars, start=1)),
        aggregates=tuple(AggregateEntry(key=f"a{n}", **one) for n, one in enumerate(aggregates, start=1)),
        notes=tuple(notes),
    )


def screen(ground: Ground, family: Family) -> Screening:
    """Look at all contrasts of a family, and return those worth a question: one of each subject, the clearest first."""
    policy, looked_at = ground.policy, Screen(ground.policy.n_shuffles)
    SCREENS[family](ground, looked_at)
    passed: list[_Passed] = []
    for one in looked_at.passed(policy):
        effect = effect_of(one.contrast, policy)
        if effect is not None and _is_large(one.contrast, effect, policy):
            rows = _chosen(one.contrast, effect, ground)
            if len({ground.seen.id(row) for part in rows for row in part}) >= _N_EXEMPLARS and rows[0]:
                passed.append(_Passed(one, effect, rows))
    first: dict[tuple[object, ...], _Passed] = {}
    for found in passed:
        first.setdefault(_about(found.screened.contrast.subject), found)
    return Screening(len(looked_at.found), len(passed), tuple(first.values())[: policy.max_prompts])


def _about(subject: Subject) -> tuple[object, ...]:
    names = (subject.cluster_id, subject.other_cluster_id, subject.taxon, subject.other_taxon)
    return names if any(names) else (subject.site, subject.date)


def _is_large(contrast: Contrast, effect: Effect, policy: ScreenPolicy) -> bool:
    gap = effect.here - effect.there
    if contrast.direction is not None and (gap > 0) != (contrast.direction == "more"):
        return False
    sure = effect.low > 0 if gap > 0 else effect.high < 0
    enough = min(effect.n_here, effect.n_there) >= policy.min_units
    return sure and enough and abs(gap) >= _least(contrast.measured, effect, policy)


def _least(measured: Measured, effect: Effect, policy: ScreenPolicy) -> float:
    return max(measured.floor, policy.min_spread * effect.spread)


def _chosen(contrast: Contrast, effect: Effect, ground: Ground) -> tuple[tuple[int, ...], ...]:
    """Return rows that stand for both sides, from the units nearest to their side's mean; then a contrary one."""
    more = effect.here > effect.there
    here = np.flatnonzero(contrast.here & effect.used)
    there = np.flatnonzero(~contrast.here & effect.used)
    contrary = here[_is_contrary(contrast, effect, here)]
    nearest = _by_distance(contrast, here, effect.here)
    other = _by_distance(contrast, there, effect.there)
    extreme = contrary[np.argsort(contrast.values[contrary] if more else -contrast.values[contrary], kind="stable")]
    ours = _loudest(contrast, nearest, ground, shows=True, n=_N_EXEMPLARS)
    theirs = _loudest(contrast, other, ground, shows=False, n=_N_EXEMPLARS)
    against = _loudest(contrast, extreme, ground, shows=False, n=1)
    if contrast.family == "co_occurrence" and more:
        ours = ours[:1] + _loudest(contrast, nearest, ground, shows=False, n=1)
    return ours, theirs, tuple(one for one in against if one not in ours)


def _by_distance(contrast: Contrast, units: Whole, value: float) -> Whole:
    return units[np.argsort(np.abs(contrast.values[units] - value), kind="stable")]


def _is_contrary(contrast: Contrast, effect: Effect, units: Whole) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Return which units of the first group are on the other's side of the other group's mean."""
    values = contrast.values[units]
    return np.asarray(values <= effect.there if effect.here > effect.there else values >= effect.there)


def _loudest(contrast: Contrast, units: Whole, ground: Ground, *, shows: bool, n: int) -> tuple[int, ...]:
    """Return the row with the highest SNR in each of the first units that has any; those that show it, or do not.

    Where no row of these units is of the wanted sort, the others are taken.
    """
    calls = contrast.calls
    wanted = calls.shows == shows
    of_units = np.isin(calls.unit, units)
    if not (wanted & of_units).any():
        wanted = ~wanted
    found: list[int] = []
    for unit in units.tolist():
        rows = calls.rows[wanted & (calls.unit == unit)]
        if len(rows):
            found.append(int(rows[np.argmax(np.nan_to_num(ground.seen.snr_db[rows], nan=-np.inf))]))
        if len(found) == n:
            break
    return tuple(dict.fromkeys(found))


def _counts(family: Family, one: Screening, policy: ScreenPolicy) -> Iterator[dict[str, Any]]:
    basis = (
        f"contrasts with {policy.min_units} units or more on each side; one passes when no more than"
        f" {100 * policy.share_max:g}% of {policy.n_shuffles} shuffles show as much in any of them, its interval leaves"
        " out zero, and the difference is large enough"
    )
    sha = content_id(f"{family}\t{one.n_screened}\t{one.n_passed}".encode())
    yield _figure("contrasts_passed", family, one.n_passed, "contrasts", 0, basis, sha) | _over(
        one.n_screened, "contrasts"
    )


def _entry(key: str, one: _Passed, card: EmbedderCard, where: SegmentFilter) -> ContrastEntry:
    contrast, subject = one.screened.contrast, one.screened.contrast.subject
    own = subject.where if where.is_empty else SegmentFilter(**subject.where.conditions, any_of=((where,),))
    name, *arguments = subject.command
    words = ["rab", *name.split(), *arguments, "--model", card.key, "--where", own.words]
    return ContrastEntry(
        key=key,
        family=contrast.family,
        direction="more" if one.effect.here > one.effect.there else "less",
        measure=contrast.measured.name,
        unit=contrast.noun,
        cluster_id=subject.cluster_id,
        other_cluster_id=subject.other_cluster_id,
        taxon=_named(subject.taxon),
        other_taxon=_named(subject.other_taxon),
        site=subject.site,
        local_hours=subject.hours,
        date=subject.date,
        figure=subject.figure,
        beside=contrast.beside.measured.name,
        named_by=subject.by,
        where=own,
        command=shlex.join(words),
    )


def _named(taxon: Taxon | None) -> NamedTaxon | None:
    if taxon is None:
        return None
    return NamedTaxon(scientific_name=taxon.scientific_name, common_name=taxon.common_name)


def _exemplars(key: str, calls: Sequence[Sequence[StoredSegment]], card: EmbedderCard) -> Iterator[dict[str, Any]]:
    for group, some in zip(("here", "there", "contrary"), calls, strict=True):
        for call in some:
            yield {
                "contrast": key,
                "group": group,
                "call": call_ref(call),
                "quality": call.quality,
                "name": call_name(call, card.score_threshold),
                "cluster_id": call.cluster_id,
            }


def _figures(
    key: str, one: _Passed, calls: Sequence[Sequence[StoredSegment]], ground: Ground
) -> Iterator[dict[str, Any]]:
    contrast, effect, policy = one.screened.contrast, one.effect, ground.policy
    measured, noun, sign = contrast.measured, contrast.noun, 1.0 if effect.here > effect.there else -1.0
    here, there = contrast.here & effect.used, ~contrast.here & effect.used
    shas = [_fingerprint(contrast, side, ground) for side in (here, there, effect.used)]
    heard = [tuple(map(call_ref, some)) for some in calls]
    unit, decimals, basis = measured.unit, measured.decimals, measured.basis
    for name, value, n, sha, some in (
        ("contrast_here", effect.here, effect.n_here, shas[0], heard[0]),
        ("contrast_there", effect.there, effect.n_there, shas[1], heard[1]),
    ):
        yield _figure(name, key, value, unit, decimals, basis, sha) | _over(n, noun) | {"exemplars": some}
    basis = f"interval of 95%: {policy.n_resamples} bootstrap resamples of {noun}"
    if unit == "%":
        unit, basis = "points", f"difference in percentage points; {basis}"
    low, high = sorted((sign * effect.low, sign * effect.high))
    gap = sign * (effect.here - effect.there)
    for name, value in (("contrast_gap", gap), ("contrast_gap_low", low), ("contrast_gap_high", high)):
        yield _figure(name, key, value, unit, decimals, basis, shas[2])
    basis = f"the greater of {measured.floor:g} and {policy.min_spread:g} standard deviations of {noun}"
    yield _figure("contrast_least", key, _least(measured, effect, policy), unit, decimals, basis, shas[2])
    basis = f"shuffles of {noun} between the groups: those in which any contrast of the family shows as much"
    n_shuffles = _over(one.screened.n_shuffles, "shuffles")
    yield _figure("contrast_shuffles", key, one.screened.n_as_large, "shuffles", 0, basis, shas[2]) | n_shuffles
    basis = f"{noun} of the first group on the other's side of the other's value"
    n_contrary = int(np.count_nonzero(_is_contrary(contrast, effect, np.flatnonzero(here))))
    contrary = _figure("contrast_contrary", key, n_contrary, noun, 0, basis, shas[0])
    yield contrary | _over(effect.n_here, noun) | {"exemplars": heard[2]}
    yield from _beside(key, contrast, here, there, shas)


def _beside(key: str, contrast: Contrast, here: Any, there: Any, shas: Sequence[str]) -> Iterator[dict[str, Any]]:
    measured, values = contrast.beside
    for name, side, sha in (("beside_here", here, shas[0]), ("beside_there", there, shas[1])):
        known = values[side & ~np.isnan(values)]
        if len(known):
            yield _figure(name, key, float(known.mean()), measured.unit, measured.decimals, measured.basis, sha)


def _fingerprint(contrast: Contrast, side: Any, ground: Ground) -> str:
    rows = np.unique(contrast.calls.rows[side[contrast.calls.unit]])
    return columns_sha256(contrast.values[side].astype("<f8"), ground.seen.segment_ids[rows])


def _figure(name: str, group: str, value: float, unit: str, decimals: int, basis: str, sha: str) -> dict[str, Any]:
    return {
        "name": name,
        "group": group,
        "value": round(float(value), 9),
        "unit": unit,
        "decimals": decimals,
        "basis": basis,
        "rows_sha256": sha,
    }


def _over(n: int, noun: str) -> dict[str, Any]:
    return {"denominator": n, "denominator_unit": noun}
