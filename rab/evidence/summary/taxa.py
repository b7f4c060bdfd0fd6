"""Taxa: detections with the effort behind them, what people said of them, and at which sites on which days."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rab.catalog import Detections, TaxonDetections
from rab.catalog.heard import Rows, columns_sha256, n_distinct
from rab.domain import Label, Taxon, content_id
from rab.domain.value import Fraction, Value
from rab.evidence.summary.rows import Row, Survey, of, of_taxon, over, row


class CalibratedThreshold(Value):
    """From which raw score on a taxon's detections are right as often as was asked for."""

    raw_score: Fraction
    precision: Fraction
    version: str
    """The calibration that says so, as it can be found again."""


Thresholds = Mapping[str, CalibratedThreshold]
"""Scientific name → its threshold; a taxon that was never calibrated has none."""


@dataclass(frozen=True)
class Verdicts:
    """What people said of detections, as row numbers of `Heard`."""

    verified: frozenset[int]
    rejected: frozenset[int]
    reviewed: Rows
    """All rows of segments that a person spoke of."""


def taxon_rows(survey: Survey, verdicts: Verdicts, thresholds: Thresholds | None) -> Iterator[Row]:
    """Yield how many taxa there are, and of each its detections, recordings, days, and what is known of them."""
    taxa = [one for one in survey.found.taxa if one.taxon.group != "sound"]
    basis = f"taxa with any of: {survey.detected}"
    yield row("n_taxa", len(taxa), "taxa", basis, survey.found.count.rows_sha256)
    calls = _calls(survey, taxa)
    told = _told(survey, verdicts)
    for one in taxa:
        yield from _taxon(survey, one, calls[one.taxon.scientific_name])
        yield from _status(survey, one, told.get(one.taxon.scientific_name, ()), verdicts, thresholds)


def review_rows(survey: Survey, verdicts: Verdicts) -> Iterator[Row]:
    """Yield how many of the segments with a detection a person listened to."""
    heard = survey.heard
    n = len(heard.first_of_segment(heard.named))
    if not n:
        return
    reviewed = heard.ids(heard.first_of_segment(verdicts.reviewed))
    sha = content_id("\n".join(reviewed).encode())
    basis = "segments with a detection that a person labelled, or of which a person rejected a name"
    yield row("reviewed_detections", len(reviewed), "segments", basis, sha) | over(n, "segments")
    share = 100 * (n - len(reviewed)) / n
    yield row("unreviewed_share", share, "%", f"the share that is not among {basis}", sha, decimals=1) | over(
        n, "segments"
    )


def sound_rows(survey: Survey) -> Iterator[Row]:
    """Yield detections of sounds that are no animals."""
    sounds = [one for one in survey.found.taxa if one.taxon.group == "sound"]
    calls = _calls(survey, sounds)
    for one in sounds:
        basis = f"{survey.detected}; a class of sound that is no wildlife"
        yield _counted(survey, "sound_detections", one, basis) | calls[one.taxon.scientific_name]


def ruled_out_rows(survey: Survey, ruled_out: Detections) -> Iterator[Row]:
    """Yield what reached the threshold and was set aside."""
    basis = "segments that reach the threshold, set aside: the location and week model does not expect the taxon"
    calls = _calls(survey, ruled_out.taxa)
    if ruled_out.taxa:
        once = f"{basis}; a segment with two such taxa counts once"
        yield row("out_of_range_segments", ruled_out.count.n_segments, "segments", once, ruled_out.count.rows_sha256)
    for one in ruled_out.taxa:
        yield _counted(survey, "out_of_range_detections", one, basis) | calls[one.taxon.scientific_name]


