"""Calibration: what a raw score has been worth in this library, told from labels, and where that is not known.

A raw score of 0.8 is right nine times in ten for one species and twice in ten for another. Labels tell: of the segments
on which a species has a score and that somebody labelled, how many held it? A curve through those answers is a
calibration. It speaks for sounds like those that were labelled, within the scores that were labelled, and nowhere else.

What was learned is data: a slope and an intercept, or steps, with the figures that show how far it may be trusted on
recordings that it was not learned from. Where those do not suffice, `withheld` says why, and a score stays a raw score.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from typing import Literal, NamedTuple

from rab.domain.taxon import TaxonScore
from rab.domain.value import Db, Fraction, Ratio, Similarity, Value

CalibrationMethod = Literal["platt", "isotonic"]
"""A logistic curve on the logit of the raw score, or the best curve of steps that never falls."""

LabelsUsed = Literal["human", "imported", "all"]
"""Whose labels taught: people who listened in RAB, tables that came with recordings, or both. Never a model's."""

Withheld = Literal["no_labels", "few_labels", "inexact", "outside"]
"""Why no probability is given: no labels of the taxon, too few, a held-out error above the limit, or a score outside
those that were labelled."""

CalibrationSource = Literal["own", "pooled"]
"""From labels of the taxon alone, or from those of all taxa of the model, shifted towards the taxon's own."""

_LEAST = 5e-5
"""Raw scores are stored to four decimals, so logits are taken of no more than 1 − 0.00005."""


class ReliabilityBin(Value):
    """Held-out answers of about equal probability: what was foretold, and what was true."""

    n: int
    mean_probability: Fraction
    share_right: Fraction
    low: Fraction
    """Lower end of the 95 % interval of the share: recordings drawn again."""
    high: Fraction


class HeldOutFit(Value):
    """How well numbers from 0 to 1 told what was right, on recordings that taught nothing about them."""

    ece: Ratio
    """Expected calibration error over bins of equal mass."""
    ece_low: Ratio
    """Lower end of the 95 % interval: recordings drawn again."""
    ece_high: Ratio
    ece_if_perfect: Ratio
    """What a perfect calibration would show on average with so few answers."""
    brier: Ratio
    log_loss: Ratio
    bins: tuple[ReliabilityBin, ...]


class PrecisionThreshold(Value):
    """The smallest raw score from which a share of answers is right, with 95 % confidence."""

    precision: Fraction
    """The share that was asked for."""
    raw_score: Fraction
    low: Fraction
    """Lower 95 % confidence bound of the precision at this score."""
    share_right: Fraction
    n: int
    """Labelled segments that reach the score."""
    n_recordings: int
    n_effective: Ratio
    """What they count for, since errors of one recording resemble each other."""
    recall: Fraction
    """Share of the labelled segments of the taxon that reach the score."""
    held_out_precision: Fraction | None = None
    """Precision on recordings that had no part in choosing the score; None where none of them reached it."""


class CalibrationRef(Value):
    """Where a calibrated probability comes from: enough to find it again, and to weigh it."""

    version: int
    learned_on: date
    n: int
    """Labelled segments of the taxon."""
    n_positive: int
    n_recordings: int
    labels: LabelsUsed
    pooled_taxa: int | None = None
    """Taxa whose labels were pooled, its own included; None where its own sufficed."""
    pooled_n: int | None = None
    """Labelled segments of all those taxa."""
    site: str | None = None
    """The site whose labels alone taught; None for all."""
    low: Fraction
    """Lower end of the 95 % interval of the probability: recordings drawn again."""
    high: Fraction

    @property
    def n_behind(self) -> int:
        """Labelled segments that the curve rests on."""
        return self.n if self.pooled_n is None else self.pooled_n


class CalibratedProbability(NamedTuple):
    """A probability and its origin."""

    probability: float
    ref: CalibrationRef


