"""The texts that the writer is given: jinja2 templates in `prompts/`, and the digest that every output records.

In a checkout they stand in `prompts/` beside the package, in an installed wheel in `rab/prompts/`. Templates receive
values and never become values: a name from a file's metadata is printed, not evaluated. Line ends are normalised before
hashing, so that a checkout on another system gives the same digest.
"""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from jinja2 import DictLoader, Environment, StrictUndefined

from rab.domain import content_id
from rab.errors import Unavailable


def prompts_home() -> Traversable:
    """Return the folder of the texts. Raises `Unavailable` when the installation lacks it."""
    package = files("rab")
    for home in (package / "prompts", Path(str(package)).parent / "prompts"):
        if home.is_dir():
            return home
    raise Unavailable("the folder of templates, prompts, is missing", hint="install rab again")


@cache
def texts() -> dict[str, str]:
    """Return every text by its path below `prompts/`, sorted."""
    return dict(sorted(_below(prompts_home(), "")))


def _below(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".j2", ".txt")):
            found.append((f"{prefix}{entry.name}", entry.read_text(encoding="utf-8").replace("\r\n", "\n")))
    return found


@cache
def prompts_sha256() -> str:
    """Return the sha256 over the paths and contents of all texts."""
    return content_id("".join(f"{path}\n{text}\0" for path, text in texts().items()).encode())


@cache
def templates() -> Environment:
    """Return the templates. An undefined name is an error; nothing is escaped, because the output is plain text."""
    return Environment(
        loader=DictLoader(texts()),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  plain text; the HTML report escapes on its own
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
