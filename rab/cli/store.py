"""`rab store`: where the vectors live, whether they are whole, what more of them would cost, and how they move."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.session import FiniteRange, json_option, library, print_json
from rab.errors import Conflict, SettingsError

if TYPE_CHECKING:
    from rab.settings import Settings
    from rab.store.plan import StorePlan
    from rab.workflows.storage import MoveProgress, SpaceMove, SpaceShown, SpaceVerified, Watch

_EMBEDDED = "embedded"
_TABLE_HOURS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
_GB = 10**9

models_option = click.option("--model", "models", metavar="KEY", multiple=True, help="Model that is meant; else all.")


@click.group()
def store() -> None:
    """Show, verify, plan and move the vectors of the library."""


@store.command()
@models_option
@json_option
@click.pass_context
def show(ctx: click.Context, models: tuple[str, ...], as_json: bool) -> None:
    """Show how the vectors are stored: engine, points, dimensions, bytes, quantisation, indexes."""
    from rab.workflows.storage import show_store

    with library(ctx) as (_, workspace):
        spaces = show_store(workspace, models=models)
    if as_json:
        print_json([one.model_dump(mode="json") for one in spaces])
        return
    for one in spaces:
        click.echo("\n".join(_shown_lines(one)))
    if not spaces:
        click.echo("no vectors yet; `rab ingest PATH…` makes some")


@store.command()
@models_option
@json_option
@click.pass_context
def verify(ctx: click.Context, models: tuple[str, ...], as_json: bool) -> None:
    """Compare the catalog with the store: segments without vectors, vectors without segments.

    Ends with exit code 5 where they do not agree.
    """
    from rab.workflows.storage import verify_store

    with library(ctx) as (_, workspace):
        spaces = verify_store(workspace, models=models)
    if as_json:
        print_json([one.model_dump(mode="json") | {"is_whole": one.is_whole} for one in spaces])
    else:
        for one in spaces:
            click.echo("\n".join(_verified_lines(one)))
    if not all(one.is_whole for one in spaces):
        ctx.exit(Conflict.exit_code)


@store.command()
@click.option("--to", "to", required=True, metavar="URL|embedded", help="A Qdrant server, or the data directory.")
@click.option("--batch", type=click.IntRange(1), default=1_024, show_default=True, help="Points copied at a time.")
@models_option
@json_option
@click.pass_context
def migrate(ctx: click.Context, to: str, batch: int, models: tuple[str, ...], as_json: bool) -> None:
    """Copy the vectors to another place and verify them there. The place they come from is left as it is.

    Stopped at any moment, the same command goes on from there. The key of a server is RAB_STORE__API_KEY.
    """
    from rab.workflows.storage import migrate as move

    with library(ctx) as (settings, workspace):
        target = _target(settings, to)
        with _lock(settings, target), _bar(shown=not as_json) as watch:
            from rab.bootstrap import open_store

            moves = move(workspace, lambda card: open_store(target, card), models=models, batch=batch, watch=watch)
    if as_json:
        print_json([one.model_dump(mode="json") for one in moves])
        return
    for one in moves:
        click.echo(_moved_line(one))
    click.echo("next: " + ("unset RAB_STORE__URL" if to == _EMBEDDED else f"set RAB_STORE__URL={to}"))


@store.command()
@click.option("--segments", "n_segments", type=click.IntRange(0), help="Segments that the library will hold.")
@click.option("--hours", type=FiniteRange(0), help="Hours of sound that it will hold.")
@click.option("--window", "window_s", type=FiniteRange(0.01), default=3.0, show_default=True, help="Seconds.")
@click.option(
    "--overlap", "overlap_fraction", type=FiniteRange(0, 0.95), default=0.0, show_default=True, help="Of windows."
)
@click.option("--dim", type=click.IntRange(1), default=1_024, show_default=True, help="Dimensions of a vector.")
@click.option("--ram", "ram_gb", type=FiniteRange(0.5), default=32.0, show_default=True, help="GB of a node.")
@click.option("--replicas", type=click.IntRange(1), default=1, show_default=True, help="Copies of every point.")
@click.option("--measure", metavar="KEY", help="Take the size of payloads from this model's in the library.")
@json_option
@click.pass_context
def plan(
    ctx: click.Context,
    n_segments: int | None,
    hours: float | None,
    window_s: float,
    overlap_fraction: float,
    dim: int,
    ram_gb: float,
    replicas: int,
    measure: str | None,
    as_json: bool,
) -> None:
    """Compute RAM, disk, shards and nodes of a Qdrant cluster: for one size, or a table up to a million hours."""
    from rab.store.plan import USUAL_PAYLOAD, Hardware, plan_store, segments_of
    from rab.store.server_policy import ServerPolicy
    from rab.workflows.storage import payload_size

    if n_segments is not None and hours is not None:
        raise click.UsageError("give --segments or --hours, not both")
    payload = USUAL_PAYLOAD
    if measure is not None:
        with library(ctx) as (_, workspace):
            payload = payload_size(workspace, measure)
    sizes: list[tuple[float | None, int]] = [(None, n_segments)] if n_segments is not None else []
    for one in () if sizes else (_TABLE_HOURS if hours is None else (hours,)):
        sizes.append((one, segments_of(one, window_ms=1000 * window_s, overlap_fraction=overlap_fraction)))
    policy, node = ServerPolicy(replication_factor=replicas), Hardware(ram_bytes=int(ram_gb * _GB))
    plans = [plan_store(n, dim, payload=payload, policy=policy, node=node, hours=heard) for heard, n in sizes]
    if as_json:
        print_json([one.model_dump(mode="json") for one in plans])
        return
    click.echo("\n".join(_table(plans)))
    click.echo(f"payload {payload.n_bytes:.0f} bytes a segment; nodes of {ram_gb:g} GB RAM; copies included")


def _table(plans: "list[StorePlan]") -> Iterator[str]:
    """Give the rows of the sizing table, as Markdown."""
    yield "|     hours |      segments |  dim |         RAM |         disk | shards | nodes |"
    yield "|----------:|--------------:|-----:|------------:|-------------:|-------:|------:|"
    for one in plans:
        hours = "" if one.hours is None else f"{one.hours:,.10g}"
        yield (
            f"| {hours:>9} | {one.n_segments:13,} | {one.dim:4} | {one.ram_bytes / _GB:8,.2f} GB "
            f"| {one.disk_bytes / _GB:9,.2f} GB | {one.n_shards:6} | {one.n_nodes:5} |"
        )


def _shown_lines(one: "SpaceShown") -> Iterator[str]:
    facts = one.facts
    yield f"{one.model}  {one.space}"
    yield f"  engine        {facts.engine}"
    yield f"  points        {facts.n_points:,} of {one.dim} dimensions"
    if facts.n_indexed is not None:
        yield f"  in the graph  {facts.n_indexed:,}"
    if facts.disk_bytes is not None:
        yield f"  disk          {facts.disk_bytes / 1e6:,.1f} MB"
    yield f"  RAM           {one.server_ram_bytes / 1e6:,.1f} MB on a server, by `rab store plan`"
    yield f"  quantisation  {facts.quantisation or 'none'}"
    if facts.shard_number is not None:
        yield f"  shards        {facts.shard_number}, {facts.replication_factor} of each"
    if facts.indexes:
        yield f"  indexes       {', '.join(facts.indexes)}"
    for difference in facts.differences:
        yield f"  set up otherwise: {difference}"


def _verified_lines(one: "SpaceVerified") -> Iterator[str]:
    yield f"{one.model}: {one.n_segments} segments, {one.n_points} vectors{'; all well' if one.is_whole else ''}"
    if one.n_without_vector:
        yield f"  {one.n_without_vector} segments have no vector, such as {', '.join(one.without_vector)}"
        yield f"  next: rab ingest PATH… --model {one.model} --again"
    if one.n_without_segment:
        yield f"  {one.n_without_segment} vectors have no segment, such as {', '.join(one.without_segment)}"
        yield "  next: run the ingest again that was broken off; it finishes what it began"


def _moved_line(one: "SpaceMove") -> str:
    return (
        f"{one.model}: {one.n_copied} copied, {one.n_present} there already; "
        f"verified: {one.target.n_points} points, checksum {one.target.checksum}"
    )


def _target(settings: "Settings", to: str) -> "Settings":
    url = None if to == _EMBEDDED else to.rstrip("/")
    if url == (settings.store.url.rstrip("/") if settings.store.url else None):
        raise SettingsError(f"the vectors are in {to} already", hint="name another place with --to: a URL or embedded")
    return settings.model_copy(update={"store": settings.store.model_copy(update={"url": url})})


@contextmanager
def _lock(settings: "Settings", target: "Settings") -> Iterator[None]:
    """Own the data directory where vectors go into it and opening the library did not take it: both were elsewhere."""
    from rab.home import HomeLock

    held = settings.store.url is None or settings.catalog.url is None
    with HomeLock(settings.home, "rab store migrate") if target.store.url is None and not held else nullcontext():
        yield


@contextmanager
def _bar(*, shown: bool) -> "Iterator[Watch]":
    from rab.cli.progress import counting_bar

    with counting_bar(shown=shown) as count:

        def watch(progress: "MoveProgress") -> None:
            count(f"{progress.model} {progress.stage}", progress.n_done, progress.n_points)

        yield watch