class SpeciesCalibration(Value):
    """What the raw scores of one taxon by one model are worth."""

    model: str
    taxon: str
    """Scientific name."""
    site: str | None = None
    source: CalibrationSource = "own"
    labels: LabelsUsed
    learned_on: date
    version: int = 0
    """Version of the calibration run that it belongs to; 0 before it is kept."""
    n: int
    """Labelled segments on which the taxon has a score."""
    n_positive: int
    """Those that hold it."""
    n_recordings: int
    n_missed: int = 0
    """Segments labelled with the taxon on which the model gave it no score worth keeping."""
    raw_score_low: Fraction = 0.0
    """The least raw score that was labelled; below it nothing is known."""
    raw_score_high: Fraction = 1.0
    method: CalibrationMethod | None = None
    slope: float | None = None
    """Platt: probability = 1 / (1 + exp(−(slope · logit + intercept)))."""
    intercept: float | None = None
    steps: tuple[tuple[float, float], ...] = ()
    """Isotonic: (logit, probability) at the ends of its steps, rising; straight lines between them."""
    band: tuple[tuple[float, float, float], ...] = ()
    """(logit, low, high): 95 % interval of the curve from recordings drawn again; straight lines between them."""
    pooled_taxa: int | None = None
    pooled_n: int | None = None
    """Labelled segments of all pooled taxa."""
    before: HeldOutFit | None = None
    """The raw score itself, read as if it were a probability."""
    held_out: HeldOutFit | None = None
    """The calibrated probability, from folds of recordings that taught nothing about those they answer for."""
    withheld: Withheld | None = None
    thresholds: tuple[PrecisionThreshold, ...] = ()

    def probability(self, raw_score: float) -> CalibratedProbability | None:
        """Return the calibrated probability of a raw score; None where it is withheld, or the score was not covered."""
        if self.withheld is not None or not self.covers(raw_score):
            return None
        at = logit(raw_score)
        low, high = (self._shown(_between([(knot[0], knot[end]) for knot in self.band], at)) for end in (1, 2))
        probability = round(self.curve(raw_score), 4)
        ref = CalibrationRef(
            version=self.version,
            learned_on=self.learned_on,
            n=self.n,
            n_positive=self.n_positive,
            n_recordings=self.n_recordings,
            labels=self.labels,
            pooled_taxa=self.pooled_taxa,
            pooled_n=self.pooled_n,
            site=self.site,
            low=min(low, probability),
            high=max(high, probability),
        )
        return CalibratedProbability(probability, ref)

    def covers(self, raw_score: float) -> bool:
        """Return whether a raw score lies within those that were labelled."""
        return self.raw_score_low <= raw_score <= self.raw_score_high

    def curve(self, raw_score: float) -> float:
        """Return the curve at a raw score, wherever it lies. Raises `ValueError` where none was fitted.

        It is kept off 0 and 1 by 0.5 / (n + 1), the mean of Jeffreys' posterior when all of n labels agree: no finite
        number of labels shows that a taxon is never confused.
        """
        if self.slope is not None and self.intercept is not None:
            return self._shown(1 / (1 + math.exp(-(self.slope * logit(raw_score) + self.intercept))))
        if not self.steps:
            raise ValueError(f"no curve was fitted for {self.taxon}")
        return self._shown(_between(self.steps, logit(raw_score)))

    def _shown(self, probability: float) -> float:
        edge = 0.5 / (self.n + 1)
        return min(max(probability, edge), 1 - edge)

    def threshold(self, precision: float) -> PrecisionThreshold | None:
        """Return the threshold that was found for a precision; None where none was sought, or none reaches it."""
        return next((one for one in self.thresholds if one.precision == round(precision, 4)), None)


class NearThreshold(Value):
    """From which cosine a call counts as near one of a band of SNR: nine in ten known calls have a namesake there."""

    snr_low_db: Db | None
    """The band reaches from here, included; None: from silence."""
    snr_high_db: Db | None
    """To here, not included; None: without end."""
    similarity: Similarity
    n_calls: int
    n_recordings: int
    coverage: Fraction
    """Share of the held-out calls whose nearest namesake in another recording reaches the threshold."""
    coverage_low: Fraction
    coverage_high: Fraction
    foreign_share: Fraction
    """Share of the calls that some call of another name reaches as well: what the threshold lets through."""

    def holds(self, snr_db: float) -> bool:
        """Return whether an SNR lies in the band."""
        above = self.snr_low_db is None or snr_db >= self.snr_low_db
        return above and (self.snr_high_db is None or snr_db < self.snr_high_db)


class Calibrations(Value):
    """One run of calibration over the labels of one model's space."""

    model: str
    space: str
    labels: LabelsUsed
    learned_on: date
    version: int = 0
    in_use: bool = True
    least_raw_score: Fraction
    """Scores below this were left out: nothing is detected there."""
    n_labelled: int
    n_recordings: int
    species: tuple[SpeciesCalibration, ...] = ()
    """By taxon, then site; those that are withheld too, since they say why."""
    near: tuple[NearThreshold, ...] = ()
    near_miscoverage: Fraction | None = None
    """Share of known calls that may fall below their threshold; None where no thresholds were learned."""

    def find(self, taxon: str, site: str | None = None) -> SpeciesCalibration | None:
        """Return what is known of a taxon: of the site where that suffices, else of all sites."""
        own = [one for one in self.species if one.taxon == taxon]
        local = next((one for one in own if site is not None and one.site == site and one.withheld is None), None)
        return local or next((one for one in own if one.site is None), None)

    def probability(self, score: TaxonScore, site: str | None = None) -> CalibratedProbability | None:
        """Return the calibrated probability of a score at a site; None where the score is all that is known."""
        own = self.find(score.taxon.scientific_name, site) if score.model == self.model else None
        return None if own is None else own.probability(score.raw_score)

    def by_taxon(self, site: str | None = None) -> dict[str, SpeciesCalibration]:
        """Return what is known of every taxon, by scientific name: those without a probability may have thresholds."""
        return {one.taxon: found for one in self.species if (found := self.find(one.taxon, site)) is not None}

    def usable(self, site: str | None = None) -> dict[str, SpeciesCalibration]:
        """Return by taxon what gives probabilities."""
        return {taxon: one for taxon, one in self.by_taxon(site).items() if one.withheld is None}

    def near_similarity(self, snr_db: float | None) -> float | None:
        """Return the cosine from which a call counts as near; None where nothing was learned for such an SNR."""
        if snr_db is None:
            return None
        return next((one.similarity for one in self.near if one.holds(snr_db)), None)


def logit(raw_score: float) -> float:
    """Return the natural logarithm of the odds of a raw score, which is kept off 0 and 1 by half its last place."""
    inside = min(max(raw_score, _LEAST), 1 - _LEAST)
    return math.log(inside / (1 - inside))


def _between(knots: Sequence[tuple[float, float]], at: float) -> float:
    """Return the value at `at` on straight lines between knots, level outside them."""
    after = bisect_right([knot[0] for knot in knots], at)
    if after == 0:
        return knots[0][1]
    if after == len(knots):
        return knots[-1][1]
    (left, low), (right, high) = knots[after - 1], knots[after]
    return low + (high - low) * (at - left) / (right - left)