def unchecked_rows(survey: Survey) -> Iterator[Row]:
    """Yield the detections of which nobody asked whether the taxon is expected there, in all and by taxon."""
    heard = survey.heard
    rows = heard.named[heard.unchecked[heard.named]]
    if not len(rows):
        return
    by_taxon = heard.of_taxon(rows)
    basis = (
        f"{survey.detected}, of which it is not known whether the taxon occurs there in that week: the recording has no"
        " place, or the model no such check"
    )
    n = len(heard.first_of_segment(rows))
    whole = over(len(heard.first_of_segment(heard.named)), "segments")
    yield row("unchecked_segments", n, "segments", basis, heard.fingerprint(rows)) | whole
    yield row("unchecked_taxa", len(by_taxon), "taxa", basis, heard.fingerprint(rows))
    for number, own in by_taxon.items():
        n = len(heard.first_of_segment(own))
        figure = row("unchecked_detections", n, "segments", basis, heard.fingerprint(own))
        yield figure | of_taxon(heard.taxa[number])


def verdicts_on(survey: Survey, said: Iterable[Label]) -> Verdicts:
    """Hold what people said against the detections. A label agrees by scientific or by common name."""
    heard = survey.heard
    named: dict[bytes, set[str]] = {}
    denied: dict[bytes, set[str]] = {}
    for label in said:
        segment_id = label.segment_id.encode()
        if label.rejected_taxon is not None:
            denied.setdefault(segment_id, set()).add(label.rejected_taxon.casefold())
        elif label.kind == "taxon":
            named.setdefault(segment_id, set()).add(label.taxon.casefold())
    reviewed = np.array(sorted(named.keys() | denied.keys()), dtype="S32")
    rows = heard.named[np.isin(heard.segment_ids[heard.named], reviewed)] if len(reviewed) else heard.named[:0]

    def agreeing(words: Mapping[bytes, set[str]]) -> frozenset[int]:
        return frozenset(
            number
            for number in rows.tolist()
            if _names(heard.taxa[heard.taxon[number]]) & words.get(bytes(heard.segment_ids[number]), set())
        )

    return Verdicts(
        verified=agreeing(named),
        rejected=agreeing(denied),
        reviewed=rows,
    )


def occupancy_rows(survey: Survey) -> Iterator[Row]:
    """Yield at how many of the sites with effort each taxon was detected, and on how many days at each site.

    Naive occupancy: no detection at a site is no absence. Recordings without a site belong to none.
    """
    days = _days_by_site(survey)
    sites = [one for one in survey.effort.sites if one.site is not None]
    heard, shown = survey.heard, survey.policy.n_history_taxa
    number = {site: place for place, site in enumerate(heard.sites)}
    by_name = {heard.taxa[taxon].scientific_name: rows for taxon, rows in heard.of_taxon(heard.detected).items()}
    taxa = [one.taxon for one in survey.found.taxa if one.taxon.group != "sound"]
    for place, taxon in enumerate(taxa):
        rows = heard.first_of_segment(by_name[taxon.scientific_name])
        if len(sites) > 1:
            at = np.unique(heard.site[rows])
            n_occupied = sum(number[one.site] in at for one in sites if one.site in number)
            if not n_occupied:  # heard where no site is given: that says nothing of sites
                continue
            basis = f"sites with any of: {survey.detected}; naive, as a taxon may be there undetected"
            sha = columns_sha256(taxon.scientific_name, "\n".join(str(heard.sites[one]) for one in at.tolist()))
            yield row("occupied_sites", n_occupied, "sites", basis, sha) | of_taxon(taxon) | over(len(sites), "sites")
        if place < shown and max(days.values(), default=0) > 1:
            yield from _history(survey, taxon, rows, days)


def _history(survey: Survey, taxon: Taxon, rows: Rows, days: Mapping[str, int]) -> Iterator[Row]:
    heard = survey.heard
    basis = f"days of the site's clock with any of: {survey.detected}; of the days with any recording there"
    at = {site: rows[heard.site[rows] == heard.sites.index(site)] for site in days if site in heard.sites}
    if not any(n_distinct(heard.recorder_day[own]) for own in at.values()):
        return  # heard where no site or no day is known: that says nothing of sites
    for site, n_days in days.items():
        own = at.get(site, rows[:0])
        sha = heard.fingerprint(own)
        group = of(f"{taxon.scientific_name}\t{site}", f"{taxon.common_name} at {site}")
        yield (
            row("history_days", n_distinct(heard.recorder_day[own]), "days", basis, sha) | group | over(n_days, "days")
        )


