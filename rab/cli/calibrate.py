"""`rab calibrate`: learn from labels what raw scores are worth, and see what is known."""

from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.session import FiniteRange, json_option, library, model_option, print_json
from rab.domain.calibration import Calibrations, HeldOutFit, LabelsUsed, NearThreshold, SpeciesCalibration

if TYPE_CHECKING:
    from rab.workflows.workspace import Workspace

_WITHHELD = {"few_labels": "raw score: too few labels", "inexact": "raw score: not exact enough on held-out recordings"}


@click.command()
@model_option
@click.option(
    "--precision",
    "precisions",
    type=FiniteRange(0.5, 0.99),
    multiple=True,
    default=(0.9,),
    show_default=True,
    help="Share of answers that must be right from a threshold on; may be repeated.",
)
@click.option(
    "--labels",
    type=click.Choice(["human", "imported", "all"]),
    default="human",
    show_default=True,
    help="Whose labels teach.",
)
@click.option("--sites", is_flag=True, help="Calibrate each site that has labels enough by itself, too.")
@click.option(
    "--miss",
    "miscoverage",
    type=FiniteRange(0.01, 0.5),
    default=0.2,
    show_default=True,
    help="Share of known calls that may lie below the threshold of nearness.",
)
@click.option("--list", "listed", is_flag=True, help="Show what was learned last, and learn nothing.")
@click.option("--show", "taxon", metavar="TAXON", help="Show what was learned last of a taxon, and learn nothing.")
@click.option("--off", is_flag=True, help="Use no calibration; what was learned stays kept.")
@json_option
@click.pass_context
def calibrate(
    ctx: click.Context,
    model: str | None,
    precisions: tuple[float, ...],
    labels: LabelsUsed,
    sites: bool,
    miscoverage: float,
    listed: bool,
    taxon: str | None,
    off: bool,
    as_json: bool,
) -> None:
    """Learn from labels what raw scores are worth, prove it on recordings held out, and use it."""
    from rab.retrieval.calibration import CalibrationPolicy
    from rab.workflows.calibrating import last_calibrations, learn_calibrations

    if listed + off + (taxon is not None) > 1:
        raise click.UsageError("--list, --show and --off exclude each other")
    with library(ctx) as (settings, workspace):
        key = model or settings.model
        if taxon is not None:
            _show(workspace, key, taxon, as_json)
            return
        if off:
            _switch_off(workspace, key)
            return
        if listed:
            found = last_calibrations(workspace, model=key)
        else:
            policy = CalibrationPolicy(precisions=tuple(dict.fromkeys(precisions)), near_miscoverage=miscoverage)
            found = learn_calibrations(workspace, model=key, labels=labels, sites=sites, policy=policy)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _show(workspace: "Workspace", model: str, taxon: str, as_json: bool) -> None:
    from rab.workflows.calibrating import calibration_of_taxon

    found = calibration_of_taxon(workspace, taxon, model=model)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        _print_taxon(one)


def _switch_off(workspace: "Workspace", model: str) -> None:
    from rab.workflows.calibrating import switch_calibrations_off

    before = switch_calibrations_off(workspace, model=model)
    was = f"calibration v{before.version} was in use" if before.in_use else "none was in use before"
    click.echo(f"off: scores are raw scores; {was}")


def _print(found: Calibrations) -> None:
    state = "in use" if found.in_use else "off"
    whose = "a label" if found.labels == "all" else f"{found.labels} labels"
    click.echo(
        f"calibration v{found.version} of {found.model}, {found.learned_on}, {state}: "
        f"{_many(found.n_labelled, 'segment')} of {_many(found.n_recordings, 'recording')} "
        f"{'bears' if found.n_labelled == 1 else 'bear'} {whose}"
    )
    click.echo(f"{'taxon':<34} {'labels':>6} {'right':>5} {'rec.':>5}  {'ECE before → after':<19} what is printed")
    for one in found.species:
        name = one.taxon if one.site is None else f"{one.taxon} at {one.site}"
        fits = "pooled" if one.source == "pooled" else _eces(one)
        click.echo(f"{name:<34} {one.n:>6} {one.n_positive:>5} {one.n_recordings:>5}  {fits:<19} {_printed(one)}")
    pooled = next((one for one in found.species if one.source == "pooled"), None)
    if pooled is not None:
        click.echo(f"pooled over {pooled.pooled_taxa} taxa with {pooled.pooled_n} labels: ECE {_eces(pooled)}")
    for near in found.near:
        click.echo(_near_words(near))


