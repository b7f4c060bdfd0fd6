"""`rab summary`: what was heard, with the calls behind every figure."""

import rich_click as click

from rab.cli.session import json_option, library, model_option, print_json, where_option
from rab.domain.filter import parse_filter

compare_option = click.option(
    "--compare-to",
    metavar="FILTER",
    help="The other side of a comparison: a filter, or `previous` for the interval before that of --where.",
)
drift_option = click.option("--drift", "with_drift", is_flag=True, help="Ask every recorder whether it changed.")


@click.command()
@where_option
@compare_option
@drift_option
@model_option
@json_option
@click.pass_context
def summary(
    ctx: click.Context, where: str, compare_to: str | None, with_drift: bool, model: str | None, as_json: bool
) -> None:
    """Print a cited monitoring summary."""
    from rab.generation import text_of
    from rab.workflows.summaries import other_side, summarise

    with library(ctx) as (settings, workspace):
        found = summarise(
            workspace,
            model=model or settings.model,
            where=parse_filter(where),
            compared_to=other_side(compare_to),
            with_drift=with_drift,
        )
    print_json(found) if as_json else click.echo(text_of(found), nl=False)
