"""Log lines are for people on a terminal and for machines elsewhere, and keep what went wrong."""

import json
import logging

import pytest

from rab import logs


def test_line_is_json_where_no_terminal_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A unit of work leaves one JSON object with its fields and its time."""
    logs.configure("INFO")
    with logs.canonical_line("ingest", model="toy") as line:
        line["n_files"] = 2
    written = json.loads(capsys.readouterr().err)
    assert (written["event"], written["model"], written["n_files"]) == ("ingest", "toy", 2)
    assert written["elapsed_ms"] >= 0


def test_failed_unit_is_named_as_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """A block that raises is logged with the error's type, and the error goes on."""
    logs.configure("INFO")
    with pytest.raises(KeyError), logs.canonical_line("ingest"):
        raise KeyError("x")
    assert json.loads(capsys.readouterr().err)["failed"] == "KeyError"


def test_fault_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """What the client is not told stands in the log."""
    logs.configure("INFO")
    try:
        raise ValueError("a fault of ours")
    except ValueError as error:
        logs.LOGGER.error("http_fault", exc_info=error)
    assert "a fault of ours" in json.loads(capsys.readouterr().err)["traceback"]
    assert logging.getLogger("rab").propagate is False