def _days_by_site(survey: Survey) -> dict[str, int]:
    return {
        one.site: one.n_recorder_days for one in survey.effort.sites if one.site is not None and one.n_recorder_days
    }


def _names(taxon: Taxon) -> set[str]:
    return {taxon.scientific_name.casefold(), taxon.common_name.casefold()}


def _told(survey: Survey, verdicts: Verdicts) -> dict[str, list[int]]:
    """Return, by scientific name, the rows that people spoke of."""
    found: dict[str, list[int]] = {}
    for number in sorted(verdicts.verified | verdicts.rejected):
        found.setdefault(survey.heard.taxa[survey.heard.taxon[number]].scientific_name, []).append(number)
    return found


def _calls(survey: Survey, found: Sequence[TaxonDetections]) -> dict[str, Row]:
    counts = {one.taxon.scientific_name: one.count for one in found}
    return survey.calls(counts, {one.taxon.scientific_name: one.taxon for one in found})


def _taxon(survey: Survey, one: TaxonDetections, calls: Row) -> Iterator[Row]:
    count, group = one.count, of_taxon(one.taxon)
    yield _counted(survey, "detections", one, survey.detected) | calls
    recordings = row("detection_recordings", count.n_recordings, "recordings", survey.detected, count.rows_sha256)
    yield recordings | group | over(survey.effort.n_recordings, "recordings")
    if count.n_recorder_days:
        days = row("detection_days", count.n_recorder_days, "recorder-days", survey.detected, count.rows_sha256)
        yield days | group | over(survey.effort.n_recorder_days, "recorder-days")


def _counted(survey: Survey, name: str, one: TaxonDetections, basis: str) -> Row:
    return (
        row(name, one.count.n_segments, "segments", basis, one.count.rows_sha256)
        | of_taxon(one.taxon)
        | survey.per_hour()
    )


def _status(
    survey: Survey,
    one: TaxonDetections,
    told: Sequence[int],
    verdicts: Verdicts,
    thresholds: Thresholds | None,
) -> Iterator[Row]:
    heard, group = survey.heard, of_taxon(one.taxon)
    for name, kept, verb in (
        ("verified_detections", verdicts.verified, "labelled with the taxon"),
        ("rejected_detections", verdicts.rejected, "of which a person rejected the taxon"),
    ):
        if told:
            rows = np.array([number for number in told if number in kept], dtype=np.intp)
            basis = f"detections in segments that a person {verb}" if name[0] == "v" else f"detections {verb}"
            n = len(heard.first_of_segment(rows))
            yield (
                row(name, n, "segments", basis, heard.fingerprint(rows))
                | group
                | over(one.count.n_segments, "segments")
            )
    threshold = (thresholds or {}).get(one.taxon.scientific_name)
    if threshold is not None:
        own = heard.detected[heard.taxon[heard.detected] == _number(survey, one.taxon)]
        reached = heard.first_of_segment(own[heard.raw_score[own] >= threshold.raw_score])
        basis = (
            f"detections with a raw score of at least {threshold.raw_score:g}, from which"
            f" {100 * threshold.precision:g} % were right among labelled ones: calibration {threshold.version}"
        )
        counted = row("calibrated_detections", len(reached), "segments", basis, heard.fingerprint(reached))
        yield counted | group | over(one.count.n_segments, "segments")


def _number(survey: Survey, taxon: Taxon) -> int:
    return next(n for n, one in enumerate(survey.heard.taxa) if one.scientific_name == taxon.scientific_name)
