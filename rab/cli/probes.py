"""`rab probes`: small classifiers that a library's own labels teach."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

import rich_click as click

from rab.cli.library import limit_option
from rab.cli.session import filter_of, json_option, library, model_option, print_json, where_option
from rab.domain.probe import Probe, ProbeKind

if TYPE_CHECKING:
    from rab.workflows.probing import ProbeAnswer


@click.group()
def probes() -> None:
    """Teach small classifiers by the library's own labels, and apply them."""


@probes.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(get_args(ProbeKind)), required=True, help="What it is to tell apart.")
@model_option
@where_option
@click.option("--curve", is_flag=True, help="Also measure the accuracy with 1, 2, 4, 8 and 16 examples per class.")
@json_option
@click.pass_context
def train(
    ctx: click.Context, name: str, kind: ProbeKind, model: str | None, where: str, curve: bool, as_json: bool
) -> None:
    """Teach a probe and judge it on recordings, or sites, that it has not heard.

    Species, call types and individuals come from labels, habitats from the deployments, recorders from the files. A
    probe of recorders is a check of the embedding: it should do no better than a guess.
    """
    from rab.workflows.probing import teach_probe

    with library(ctx) as (settings, workspace):
        probe = teach_probe(
            workspace,
            name,
            kind=kind,
            model=model or settings.model,
            where=filter_of(workspace, where, model or settings.model),
            curve=curve,
        )
    print_json(probe) if as_json else click.echo("\n".join(_lines(probe)))


@probes.command(name="list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the probes of the library."""
    from rab.workflows.probing import list_probes

    with library(ctx) as (_, workspace):
        found = list_probes(workspace)
    if as_json:
        print_json([probe.model_dump(mode="json") for probe in found])
        return
    for probe in found:
        accuracy = "not measured" if probe.metrics is None else f"accuracy {probe.metrics.balanced_accuracy:.2f}"
        click.echo(f"{probe.name:<20} {probe.kind:<10} {len(probe.classes):4} classes  {accuracy}  {probe.space}")
    click.echo("1 probe" if len(found) == 1 else f"{len(found)} probes")


@probes.command()
@click.argument("name")
@model_option
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, model: str | None, as_json: bool) -> None:
    """Show what a probe knows and how well it did; with --json its weights too."""
    from rab.workflows.probing import find_probe

    with library(ctx) as (_, workspace):
        probe = find_probe(workspace, name, model=model)
    print_json(probe) if as_json else click.echo("\n".join(_lines(probe)))


@probes.command()
@click.argument("name")
@model_option
@click.pass_context
def remove(ctx: click.Context, name: str, model: str | None) -> None:
    """Forget a probe with all its versions."""
    from rab.workflows.probing import remove_probe

    with library(ctx) as (_, workspace):
        n = remove_probe(workspace, name, model=model)
    click.echo(f"{name}: forgotten, {n} version{'' if n == 1 else 's'}")


@probes.command()
@click.argument("name")
@model_option
@where_option
@limit_option
@json_option
@click.pass_context
def apply(ctx: click.Context, name: str, model: str | None, where: str, limit: int, as_json: bool) -> None:
    """Say what a probe makes of segments.

    A probe chooses among its own classes; where a sound is unlike all that it was taught, it says so.
    """
    from rab.workflows.probing import apply_probe, card_of, find_probe

    with library(ctx) as (_, workspace):
        probe = find_probe(workspace, name, model=model)
        asked = filter_of(workspace, where, card_of(workspace, probe).key)
        answers = list(apply_probe(workspace, probe, where=asked, limit=limit))
    if as_json:
        print_json([answer.model_dump(mode="json") for answer in answers])
        return
    for answer in answers:
        click.echo(_answer_line(answer))
    click.echo("1 segment" if len(answers) == 1 else f"{len(answers)} segments")


def _answer_line(answer: "ProbeAnswer") -> str:
    from rab.evidence.printing import call_words

    best = answer.scores[0]
    how = f"raw score {best.score.raw_score:.2f}" if best.probability is None else f"probability {best.probability:.2f}"
    doubt = "" if best.is_familiar else ", unlike what was taught"
    name = best.score.taxon.scientific_name
    return f"{answer.call.segment_id[:12]}  {name} ({how}{doubt})\n  {call_words(answer.call)}"


def _lines(probe: Probe) -> Iterator[str]:
    metrics = probe.metrics
    yield f"{probe.name}: {probe.kind}, {len(probe.classes)} classes, {sum(probe.n_per_class)} examples, {probe.space}"
    recalls = [None] * len(probe.classes) if metrics is None else metrics.recalls
    for name, n, recall in zip(probe.classes, probe.n_per_class, recalls, strict=True):
        yield f"  {name:<40} {n:5} examples" + ("" if recall is None else f"  recall {recall:.2f}")
    if metrics is None:
        yield "not measured: nothing could be held out"
    else:
        yield (
            f"balanced accuracy {metrics.balanced_accuracy:.2f} (95 % interval {metrics.low:.2f} to {metrics.high:.2f};"
            f" a guess {metrics.chance:.2f}), {metrics.n_folds} folds, {metrics.n_groups} {metrics.held_out}s held out"
            " whole"
        )
    for one in probe.curve:
        yield (
            f"  with {one.n_per_class:2} per class: {one.balanced_accuracy:.2f}"
            f" ({one.low:.2f} to {one.high:.2f} over {one.n_draws} draws)"
        )
    if probe.temperature is None or metrics is None or metrics.calibration_error is None:
        yield "scores are raw scores: too little was held out to calibrate them"
    else:
        yield f"probabilities are calibrated, expected calibration error {metrics.calibration_error:.2f}"
    yield from (f"note: {caveat}" for caveat in probe.caveats)
