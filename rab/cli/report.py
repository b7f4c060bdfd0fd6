"""`rab report` and `rab reproduce`: texts as documents, and documents made again."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import rich_click as click

from rab.cli.session import json_option, library, model_option, print_json, where_option
from rab.cli.summary import compare_option, drift_option
from rab.domain.filter import parse_filter
from rab.reports.report import ReportKind

if TYPE_CHECKING:
    from rab.reports import ReportFiles
    from rab.workflows.reporting import WrittenReport
    from rab.workflows.reproducing import Reproduction

DIFFERENT = 9
"""Exit code of `rab reproduce` where the report was made again and is not the same."""

into_option = click.option("--into", type=click.Path(path_type=Path), help="Folder of the report (RAB_HOME/reports/…).")
pdf_option = click.option("--pdf", is_flag=True, help="Write a PDF, too; needs `pip install 'rab[pdf]'`.")


@click.command()
@click.argument("segments", nargs=-1)
@click.option(
    "--of",
    "kind",
    type=click.Choice(get_args(ReportKind)),
    help="What is reported: of calls an interpretation, else monitoring, unless this says otherwise.",
)
@where_option
@compare_option
@drift_option
@model_option
@into_option
@pdf_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of reports and stop.")
@json_option
@click.pass_context
def report(
    ctx: click.Context,
    /,
    segments: tuple[str, ...],
    kind: ReportKind | None,
    where: str,
    compare_to: str | None,
    with_drift: bool,
    model: str | None,
    into: Path | None,
    pdf: bool,
    schema: bool,
    as_json: bool,
) -> None:
    """Write a document as HTML, Markdown and JSON, with playable calls.

    Without SEGMENTS it is a monitoring report of what --where names, or the questions that it raises (--of
    hypotheses). With them, each is interpreted, or a label is suggested for each (--of suggestion), and --where limits
    their neighbours.
    """
    from rab.reports import report_schema
    from rab.workflows.reporting import report_on_calls, write_questions_report, write_summary_report
    from rab.workflows.summaries import other_side

    if schema:
        print_json(report_schema())
        return
    kind = kind or ("interpretation" if segments else "monitoring")
    _check(kind, segments, compare_to, with_drift)
    asked = parse_filter(where)
    with library(ctx) as (settings, workspace):
        if kind == "monitoring":
            written = write_summary_report(
                workspace,
                model=model or settings.model,
                where=asked,
                compared_to=other_side(compare_to),
                with_drift=with_drift,
                into=into,
                pdf=pdf,
            )
        elif kind == "hypotheses":
            written = write_questions_report(workspace, model=model or settings.model, where=asked, into=into, pdf=pdf)
        else:
            written = report_on_calls(workspace, kind, segments, where=asked, into=into, pdf=pdf)
    print_written(written, as_json=as_json)


@click.command()
@click.argument("report")
@json_option
@click.pass_context
def reproduce(ctx: click.Context, report: str, as_json: bool) -> None:
    """Make a report again from the library, and say whether it is identical.

    REPORT is its folder, one of its files, or its id. Exit code 0: identical; 9: made again, and different; 2: changed
    by hand since it was written; 8: a sentence of it is not true of its own evidence.
    """
    from rab.workflows.reproducing import find_report
    from rab.workflows.reproducing import reproduce as run

    with library(ctx) as (_, workspace):
        found = run(workspace, find_report(workspace, report))
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(_lines(found)))
    if not found.is_identical:
        ctx.exit(DIFFERENT)


def print_written(written: "WrittenReport", *, as_json: bool) -> None:
    """Print where a report was written; what is noted of the gathering goes to standard error."""
    packs = written.report.packs[:1] if written.report.summary else written.report.packs
    for note in dict.fromkeys(note for pack in packs for note in pack.notes):
        click.echo(f"note: {note}", err=True)
    paths = _paths(written.files)
    if as_json:
        print_json(paths)
        return
    for name, path in paths.items():
        click.echo(f"{name:<9} {path}")


def _paths(files: "ReportFiles") -> dict[str, str]:
    paths = {"html": files.html, "markdown": files.markdown, "json": files.json, "pdf": files.pdf}
    return {name: str(path.resolve()) for name, path in paths.items() if path is not None}


def _check(kind: ReportKind, segments: tuple[str, ...], compare_to: str | None, with_drift: bool) -> None:
    of_calls = kind in ("interpretation", "suggestion")
    if segments and not of_calls:
        raise click.UsageError(f"--of {kind} is of what --where names, not of segments")
    if of_calls and not segments:
        raise click.UsageError(f"name the segments for --of {kind}; `rab segments` lists them")
    if kind != "monitoring" and (compare_to is not None or with_drift):
        raise click.UsageError("--compare-to and --drift belong to a monitoring report")


def _lines(found: "Reproduction") -> list[str]:
    if found.is_identical:
        return [f"identical: report {found.report}, {_packs(found)}"]
    lines = [f"different: report {found.report}, {_packs(found)}"]
    lines += [f"  because {reason}" for reason in found.reasons]
    for one in found.differences:
        lines.append(f"  {one.text}")
        lines += [f"    then: {one.then}"] if one.then is not None else []
        lines += [f"    now:  {one.now}"] if one.now is not None else []
    return lines


def _packs(found: "Reproduction") -> str:
    return f"{found.n_same_packs} of {found.n_packs} Evidence Packs gathered again with the same content"
