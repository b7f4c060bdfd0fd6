"""What every command shares: settings from the command line and the environment, the open library, and JSON output."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from rab import logs
from rab.domain import SegmentFilter, Value
from rab.domain.filter import parse_filter
from rab.errors import NotFound
from rab.settings import Settings, read_settings

if TYPE_CHECKING:
    from rab.workflows.workspace import Workspace


class FiniteRange(click.FloatRange):
    """A number of a range; neither NaN, which no range refuses, nor infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number. Raises `BadParameter`, which names the option."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number; give one, such as {max(self.min or 0, 0) or 1.5:g}", param, ctx)
        return number

    def _describe_range(self) -> str:
        """Return the range as help shows it; nothing where there is no bound."""
        return "" if self.min is None and self.max is None else super()._describe_range()


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")
model_option = click.option("--model", metavar="KEY", help="Model whose segments are meant (RAB_MODEL).")
where_option = click.option(
    "--where",
    metavar="FILTER",
    default="",
    help='Limit the segments: `site=A12 hour=4..7 snr>=10 (taxon="Turdus merula" score>=0.7 or voice) not reviewed`.',
)


def settings_of(ctx: click.Context) -> Settings:
    """Return the settings in force; options on the command line win over the environment."""
    given: dict[str, str | None] = ctx.find_root().obj or {}
    home = given.get("home")
    settings = read_settings(home=Path(home) if home else None, log_level=given.get("log_level"))
    logs.configure(settings.log_level)
    return settings


def heard_under(settings: Settings, data: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return where recordings are to be found: in `data`, or the samples. Raises `NotFound` where none were fetched."""
    samples = settings.home / "samples"
    if not data and not samples.is_dir():
        raise NotFound(
            f"there are no sample recordings in {samples}",
            hint="run `rab samples fetch`, or name a folder with --data",
        )
    return data or (samples,)


@contextmanager
def library(ctx: click.Context) -> Iterator[tuple[Settings, "Workspace"]]:
    """Open the library for the length of a command."""
    from rab.bootstrap import open_workspace

    settings = settings_of(ctx)
    with open_workspace(settings, purpose=f"rab {ctx.info_name}") as workspace:
        yield settings, workspace


def filter_of(workspace: "Workspace", words: str, model: str) -> SegmentFilter:
    """Read a filter; what it names that the library does not have, and how it was read, goes to standard error.

    `model` is the one whose scores are meant where it asks for a precision.
    """
    from rab.workflows.filters import understand

    where, notes = understand(workspace, parse_filter(words), model)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    return where


def print_json(content: Value | dict[str, Any] | list[Any]) -> None:
    """Print a value, or plain data, as indented JSON."""
    data = content.model_dump(mode="json") if isinstance(content, Value) else content
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, Value):
        return value.model_dump(mode="json")
    return str(value)
