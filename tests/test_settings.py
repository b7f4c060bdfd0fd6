"""Settings that cannot be meant are named, with the next step."""

from pathlib import Path

import pytest

from rab.errors import SettingsError
from rab.settings import read_settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [("RAB_N_THREADS", "0"), ("RAB_HTTP__PORT", "x"), ("RAB_STORE", "foo"), ("RAB_LOG_LEVEL", "LOUD")],
)
def test_setting_out_of_bounds_is_named(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable or its group."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert variable.removeprefix("RAB_").lower() in str(refused.value).lower()


def test_env_file_that_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .env file in another encoding ends in a message, not in a traceback."""
    (tmp_path / ".env").write_bytes(b"RAB_MODEL=\xff\xfe")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="UTF-8"):
        read_settings()


def test_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """An override that is given wins over the environment; one that is None does not."""
    monkeypatch.setenv("RAB_MODEL", "from-environment")
    assert read_settings(model="given").model == "given"
    assert read_settings(model=None).model == "from-environment"