def _eces(one: SpeciesCalibration) -> str:
    """Return the held-out calibration error of the raw score, and that of the probability."""
    return "-" if one.before is None or one.held_out is None else f"{one.before.ece:.3f} → {one.held_out.ece:.3f}"


def _many(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _printed(one: SpeciesCalibration) -> str:
    if one.withheld is not None:
        words = _WITHHELD.get(one.withheld, "raw score")
    elif one.source == "pooled":
        words = f"probability, with the labels of {(one.pooled_taxa or 1) - 1} other taxa"
    else:
        words = "probability"
    for threshold in one.thresholds:
        words += f"; precision {threshold.precision:g} from raw score {threshold.raw_score:.2f}"
    return words


def _near_words(near: NearThreshold) -> str:
    band = "at any SNR"
    if near.snr_low_db is not None and near.snr_high_db is not None:
        band = f"SNR {near.snr_low_db:g} to {near.snr_high_db:g} dB"
    elif near.snr_high_db is not None:
        band = f"SNR below {near.snr_high_db:g} dB"
    elif near.snr_low_db is not None:
        band = f"SNR {near.snr_low_db:g} dB or more"
    return (
        f"near, {band}: cosine {near.similarity:.2f} ({near.n_calls} calls of {near.n_recordings} recordings); "
        f"held-out calls with a namesake as near: {100 * near.coverage:.0f} % "
        f"[{100 * near.coverage_low:.0f}, {100 * near.coverage_high:.0f}]; with a stranger as near: "
        f"{100 * near.foreign_share:.0f} %"
    )


def _print_taxon(one: SpeciesCalibration) -> None:
    where = "" if one.site is None else f" at {one.site}"
    click.echo(f"{one.taxon}{where}, {one.model}, calibration v{one.version} of {one.learned_on} ({one.labels} labels)")
    click.echo(
        f"  {_many(one.n, 'labelled segment')} with a score, {one.n_positive} right, "
        f"{_many(one.n_recordings, 'recording')}; {one.n_missed} more labelled with it and without a score"
    )
    click.echo(f"  raw scores labelled: {one.raw_score_low:.2f} to {one.raw_score_high:.2f}")
    click.echo(f"  printed: {_printed(one)}")
    if one.method is not None:
        click.echo(f"  curve: {one.method}")
        for raw_score in (0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
            found = one.probability(raw_score)
            if found is not None:
                interval = f"[{found.ref.low:.2f}, {found.ref.high:.2f}]"
                click.echo(f"    raw score {raw_score:.2f} → probability {found.probability:.2f} {interval}")
    for title, fit in (("raw score", one.before), ("calibrated, held out", one.held_out)):
        if fit is not None:
            _print_fit(title, fit)
    for threshold in one.thresholds:
        held = threshold.held_out_precision
        click.echo(
            f"  precision {threshold.precision:g}: from raw score {threshold.raw_score:.2f}, where"
            f" {threshold.share_right:.2f} of {threshold.n} are right (at least {threshold.low:.2f});"
            f" recall {threshold.recall:.2f}; "
            f"precision on recordings held out {'-' if held is None else f'{held:.2f}'}"
        )


def _print_fit(title: str, fit: HeldOutFit) -> None:
    click.echo(
        f"  {title}: ECE {fit.ece:.3f} [{fit.ece_low:.3f}, {fit.ece_high:.3f}] (perfect: {fit.ece_if_perfect:.3f}), "
        f"Brier {fit.brier:.3f}, log loss {fit.log_loss:.3f}"
    )
    for one in fit.bins:
        click.echo(
            f"    foretold {one.mean_probability:.2f}, right {one.share_right:.2f} [{one.low:.2f}, {one.high:.2f}], "
            f"n = {one.n}"
        )
