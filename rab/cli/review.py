"""`rab review`: answers to suggestions, one by one or from a table that was edited."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.ingest import SOME_FAILED
from rab.cli.session import json_option, library, print_json

if TYPE_CHECKING:
    from rab.domain import Review, Verdict
    from rab.workflows.labelling import ReviewReport

_VERDICTS: "dict[str, Verdict]" = {"accept": "accepted", "correct": "corrected", "reject": "rejected"}


@click.command()
@click.argument("subject", required=False, metavar="[PACK_ID|SEGMENT]")
@click.argument("verdict", required=False, type=click.Choice(list(_VERDICTS)))
@click.argument("taxon", required=False)
@click.option("--by", "author", metavar="NAME", help="Who listened; needed unless the table names its reviewers.")
@click.option("--import", "table", type=click.Path(path_type=Path), help="Table of `rab suggest --export`, edited.")
@json_option
@click.pass_context
def review(
    ctx: click.Context,
    /,
    subject: str | None,
    verdict: str | None,
    taxon: str | None,
    author: str | None,
    table: Path | None,
    as_json: bool,
) -> None:
    """Accept, correct or reject a suggestion, as a person who listened.

    `rab review PACK accept`, `rab review PACK correct TAXON`, `rab review PACK reject`; for a SEGMENT, what is
    suggested for it now is meant. Where no label is suggested, `correct TAXON` gives one and `reject TAXON` denies one.
    With --import, rows whose status says accepted, corrected or rejected are taken, and exit code 4 says that some
    could not be.
    """
    from rab.workflows import labelling

    if table is not None:
        if subject is not None:
            raise click.UsageError("name a suggestion, or give --import; not both")
        with library(ctx) as (_, workspace):
            report = labelling.import_reviews(workspace, table, author=author)
        print_json(report) if as_json else _show_report(report)
        if report.failures:
            ctx.exit(SOME_FAILED)
        return
    if subject is None or verdict is None:
        raise click.UsageError("write: rab review PACK_ID accept|correct TAXON|reject --by NAME, or give --import FILE")
    if author is None:
        raise click.UsageError("say who listened: --by NAME")
    with library(ctx) as (_, workspace):
        given = labelling.review(workspace, subject, _VERDICTS[verdict], author=author, taxon=taxon)
    print_json(given) if as_json else _show(given)


def _show(review: "Review") -> None:
    yes, no = review.accepted_taxon, review.rejected_taxon
    said = "; ".join([*([yes] if yes else []), *([f"not {no}"] if no else [])])
    click.echo(f"{review.segment_id}: {said}, by {review.author}, pack {review.pack_id[:12]}")


def _show_report(report: "ReviewReport") -> None:
    for failure in report.failures:
        click.secho(f"not taken: {failure.path}: {failure.message} ({failure.hint})", fg="red", err=True)
    n_known, n_failed = report.n_taken - report.n_new, report.n_reviewed - report.n_taken
    failed = f", {n_failed} not taken" if n_failed else ""
    click.echo(
        f"{report.n_rows} rows, {report.n_reviewed} with a verdict: {report.n_new} new, {n_known} known already{failed}"
    )
