"""`rab similar`, `rab evidence`, `rab interpret`: questions about one call, of the library or of any file."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from rab.cli.session import FiniteRange, filter_of, json_option, library, model_option, print_json, where_option
from rab.domain.filter import parse_filter
from rab.errors import InputError, NotFound

if TYPE_CHECKING:
    from rab.domain import Interpretation
    from rab.settings import Settings
    from rab.workflows.questions import Call
    from rab.workflows.workspace import Workspace

_SELECTION: dict[str, Any] = {
    "--from": {"type": FiniteRange(0), "metavar": "S", "help": "Select from so many seconds on."},
    "--to": {"type": FiniteRange(0, min_open=True), "metavar": "S", "help": "Select up to so many seconds."},
    "--low-hz": {"type": FiniteRange(0), "metavar": "HZ", "help": "Select from this frequency up."},
    "--high-hz": {"type": FiniteRange(0, min_open=True), "metavar": "HZ", "help": "Select up to this frequency."},
    "--channel": {"type": click.IntRange(0), "help": "Channel of the file, from 0; else the average of all."},
}
_TOLD: dict[str, Any] = {
    "--site": {"help": "Site of the file."},
    "--lat": {"type": FiniteRange(-90, 90), "help": "Latitude of the file, in degrees."},
    "--lon": {"type": FiniteRange(-180, 180), "help": "Longitude of the file, in degrees."},
    "--time": {"metavar": "TIME", "help": "Start of the file, with its offset: 2025-05-03T05:12:00+02:00."},
}


def _about_a_call(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that select a stretch and a band of a file and tell of its place and clock."""

    @wraps(command)
    def asked(**options: Any) -> None:
        names = [name.removeprefix("--").replace("-", "_") for name in (*_SELECTION, *_TOLD)]
        given = {name: options.pop(name) for name in names}
        command(**options, chosen={name: value for name, value in given.items() if value is not None})

    decorated = model_option(asked)
    for name, attributes in reversed([*_SELECTION.items(), *_TOLD.items()]):
        decorated = click.option(name, default=None, **attributes)(decorated)
    return decorated


@click.command()
@click.argument("call")
@where_option
@click.option("--limit", type=click.IntRange(1, 1000), help="So many, whatever the signal; nothing is cut.")
@click.option(
    "--variety",
    type=FiniteRange(0, 1),
    default=0.0,
    help="With --limit: above 0, calls unlike those before them come earlier.",
)
@_about_a_call
@json_option
@click.pass_context
def similar(
    ctx: click.Context,
    call: str,
    where: str,
    limit: int | None,
    variety: float,
    model: str | None,
    chosen: dict[str, Any],
    as_json: bool,
) -> None:
    """List the calls nearest to a segment, or to a stretch of a file.

    CALL is a segment's id, or its first characters, or an audio file. Without --limit they are the neighbours of its
    Evidence Pack: how many follows from how well it can be heard and how near they are.
    """
    from rab.evidence.printing import call_words, name_words
    from rab.workflows.questions import evidence as gather
    from rab.workflows.questions import model_of
    from rab.workflows.questions import similar as find

    if variety and limit is None:
        raise click.UsageError("--variety chooses among the nearest: say how many with --limit")
    with library(ctx) as (settings, workspace):
        (about,) = _calls(settings, workspace, call, model, chosen)
        asked = filter_of(workspace, where, model_of(workspace, about))
        words: tuple[str, ...] = ()
        if limit is None:
            pack = gather(workspace, about, where=parse_filter(where))
            near, words = pack.neighbours, pack.depth.reasons if pack.depth else ()
        else:
            near = find(workspace, about, n=limit, where=asked, variety=variety)
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in near])
        return
    for entry in near:
        click.echo(f"{entry.call.segment_id}  {entry.similarity:.3f}  {name_words(entry.name)}")
        click.echo(f"  {call_words(entry.call)}")
    if not near:
        click.echo("no other call is stored that the filter admits")
    elif words:
        click.echo("; ".join(words))


