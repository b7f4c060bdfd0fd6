"""`rab rerank`: learn how to order neighbours, and see or end its use."""

from typing import TYPE_CHECKING, Literal

import rich_click as click

from rab.cli.session import json_option, library, model_option, print_json

if TYPE_CHECKING:
    from rab.workflows.reranking import InUse, RerankReport


@click.group()
def rerank() -> None:
    """Learn from the library how to order neighbours."""


@rerank.command("train")
@model_option
@click.option(
    "--from",
    "source",
    type=click.Choice(["auto", "labels", "sequence"]),
    default="auto",
    show_default=True,
    help="What teaches: labels, what sounds in sequence, or labels where there are enough.",
)
@json_option
@click.pass_context
def train(ctx: click.Context, model: str | None, source: Literal["auto", "labels", "sequence"], as_json: bool) -> None:
    """Learn a reranker, measure it on groups it did not hear, and use it if it beats cosine there.

    Without labels it is measured on presumed relevance, which is no proof, and never replaces one that labels proved.
    """
    from rab.workflows.reranking import train_reranker

    with library(ctx) as (settings, workspace):
        report = train_reranker(workspace, model=model or settings.model, source=source)
    if as_json:
        print_json(report)
    else:
        _print(report, report.in_use)


@rerank.command()
@model_option
@json_option
@click.pass_context
def show(ctx: click.Context, model: str | None, as_json: bool) -> None:
    """Show what was learned last, what it is worth, and what is in use."""
    from rab.workflows.reranking import last_report

    with library(ctx) as (settings, workspace):
        found = last_report(workspace, model=model or settings.model)
    if as_json:
        print_json({"report": found and found[0], "in_use": found and found[1]})
    elif found is None:
        click.echo("no reranker was trained: neighbours stand in the order of their cosine")
    else:
        _print(*found)


@rerank.command()
@model_option
@click.pass_context
def off(ctx: click.Context, model: str | None) -> None:
    """Order neighbours by cosine again; what was learned stays kept."""
    from rab.workflows.reranking import switch_off

    with library(ctx) as (settings, workspace):
        before = switch_off(workspace, model=model or settings.model)
    was = "nothing was reranked before" if before.method is None else f"{_in_use_words(before)} was in use"
    click.echo(f"off: neighbours stand in the order of their cosine; {was}")


def _print(report: "RerankReport", in_use: "InUse") -> None:
    click.echo(f"{report.learned.words}; {report.n_groups} groups")
    click.echo(f"measured on {report.proof}")
    click.echo(f"{'held-out groups':<16} {'mAP@10':>7} {'95 % interval':>16}   {'gain over cosine':>24}")
    for one in report.held_out:
        quality, gain = one.mean_average_precision, one.gain_over_cosine
        interval = f"[{quality.low:.3f}, {quality.high:.3f}]"
        more = "" if one.method == "cosine" else f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
        click.echo(f"{one.method:<16} {quality.mean:7.3f} {interval:>16}   {more:>24}".rstrip())
    click.echo(report.reason)
    click.echo(f"in use: {_in_use_words(in_use)}")


def _in_use_words(in_use: "InUse") -> str:
    if in_use.method is None:
        return "nothing; neighbours stand in the order of their cosine"
    name = f"reranker v{in_use.version}" if in_use.method == "learned" else "plain k-reciprocal re-ranking"
    return name if in_use.proof is None else f"{name} (measured on {in_use.proof})"
