"""`rab hypotheses`: what a library makes one ask, with what speaks against it and how to test it."""

import rich_click as click

from rab.cli.session import json_option, library, model_option, print_json, where_option
from rab.domain.evidence import FAMILIES, Family
from rab.domain.filter import parse_filter


@click.command()
@where_option
@click.option(
    "--family",
    "families",
    type=click.Choice(FAMILIES),
    multiple=True,
    help="Screen these alone; may be given several times. All without it.",
)
@model_option
@json_option
@click.pass_context
def hypotheses(ctx: click.Context, where: str, families: tuple[Family, ...], model: str | None, as_json: bool) -> None:
    """Screen the library for contrasts that are worth a question, and ask them.

    Each question comes with its evidence, what speaks against it, an artefact that could be behind it, what would
    refute it, and a command with which to look again. A question is no finding: hundreds of contrasts are looked at,
    and how many is said.
    """
    from rab.generation import text_of
    from rab.workflows.hypothesising import hypothesise

    with library(ctx) as (settings, workspace):
        found = hypothesise(
            workspace, model=model or settings.model, where=parse_filter(where), families=families or FAMILIES
        )
    print_json(found) if as_json else click.echo(text_of(found), nl=False)
