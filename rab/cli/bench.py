"""`rab bench`: how fast it is here, as ratios within one run."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.session import FiniteRange, heard_under, json_option, model_option, print_json, settings_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rab.evals.bench import OpenLibrary, OpenPeer
    from rab.evals.bench_search import SearchRun
    from rab.evals.race import BenchRun
    from rab.settings import Settings
    from rab.workflows.workspace import Workspace

data_option = click.option(
    "--data", type=click.Path(path_type=Path), multiple=True, help="Recordings (the fetched samples)."
)
rounds_option = click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Rounds of the race."
)
threads_option = click.option(
    "--threads", type=click.IntRange(1), help="Threads of the many-threaded rows (one per core)."
)
peer_option = click.option(
    "--peer",
    "peers",
    metavar="PYTHON",
    multiple=True,
    help="A Python in which batdetect2 or birdnet is installed: the authors' own package joins the race.",
)


@click.group()
def bench() -> None:
    """Measure speed and memory as ratios to a baseline in the same run."""


@bench.command()
@model_option
@data_option
@peer_option
@threads_option
@rounds_option
@json_option
@click.pass_context
def embed(
    ctx: click.Context,
    model: str | None,
    data: tuple[Path, ...],
    peers: tuple[str, ...],
    threads: int | None,
    rounds: int,
    as_json: bool,
) -> None:
    """Race a model's runtimes over real windows: the slowest known way is the baseline."""
    from rab.bootstrap import build_embedder
    from rab.embedders.weights import source_of
    from rab.evals.bench import bench_embed, n_cores
    from rab.evals.run import recordings_under

    settings = settings_of(ctx)
    key = model or settings.model
    runtimes = source_of(key).runtimes[::-1] or (None,)
    embedders = [(runtime or key, build_embedder(settings, key, runtime=runtime)) for runtime in runtimes]
    recordings = recordings_under(heard_under(settings, data))
    numbers = sorted({1, threads or settings.n_threads or n_cores()})
    run = bench_embed(
        embedders,
        recordings,
        threads=numbers,
        rounds=rounds,
        peers=[_peer(settings, python) for python in peers],
        itself=_peer(settings, sys.executable, package="rab") if peers else None,
    )
    _show(run, as_json=as_json)


@bench.command()
@model_option
@data_option
@click.option("--minutes", type=FiniteRange(0.1), default=10.0, show_default=True, help="Length of the WAV.")
@peer_option
@threads_option
@rounds_option
@json_option
@click.pass_context
def ingest(
    ctx: click.Context,
    model: str | None,
    data: tuple[Path, ...],
    minutes: float,
    peers: tuple[str, ...],
    threads: int | None,
    rounds: int,
    as_json: bool,
) -> None:
    """Race a whole ingest of a WAV, made of real recordings, against the embedder alone."""
    from rab.bootstrap import build_embedder
    from rab.evals.bench import bench_ingest, n_cores
    from rab.evals.run import recordings_under

    settings = settings_of(ctx)
    run = bench_ingest(
        build_embedder(settings, model or settings.model),
        _libraries(settings),
        recordings_under(heard_under(settings, data)),
        minutes=minutes,
        n_threads=threads or settings.n_threads or n_cores(),
        rounds=rounds,
        peers=[_peer(settings, python) for python in peers],
    )
    _show(run, as_json=as_json)


@bench.command()
@model_option
@data_option
@click.option("--hours", type=click.IntRange(1), default=10, show_default=True, help="Length of the recording.")
@threads_option
@json_option
@click.pass_context
def memory(
    ctx: click.Context, model: str | None, data: tuple[Path, ...], hours: int, threads: int | None, as_json: bool
) -> None:
    """Ingest one long recording and tell the memory of the process, hour by hour."""
    from rab.evals.bench import bench_memory, n_cores
    from rab.evals.run import recordings_under

    settings = settings_of(ctx)
    run = bench_memory(
        model or settings.model,
        _libraries(settings),
        recordings_under(heard_under(settings, data)),
        hours=hours,
        n_threads=threads or settings.n_threads or n_cores(),
    )
    _show(run, as_json=as_json)


