"""`rab store`: what a user reads, on the small library and a small server."""

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

Rab = Callable[..., Any]
Serving = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def own_home(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rab: Rab) -> Path:
    """A copy of the small library, whose vectors may be moved about."""
    copy = tmp_path / "home"
    shutil.copytree(home, copy)
    monkeypatch.setenv("RAB_HOME", str(copy))
    return copy


def test_show_says_where_vectors_are(rab: Rab) -> None:
    """Engine, points, dimensions, bytes and quantisation, in words and as JSON."""
    answer = rab("store", "show")
    assert (0, "") == (answer.code, answer.err)
    assert "engine        embedded\n  points        44 of 1024 dimensions\n  disk " in answer.out
    (space,) = json.loads(rab("store", "show", "--json").out)
    assert ("birdnet-v2.4", 1024, 44) == (space["model"], space["dim"], space["facts"]["n_points"])


def test_verify_says_that_all_is_well(rab: Rab) -> None:
    """As many vectors as segments, and exit code 0."""
    answer = rab("store", "verify")
    assert (0, "birdnet-v2.4: 44 segments, 44 vectors; all well\n", "") == answer


def test_migrate_there_and_back(
    rab: Rab, own_home: Path, serving_qdrant: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a server, shown and verified there; then home, where the vectors had been removed meanwhile."""
    with serving_qdrant() as server:
        moved = rab("store", "migrate", "--to", server.url, "--batch", 10)
        assert 0 == moved.code
        assert moved.out.startswith("birdnet-v2.4: 44 copied, 0 there already; verified: 44 points, checksum ")
        assert moved.out.endswith(f"next: set RAB_STORE__URL={server.url}\n")
        monkeypatch.setenv("RAB_STORE__URL", server.url)
        shown = rab("store", "show").out
        assert f"engine        {server.url}" in shown
        assert "quantisation  int8 in RAM" in shown
        assert "set up otherwise" not in shown
        assert "all well" in rab("store", "verify").out
        shutil.rmtree(own_home / "vectors")
        back = json.loads(rab("store", "migrate", "--to", "embedded", "--json").out)
        assert [44] == [one["n_copied"] for one in back]
        assert moved.out.split("checksum ")[1].split()[0] == back[0]["target"]["checksum"]
        assert rab("store", "migrate", "--to", "embedded").out.endswith("next: unset RAB_STORE__URL\n")
    monkeypatch.delenv("RAB_STORE__URL")
    assert "all well" in rab("store", "verify").out


def test_a_move_to_where_the_vectors_are_is_refused(rab: Rab) -> None:
    """Nothing to move: the message says so."""
    answer = rab("store", "migrate", "--to", "embedded")
    assert 2 == answer.code
    assert "the vectors are in embedded already" in answer.err


def test_verify_names_what_is_missing(rab: Rab, own_home: Path) -> None:
    """Without its vectors a library is not whole: counts, the next step, exit code 5."""
    shutil.rmtree(own_home / "vectors")
    answer = rab("store", "verify")
    assert 5 == answer.code
    assert "birdnet-v2.4: 44 segments, 0 vectors\n  44 segments have no vector, such as " in answer.out
    assert "next: rab ingest PATH… --model birdnet-v2.4 --again" in answer.out
    (space,) = json.loads(rab("store", "verify", "--json").out)
    assert (False, 44) == (space["is_whole"], space["n_without_vector"])


def test_plan_gives_a_table_up_to_a_million_hours(rab: Rab) -> None:
    """Six sizes, each ten times the one before; segments of 3 s without overlap."""
    plans = json.loads(rab("store", "plan", "--json").out)
    assert [10, 100, 1_000, 10_000, 100_000, 1_000_000] == [one["hours"] for one in plans]
    assert [1200 * one["hours"] for one in plans] == [one["n_segments"] for one in plans]
    table = rab("store", "plan").out.splitlines()
    assert 2 + 6 + 1 == len(table)
    assert "1,200,000,000" in table[7]


def test_plan_for_one_size(rab: Rab) -> None:
    """Overlap doubles the segments, copies the bytes; the payload may be measured in the library."""
    (half,) = json.loads(rab("store", "plan", "--hours", 10, "--overlap", 0.5, "--json").out)
    assert 24_000 == half["n_segments"]
    (once,) = json.loads(rab("store", "plan", "--segments", 1_000_000, "--dim", 1536, "--json").out)
    (twice,) = json.loads(rab("store", "plan", "--segments", 1_000_000, "--dim", 1536, "--replicas", 2, "--json").out)
    assert 2 * once["disk_bytes"] == twice["disk_bytes"]
    assert "payload " in rab("store", "plan", "--hours", 10, "--measure", "birdnet-v2.4").out


def test_plan_takes_one_size_only(rab: Rab) -> None:
    """Segments and hours at once contradict each other."""
    answer = rab("store", "plan", "--hours", 10, "--segments", 5)
    assert 2 == answer.code
    assert "give --segments or --hours, not both" in answer.err
