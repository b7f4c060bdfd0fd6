"""Precision: the condition of a filter that a calibration turns into raw scores.

`taxon="Turdus merula" precision>=0.9` asks for segments whose raw score reaches the threshold from which nine answers
in ten are right. That score is another for every model, taxon and version of the calibration, so it is looked up when
the question is asked, and the filter that stores answer and packs seal has it in the precision's place. Within one site
what that site's labels taught goes before all others, also where it says that no score reaches the precision there:
elsewhere they may be right, and here wrong.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from pydantic import ValidationError

from rab.domain import SegmentFilter
from rab.domain.calibration import Calibrations, PrecisionThreshold, SpeciesCalibration
from rab.domain.filter.spelling import quoted, shown_number
from rab.errors import InputError
from rab.workflows.calibrating import calibrations_in_use
from rab.workflows.workspace import Workspace


def with_raw_scores(workspace: Workspace, where: SegmentFilter, model: str) -> tuple[SegmentFilter, tuple[str, ...]]:
    """Return a filter with raw scores for the precisions that it asks for, and a sentence on each of them.

    Several taxa become alternatives, each with its own score; a bound on the raw score beside them holds too. Raises
    `InputError` that names taxon and precision where no threshold is known, `NotFound` when `model` never filled the
    library.
    """
    if not where.asks_precision:
        return where, ()
    reading = _Reading(model, calibrations_in_use(workspace, workspace.card(model)))
    try:
        found = reading.of(where, within=())
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(
            f"the filter {where.words!r} cannot be used once each precision is a raw score: {why}",
            hint="; ".join((*reading.notes, "ask for fewer taxa or alternatives at a time, or for a higher score<=")),
        ) from error
    return found, tuple(reading.notes)


@dataclass(frozen=True)
class _Reading:
    """A filter being read with a calibration; notes keep their order, and each is said once."""

    model: str
    calibrations: Calibrations | None
    notes: dict[str, None] = field(default_factory=dict)

    def of(self, where: SegmentFilter, within: tuple[str, ...]) -> SegmentFilter:
        """Return a filter that stands within some sites, without precisions; () are all sites."""
        sites = tuple(one for one in where.sites if one in within) if where.sites and within else where.sites or within
        fields = {
            **dict(where),
            "precision_min": None,
            "any_of": tuple(tuple(self.of(one, sites) for one in group) for group in where.any_of),
            "exclude": tuple(self.of(one, sites) for one in where.exclude),
        }
        if where.precision_min is None:
            return SegmentFilter(**fields)
        taxa_from: dict[float, list[str]] = defaultdict(list)
        for taxon in where.taxa:
            threshold = self._threshold(taxon, where.precision_min, sites[0] if len(sites) == 1 else None)
            taxa_from[max(threshold, where.raw_score_min or 0.0)].append(taxon)
        each = tuple(
            SegmentFilter(taxa=tuple(taxa), raw_score_min=low, raw_score_max=where.raw_score_max)
            for low, taxa in taxa_from.items()
        )
        if len(each) == 1:
            return SegmentFilter(**{**fields, "raw_score_min": each[0].raw_score_min})
        alone = {**fields, "taxa": (), "raw_score_min": None, "raw_score_max": None}
        return SegmentFilter(**{**alone, "any_of": (*alone["any_of"], each)})

    def _threshold(self, taxon: str, precision: float, site: str | None) -> float:
        """Return the raw score from which a taxon's answers are right as often as is asked, and note its origin."""
        learned = None if self.calibrations is None else self.calibrations.find(taxon, site)
        threshold = None if learned is None else learned.threshold(precision)
        if learned is None or threshold is None:
            raise self._unknown(taxon, precision, learned)
        self.notes[_note(threshold, learned)] = None
        return threshold.raw_score

    def _unknown(self, taxon: str, precision: float, learned: SpeciesCalibration | None) -> InputError:
        asked = _words(taxon, precision)
        command = f"`rab calibrate --precision {shown_number(precision)} --model {self.model}`"
        if self.calibrations is None:
            return InputError(
                f"{asked} cannot be answered: no calibration of {self.model} is in use",
                hint=f"label segments of it and run {command}, or ask for raw scores with score>=",
            )
        version = f"calibration v{self.calibrations.version} of {self.model}"
        if learned is None:
            return InputError(
                f"{asked} cannot be answered: no label of the taxon took part in {version}",
                hint=f"label segments of it and run {command}, or ask for raw scores with score>=",
            )
        others = ", ".join(shown_number(one.precision) for one in learned.thresholds)
        known = f" (known of it: {others})" if others else ""
        return InputError(
            f"{asked} cannot be answered: {version} has no such threshold from {_basis(learned)}{known}",
            hint=f"run {command}, which finds one where labels suffice (29 independent answers for 0.9),"
            " or ask for raw scores with score>=",
        )


def _note(threshold: PrecisionThreshold, learned: SpeciesCalibration) -> str:
    return (
        f"{_words(learned.taxon, threshold.precision)} is read as score>={shown_number(threshold.raw_score)}:"
        f" calibration v{learned.version} of {learned.model}, {learned.learned_on}, from {_basis(learned)},"
        f" {threshold.n} of them at that score or above, of which {threshold.share_right:.2f} are right"
    )


def _words(taxon: str, precision: float) -> str:
    return f"taxon={quoted(taxon)} precision>={shown_number(precision)}"


def _basis(learned: SpeciesCalibration) -> str:
    place = "all sites" if learned.site is None else f"site {learned.site}"
    return f"{learned.n} labelled segments of {place}"