@click.command()
@click.argument("call", required=False)
@where_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of Evidence Packs and stop.")
@click.option("--thumbnails", is_flag=True, help="Put spectrograms into the JSON.")
@_about_a_call
@json_option
@click.pass_context
def evidence(
    ctx: click.Context,
    call: str | None,
    where: str,
    schema: bool,
    thumbnails: bool,
    model: str | None,
    chosen: dict[str, Any],
    as_json: bool,
) -> None:
    """Print the Evidence Pack of a segment, or of a stretch of a file.

    CALL is a segment's id, or its first characters, or an audio file.
    """
    from rab.domain import EvidencePack
    from rab.evidence.printing import pack_words
    from rab.workflows.questions import evidence as gather

    if schema:
        print_json(EvidencePack.model_json_schema(mode="serialization"))
        return
    if call is None:
        raise click.UsageError("name a segment or a file; `rab segments` lists the segments")
    with library(ctx) as (settings, workspace):
        (about,) = _calls(settings, workspace, call, model, chosen)
        pack = gather(workspace, about, where=parse_filter(where), thumbnails=thumbnails)
    print_json(pack) if as_json else click.echo(pack_words(pack), nl=False)


@click.command()
@click.argument("call")
@where_option
@_about_a_call
@click.option("--each", is_flag=True, help="Answer for every segment of the selection, not for the best heard one.")
@click.option("--report", "as_report", is_flag=True, help="Write it as a document, as `rab report` does.")
@json_option
@click.pass_context
def interpret(
    ctx: click.Context,
    call: str,
    where: str,
    model: str | None,
    chosen: dict[str, Any],
    each: bool,
    as_report: bool,
    as_json: bool,
) -> None:
    """Say what a call resembles, how it differs, and how sure that is.

    CALL is a segment's id, or its first characters, or an audio file, which is heard and not stored. Every sentence
    ends with the pack entries that it rests on.
    """
    from rab.generation import text_of
    from rab.workflows.questions import interpret as run

    with library(ctx) as (settings, workspace):
        asked = _calls(settings, workspace, call, model, chosen, each=each)
        answers = [run(workspace, about, where=parse_filter(where)) for about in asked]
        if as_report:
            _write_report(workspace, asked, answers, where, as_json)
            return
    if as_json:
        print_json([one.model_dump(mode="json") for one in answers] if each else answers[0])
        return
    click.echo("\n".join(text_of(one) for one in answers), nl=False)


def _write_report(
    workspace: "Workspace", asked: "list[Call]", answers: "list[Interpretation]", where: str, as_json: bool
) -> None:
    from rab.cli.report import print_written
    from rab.workflows.reporting import write_call_report

    unstored = [one.stored for one in asked if not isinstance(one, str)]
    written = write_call_report(workspace, "interpretation", answers, where=parse_filter(where), unstored=unstored)
    print_written(written, as_json=as_json)


def _calls(
    settings: "Settings",
    workspace: "Workspace",
    call: str,
    model: str | None,
    chosen: dict[str, Any],
    *,
    each: bool = False,
) -> "list[Call]":
    """Return what is asked about: a stored segment, or what is heard in a file."""
    from rab.workflows.clips import hear, read_file, selection_of
    from rab.workflows.questions import find_segment
    from rab.workflows.selections import Selection, Told

    selection = Selection(
        t0_ms=_ms(chosen.get("from")),
        t1_ms=_ms(chosen.get("to")),
        **{name: chosen.get(name) for name in ("low_hz", "high_hz", "channel")},
    )
    path = Path(call)
    if path.is_file():
        names = {"site": "site", "lat": "lat_deg", "lon": "lon_deg"}
        told = Told(
            started_at=_instant(chosen.get("time")),
            **{to: chosen[name] for name, to in names.items() if name in chosen},
        )
        recording = read_file(workspace, path, told, deployments=workspace.deployments())
        return [*hear(workspace, recording, selection, model=model or settings.model, each=each)]
    if path.suffix or len(path.parts) > 1:
        raise NotFound(f"there is no file {call}", hint="check the path, or name a segment (`rab segments`)")
    if unfit := sorted({"site", "lat", "lon", "time"} & chosen.keys()):
        raise click.UsageError(f"--{unfit[0]} tells of a file; what the library holds has its place and clock")
    if not chosen and not each:
        return [call]
    stored = find_segment(workspace, call)
    of_it = selection_of(stored, selection)
    return [*hear(workspace, stored.recording, of_it, model=model or stored.segment.embedder, each=each)]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 3)


def _instant(words: str | None) -> datetime | None:
    if words is None:
        return None
    try:
        instant = datetime.fromisoformat(words)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise InputError(f"{words!r} is no time with an offset", hint="write 2025-05-03T05:12:00+02:00")
    return instant
