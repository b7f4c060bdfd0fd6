"""`rab library`: labelled reference collections."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import rich_click as click

from rab.cli.ingest import SOME_FAILED
from rab.cli.session import json_option, print_json
from rab.cli.session import library as opened
from rab.domain import LabelKind

if TYPE_CHECKING:
    from rab.workflows.call_library import CollectionFacts, CollectionReport


@click.group()
def library() -> None:
    """Keep labelled reference collections as exemplars."""


@library.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--labels",
    "table",
    type=click.Path(path_type=Path),
    help="CSV or TSV, Raven selection table or Audacity labels; without it, sub-folders are labels.",
)
@click.option("--name", help="What the collection is called (the folder's name).")
@click.option("--licence", help="Licence of exemplars whose row states none.")
@click.option("--source", metavar="URL", help="Where the collection was got.")
@click.option(
    "--kind", type=click.Choice(get_args(LabelKind)), default="taxon", show_default=True, help="What the labels name."
)
@click.option("--model", "models", metavar="KEY", multiple=True, help="Model that hears; several may be (RAB_MODEL).")
@click.option("--threads", "n_threads", type=click.IntRange(1), help="Windows heard at once (RAB_N_THREADS).")
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    /,
    path: Path,
    table: Path | None,
    name: str | None,
    licence: str | None,
    source: str | None,
    kind: LabelKind,
    models: tuple[str, ...],
    n_threads: int | None,
    as_json: bool,
) -> None:
    """Take a labelled collection into the library.

    PATH is a folder that holds all of the recordings, or one. Columns of a table are found by name: path; label,
    species or scientific_name; as wanted call_type, individual, start and end in seconds, author, licence, source. A
    segment gets a label where half of it, or half of the labelled span, lies in both. Rows that cannot be used, those
    of files outside PATH too, are listed, and the others are taken: exit code 4 says that there were such. The same
    name again replaces the collection's labels.
    """
    from rab.cli.progress import progress_bar
    from rab.workflows.call_library import CollectionTerms, add_collection

    terms = CollectionTerms(name=name or path.resolve().name, licence=licence, source=source, kind=kind)
    with opened(ctx) as (settings, workspace), progress_bar(shown=not as_json) as bar:
        report = add_collection(
            workspace,
            path,
            terms,
            models=models or (settings.model,),
            table=table,
            n_threads=n_threads or settings.n_threads,
            watch=bar.watch,
        )
    print_json(report) if as_json else click.echo("\n".join(_report_lines(report)))
    if report.failures:
        ctx.exit(SOME_FAILED)


@library.command(name="list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the collections with their labels and licences; last, what people labelled in RAB."""
    from rab.workflows.call_library import list_collections

    with opened(ctx) as (_, workspace):
        found = list_collections(workspace)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        click.echo("\n".join(_facts_lines(one)))
    click.echo("1 collection" if len(found) == 1 else f"{len(found)} collections")


@library.command()
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Take a collection's labels away; its recordings stay, and it is said which probes they taught."""
    from rab.workflows.call_library import remove_collection

    with opened(ctx) as (_, workspace):
        removed = remove_collection(workspace, name)
    click.echo(f"{name}: labels removed {removed.n_labels}; its recordings stay")
    for note in removed.notes:
        click.echo(f"note: {note}")


def _report_lines(report: "CollectionReport") -> Iterator[str]:
    n_ingested = sum(one.n_ingested for one in report.ingests)
    yield f"{report.name}: {report.n_spans} named spans, {n_ingested} files ingested, {len(report.failures)} failed"
    yield f"labels: {report.n_labels}, on {report.n_segments} segments, of {len(report.names)} names"
    for failure in report.failures:
        yield f"failed {failure.path}: {failure.message}"
        yield f"  next: {failure.hint}"


def _facts_lines(facts: "CollectionFacts") -> Iterator[str]:
    yield f"{facts.name} ({facts.model}): exemplars {facts.n_exemplars}, names {len(facts.names)}"
    yield "  " + ", ".join(f"{name} {n}" for name, n in facts.names)
    yield "  licences: " + ", ".join(f"{licence} {n}" for licence, n in facts.licences)
