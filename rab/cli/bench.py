"""`rab bench`: how fast it is here, as ratios within one run."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.session import json_option, model_option, print_json, settings_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rab.evals.bench import OpenLibrary, OpenPeer
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
    recordings = recordings_under(data or (settings.home / "samples",))
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
@click.option("--minutes", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Length of the WAV.")
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
        recordings_under(data or (settings.home / "samples",)),
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
        recordings_under(data or (settings.home / "samples",)),
        hours=hours,
        n_threads=threads or settings.n_threads or n_cores(),
    )
    _show(run, as_json=as_json)


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