@bench.command()
@model_option
@data_option
@click.option("--n", type=click.IntRange(2_000), default=100_000, show_default=True, help="Vectors to search.")
@click.option("--queries", type=click.IntRange(1), default=200, show_default=True, help="Queries to ask.")
@click.option("--gaussian", is_flag=True, help="Take vectors in random directions: the worst case.")
@click.option(
    "--peer",
    "peers",
    metavar="PYTHON",
    multiple=True,
    help="A Python in which perch-hoplite or usearch is installed: they answer the same queries.",
)
@json_option
@click.pass_context
def search(
    ctx: click.Context,
    model: str | None,
    data: tuple[Path, ...],
    n: int,
    queries: int,
    gaussian: bool,
    peers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Search a library of any size, filtered and not: latency, and how many of the true ten nearest are found."""
    from rab.bootstrap import build_embedder, open_embedded_store
    from rab.evals.bench_search import SearchPeer, bench_search, real_vectors
    from rab.evals.run import recordings_under

    settings = settings_of(ctx)
    embedder = build_embedder(settings, model or settings.model)
    real, of = real_vectors(embedder, recordings_under(heard_under(settings, data)))
    local = SearchPeer(sys.executable, ("qdrant_client",), n_most=5_000)
    others = [local, *map(SearchPeer, peers)]
    run = bench_search(
        open_embedded_store, embedder.card, real, of, n=n, n_queries=queries, peers=others, gaussian=gaussian
    )
    if as_json:
        print_json(run)
    else:
        _show_search(run)


@bench.command()
@model_option
@data_option
@click.option("--n", "n_segments", type=click.IntRange(1000), default=100_000, show_default=True, help="Segments.")
@click.option("--packs", type=click.IntRange(2), default=200, show_default=True, help="Packs to gather.")
@json_option
@click.pass_context
def evidence(
    ctx: click.Context, model: str | None, data: tuple[Path, ...], n_segments: int, packs: int, as_json: bool
) -> None:
    """Gather Evidence Packs in a library of any size, grown from real recordings: how long each takes."""
    from rab.evals.bench_evidence import bench_evidence

    settings = settings_of(ctx)
    recordings = heard_under(settings, data)
    runs = bench_evidence(
        _libraries(settings), recordings, model or settings.model, n_segments=n_segments, n_packs=packs
    )
    if as_json:
        print_json([run.model_dump() for run in runs])
        return
    for run in runs:
        click.echo(
            f"{run.n_segments} segments, neighbours by {run.order}: of {run.n_packs} packs half within "
            f"{run.p50_ms:.1f} ms, 95 % within {run.p95_ms:.1f} ms, all within {run.slowest_ms:.1f} ms; "
            f"the first after opening {run.first_ms:.0f} ms"
        )
    click.echo(f"on {runs[0].machine}")


@bench.command()
@click.option(
    "--n",
    "sizes",
    type=click.IntRange(1000),
    multiple=True,
    default=(100_000, 1_000_000),
    show_default=True,
    help="Segments; may be given several times.",
)
@click.option("--compared", is_flag=True, help="Summarise one site, and hold it against another.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Rounds of each size.")
@json_option
def summary(sizes: tuple[int, ...], compared: bool, rounds: int, as_json: bool) -> None:
    """Summarise catalogs of any size: how long it takes, beside a plain scan of the same tables."""
    from rab.evals.bench_summary import bench_summary

    runs = bench_summary(sizes, rounds=rounds, compared=compared)
    if as_json:
        print_json([run.model_dump() for run in runs])
        return
    for run in runs:
        click.echo(
            f"{run.n_segments} segments with {run.n_detections} detections: {run.n_figures} figures in "
            f"{run.summary_s:.2f} s, {run.ratio:.1f} × a scan of the tables ({run.scan_s:.2f} s)"
        )
    click.echo(f"on {runs[0].machine}")


@bench.command()
@model_option
@data_option
@click.option("--packs", type=click.IntRange(2), default=200, show_default=True, help="Packs to write about.")
@json_option
@click.pass_context
def generation(ctx: click.Context, model: str | None, data: tuple[Path, ...], packs: int, as_json: bool) -> None:
    """Write and validate texts about packs of 64 items: how long each takes, beside gathering a pack."""
    from rab.evals.bench_generation import bench_generation

    settings = settings_of(ctx)
    recordings = heard_under(settings, data)
    run = bench_generation(_libraries(settings), recordings, model or settings.model, n_packs=packs)
    if as_json:
        print_json(run)
        return
    click.echo(f"{run.n_packs} packs, filled up to {run.n_items} items, on {run.machine}")
    for one in run.timings:
        click.echo(
            f"{one.name:<34}half within {one.p50_ms:.1f} ms, 99 % within {one.p99_ms:.1f} ms, "
            f"{one.ratio:.2f} × gathering"
        )


def _libraries(settings: "Settings") -> "OpenLibrary":
    """Return what opens a library elsewhere, with the models that are installed here."""
    from rab.bootstrap import models_dir, open_workspace

    installed = models_dir(settings)

    def open_library(home: Path) -> "AbstractContextManager[Workspace]":
        moved = settings.model_copy(update={"home": home, "models_dir": installed})
        return open_workspace(moved, purpose="rab bench")

    return open_library


def _peer(settings: "Settings", python: str, *, package: str | None = None) -> "OpenPeer":
    """Return what opens the authors' own package, or another, in a Python, on the weights that are installed here."""
    from rab.bootstrap import models_dir
    from rab.evals.peers import peer

    return partial(peer, python, models_dir=models_dir(settings).absolute(), package=package)


def _show(run: "BenchRun", *, as_json: bool) -> None:
    if as_json:
        print_json(run)
        return
    click.echo(f"{run.bench}, {run.audio_s:.0f} s of sound a round, on {run.machine}")
    width = max(len(name) for name in (*(timing.name for timing in run.timings), *run.figures))
    click.echo(f"{'':<{width}}{'× real time':>14}{'ratio':>8}   range")
    for timing in run.timings:
        spread = "baseline" if timing.name == run.baseline else f"{timing.ratio_low:.2f}–{timing.ratio_high:.2f}"
        click.echo(f"{timing.name:<{width}}{timing.times_real_time:>14.1f}{timing.ratio:>8.2f}   {spread}")
    for name, value in run.figures.items():
        click.echo(f"{name:<{width}}{value:>14.1f}")
    for note in run.notes:
        click.echo(f"note: {note}")


def _show_search(run: "SearchRun") -> None:
    click.echo(f"{run.n_vectors} × {run.n_dims}, {run.vectors}, on {run.machine}")
    width = max(len(timing.name) for timing in run.timings)
    click.echo(f"{'':<{width}}{'vectors':>9}{'p50 ms':>9}{'p95 ms':>9}{'recall@10':>11}{'build s':>9}{'open s':>8}")
    for timing in run.timings:
        recall = "" if timing.recall_at_10 is None else f"{timing.recall_at_10:.3f}"
        seconds = ["" if value is None else f"{value:.2f}" for value in (timing.build_s, timing.opening_s)]
        click.echo(
            f"{timing.name:<{width}}{timing.n_vectors:>9}{timing.p50_ms:>9.2f}{timing.p95_ms:>9.2f}{recall:>11}"
            f"{seconds[0]:>9}{seconds[1]:>8}"
        )
    click.echo(
        f"stored in {run.insert_s:.0f} s; memory {run.own_mib:.0f} MiB, and {run.mapped_mib:.0f} MiB of mapped files; "
        f"disk {run.disk_mib:.0f} MiB"
    )
