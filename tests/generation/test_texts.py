"""The texts are found, complete and known by their digest."""

import re
from pathlib import Path
from typing import get_args

import pytest

from rab.domain import ClaimKind, content_id
from rab.errors import Unavailable
from rab.generation import codes, prompts_sha256
from rab.generation.wording.sentences import SECTIONS
from rab.generation.wording.texts import prompts_home, templates, texts


def test_every_kind_has_a_template_and_a_heading() -> None:
    """A kind without words, or without a place in the text, would be lost silently."""
    kinds = set(get_args(ClaimKind))
    worded = {path.removeprefix("claims/").removesuffix(".j2") for path in texts() if path.startswith("claims/")}
    placed = [kind for section in SECTIONS.values() for kind in section]
    assert (worded, sorted(placed)) == (kinds, sorted(kinds))


def test_every_template_has_a_version() -> None:
    """The first line names the template and its version; what a model is given is known by the digest alone."""
    given = {path: text for path, text in texts().items() if path.endswith(".j2")}
    unversioned = [path for path, text in given.items() if not re.match(r"\{# [a-z_ ]+, version \d+ #\}\n", text)]
    assert unversioned == []


def test_digest_covers_paths_and_contents() -> None:
    """The digest is the sha256 over every path and text."""
    assert prompts_sha256() == content_id("".join(f"{path}\n{text}\0" for path, text in texts().items()).encode())


def test_undefined_names_are_errors() -> None:
    """A template that asks for what it was not given fails instead of printing nothing."""
    with pytest.raises(Exception, match="undefined"):
        templates().from_string("{{ missing }}").render()


def test_texts_are_found_in_a_wheel_and_in_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package carries its texts; in a checkout they stand beside it; without either nothing is written."""
    package = tmp_path / "rab"
    monkeypatch.setattr("rab.generation.wording.texts.files", lambda name: package)
    with pytest.raises(Unavailable, match="templates"):
        prompts_home()
    (tmp_path / "prompts").mkdir()
    assert prompts_home() == tmp_path / "prompts"
    (package / "prompts").mkdir(parents=True)
    assert prompts_home() == package / "prompts"


def test_every_code_is_documented_in_order() -> None:
    """The table of codes lists each of them, in the order of the checks."""
    assert tuple(re.findall(r"^    (E_\w+)", codes.__doc__ or "", flags=re.MULTILINE)) == get_args(codes.Code)
