"""`rab summary` and `rab report`: what was heard, with the calls behind every figure."""

from pathlib import Path

import rich_click as click

from rab.cli.session import filter_of, json_option, library, model_option, print_json, where_option


@click.command()
@where_option
@model_option
@json_option
@click.pass_context
def summary(ctx: click.Context, where: str, model: str | None, as_json: bool) -> None:
    """Print a cited monitoring summary."""
    from rab.generation import text_of
    from rab.workflows.summaries import summarise

    with library(ctx) as (settings, workspace):
        found = summarise(workspace, model=model or settings.model, where=filter_of(where))
    print_json(found) if as_json else click.echo(text_of(found), nl=False)


@click.command()
@where_option
@model_option
@click.option("--into", type=click.Path(path_type=Path), help="Folder of the report (RAB_HOME/reports/…).")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of reports and stop.")
@json_option
@click.pass_context
def report(ctx: click.Context, where: str, model: str | None, into: Path | None, schema: bool, as_json: bool) -> None:
    """Write a summary as HTML, Markdown and JSON, with playable calls."""
    from rab.reports import report_schema
    from rab.workflows.reporting import write_summary_report

    if schema:
        print_json(report_schema())
        return
    with library(ctx) as (settings, workspace):
        files = write_summary_report(workspace, model=model or settings.model, where=filter_of(where), into=into).files
    paths = {"html": str(files.html.resolve()), "markdown": str(files.markdown), "json": str(files.json)}
    if as_json:
        print_json(paths)
        return
    for name, path in paths.items():
        click.echo(f"{name:<9} {path}")
