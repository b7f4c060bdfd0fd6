"""`rab suggest`: what calls could be labelled, and which ones a person should hear first."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import rich_click as click

from rab.cli.ingest import SOME_FAILED
from rab.cli.progress import counting_bar
from rab.cli.session import filter_of, json_option, library, model_option, print_json, where_option
from rab.domain import AnnotationFormat, SuggestedAnnotation
from rab.domain.filter import parse_filter

if TYPE_CHECKING:
    from rab.workflows.suggesting import Chosen, Order, Suggested
    from rab.workflows.workspace import Workspace

_SUFFIXES: dict[str, AnnotationFormat] = {".csv": "csv", ".selections.txt": "raven"}


@click.command()
@click.argument("segment", required=False)
@model_option
@where_option
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Segments at most.")
@click.option(
    "--order",
    type=click.Choice(["uncertain", "frequent", "time"]),
    default="uncertain",
    show_default=True,
    help="Nearest to a decision first, of the largest cluster first, or as they were recorded.",
)
@click.option("--export", "target", type=click.Path(path_type=Path), help="File, or folder for several recordings.")
@click.option(
    "--format",
    "form",
    type=click.Choice(get_args(AnnotationFormat)),
    help="Of the export; `.csv` and `.selections.txt` (Raven) say it themselves.",
)
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@json_option
@click.pass_context
def suggest(
    ctx: click.Context,
    /,
    segment: str | None,
    model: str | None,
    where: str,
    limit: int,
    order: "Order",
    target: Path | None,
    form: AnnotationFormat | None,
    force: bool,
    as_json: bool,
) -> None:
    """Suggest labels for calls, or say why a person should listen first.

    SEGMENT is a segment's id, or its first characters; then --where limits its neighbours. Without it, suggestions are
    made for the segments that --where names and nobody has reviewed. Nothing is stored as a label before `rab review`.
    """
    form = _format(target, form)
    with library(ctx) as (settings, workspace):
        if segment is not None:
            n_failed = _one(workspace, segment, where, target, form, force, as_json)
        else:
            from rab.workflows.suggesting import choose

            asked = filter_of(workspace, where, model or settings.model)
            chosen = choose(workspace, model=model or settings.model, where=asked, limit=limit, order=order)
            n_failed = _many(workspace, chosen, target, form, force, as_json)
    if n_failed:
        ctx.exit(SOME_FAILED)


def _format(target: Path | None, form: AnnotationFormat | None) -> AnnotationFormat | None:
    if target is None or form is not None:
        return form
    told = next((said for suffix, said in _SUFFIXES.items() if target.name.lower().endswith(suffix)), None)
    if told is None:
        raise click.UsageError(
            f"{target.name} does not say its format: give --format {'|'.join(get_args(AnnotationFormat))}"
        )
    return told


def _one(
    workspace: "Workspace",
    segment: str,
    where: str,
    target: Path | None,
    form: AnnotationFormat | None,
    force: bool,
    as_json: bool,
) -> int:
    from rab.generation import text_of
    from rab.workflows.questions import model_of
    from rab.workflows.suggesting import annotation
    from rab.workflows.suggesting import suggest as run

    filter_of(workspace, where, model_of(workspace, segment))
    found = run(workspace, segment, where=parse_filter(where))
    row = annotation(workspace, found)
    print_json(found) if as_json else click.echo(text_of(found), nl=False)
    _export([] if row is None else [row], target, form, force)
    return 0


def _many(
    workspace: "Workspace",
    chosen: "Chosen",
    target: Path | None,
    form: AnnotationFormat | None,
    force: bool,
    as_json: bool,
) -> int:
    from rab.workflows.suggesting import annotation, suggestions

    rows: list[SuggestedAnnotation] = []
    outcomes: Counter[str] = Counter()
    failed: list[Suggested] = []
    with counting_bar(shown=not as_json) as bar:
        watch = lambda n_done, n_all: bar("suggestions", n_done, n_all)  # noqa: E731
        for one in suggestions(workspace, chosen.segment_ids, watch):
            if one.suggestion is None:
                failed.append(one)
                continue
            outcomes[one.suggestion.outcome] += 1
            row = annotation(workspace, one.suggestion)
            rows += [] if row is None else [row]
    if as_json:
        print_json(_as_data(rows, outcomes, chosen, failed))
    else:
        for line in _lines(rows, outcomes, chosen):
            click.echo(line)
    for one in failed:
        assert one.error is not None
        click.secho(f"failed: {one.segment_id}: {one.error.message}", fg="red", err=True)
    _export(rows, target, form, force)
    return len(failed)


def _lines(rows: "list[SuggestedAnnotation]", outcomes: Counter[str], chosen: "Chosen") -> Iterable[str]:
    from rab.evidence.printing import both_names

    for row in rows:
        place = f"{row.file_name} {row.t0_ms / 1000:.3f}–{row.t1_ms / 1000:.3f} s"
        said = both_names(row.common_name or row.taxon, row.taxon) if row.taxon else f"review: {', '.join(row.reasons)}"
        yield f"{row.segment_id[:12]}  {said}\n  {place}, pack {row.pack_id[:12]}"
    names = Counter(row.taxon for row in rows if row.taxon is not None)
    reasons = Counter(reason for row in rows for reason in row.reasons)
    yield f"suggested {outcomes['suggested']}{_listed(names)}"
    yield f"review asked for {outcomes['review']}{_listed(reasons)}"
    yield f"abstained {outcomes['abstained']}"
    if n_left := chosen.n_matching - len(chosen.segment_ids):
        yield f"{n_left} more match; raise --limit to go on"
    if chosen.n_reviewed:
        yield f"{chosen.n_reviewed} reviewed before were passed over"


def _listed(counts: Counter[str]) -> str:
    return f": {', '.join(f'{name} {n}' for name, n in counts.most_common())}" if counts else ""


def _as_data(
    rows: "list[SuggestedAnnotation]", outcomes: Counter[str], chosen: "Chosen", failed: "list[Suggested]"
) -> dict[str, Any]:
    return {
        "items": [row.model_dump(mode="json") for row in rows],
        "outcomes": dict(sorted(outcomes.items())),
        "n_matching": chosen.n_matching,
        "n_reviewed": chosen.n_reviewed,
        "failures": [{"segment_id": one.segment_id, "message": str(one.error)} for one in failed],
    }


def _export(rows: "list[SuggestedAnnotation]", target: Path | None, form: AnnotationFormat | None, force: bool) -> None:
    from rab.reports.annotations import write_annotations

    if target is None or form is None:
        return
    written = write_annotations(target, rows, form, force=force)
    for path in written:
        click.echo(f"written {path}", err=True)
    if not written:
        click.echo("nothing to export: no label is suggested, and no review is asked for", err=True)
