"""The search benchmark: every row is there, recall is measured, and what cannot be measured is refused."""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rab.bootstrap import open_embedded_store
from rab.domain import EmbedderCard
from rab.errors import InputError, Unavailable
from rab.evals.bench_search import FILTERS, SearchPeer, SearchRun, bench_search

DIM = 96


@pytest.fixture(scope="module")
def card() -> EmbedderCard:
    """The card of a small embedder."""
    return EmbedderCard(
        name="toy",
        version="1",
        task="tests",
        sample_rate_hz=48_000,
        window_ms=3000,
        hop_ms=3000,
        dim=DIM,
        n_classes=3,
        weights_sha256="0" * 64,
        preprocessing="none",
        licence="CC0-1.0",
        licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
        citation="none",
    )


@pytest.fixture(scope="module")
def real() -> npt.NDArray[np.float32]:
    """Forty windows of four recordings, each with a voice of its own."""
    rng = np.random.default_rng(3)
    voices = np.repeat(np.maximum(rng.standard_normal((4, DIM)), 0), 10, axis=0)
    return np.asarray(voices + 0.2 * np.abs(rng.standard_normal((40, DIM))), np.float32)


OF = [f"recording {n // 10}" for n in range(40)]


@pytest.fixture(scope="module")
def run(card: EmbedderCard, real: npt.NDArray[np.float32]) -> SearchRun:
    """A small benchmark, with the local mode of a client as a peer that is given a part."""
    local = SearchPeer(sys.executable, ("qdrant_client",), n_most=200)
    return bench_search(open_embedded_store, card, real, OF, n=2_000, n_queries=8, peers=[local])


def test_every_way_has_a_row(run: SearchRun) -> None:
    """The engine alone, the time of making, RAB with each filter, and the peer, each with what it took."""
    names = [timing.name for timing in run.timings]
    assert [f"RAB, {title}" for title in FILTERS] == [name for name in names if name.startswith("RAB")]
    assert names[0] == "the engine alone, unfiltered"
    assert names[-1].startswith("qdrant-client, local mode ")
    assert all(timing.p50_ms <= timing.p95_ms <= timing.slowest_ms for timing in run.timings)
    assert all(timing.p50_ms > 0 for timing in run.timings if timing.n_queries)
    assert {2_000: 8, 200: 1} == {n: sum(timing.n_vectors == n for timing in run.timings) for n in (2_000, 200)}
    assert run.insert_s > 0
    assert run.disk_mib > 2_000 * DIM * 4 / 2**20


def test_exact_ways_find_all(run: SearchRun) -> None:
    """The engine alone and the peer compare everything, and so does RAB where a filter leaves little."""
    recall = {timing.name.split(" 1.")[0]: timing.recall_at_10 for timing in run.timings}
    assert 1.0 == recall["the engine alone, unfiltered"] == recall["the engine alone, site, 1 of 20"]
    assert 1.0 == run.timings[-1].recall_at_10 == recall["RAB, site, 1 of 20"]
    assert (recall["RAB, unfiltered"] or 0) >= 0.98


@pytest.mark.parametrize(("n", "n_real"), [(1_999, 40), (2_000, 1)])
def test_too_little_is_refused(card: EmbedderCard, real: npt.NDArray[np.float32], n: int, n_real: int) -> None:
    """So few vectors say nothing."""
    with pytest.raises(InputError, match="say nothing about a search"):
        bench_search(open_embedded_store, card, real[:n_real], OF[:n_real], n=n, n_queries=1)


def test_a_peer_that_has_nothing_to_offer_is_named(
    card: EmbedderCard, real: npt.NDArray[np.float32], tmp_path: Path
) -> None:
    """An interpreter without the packages, and none at all, are told apart."""
    for python, kind, words in [
        (sys.executable, Unavailable, "none of perch_hoplite could be measured"),
        (str(tmp_path / "python"), InputError, "cannot be started"),
    ]:
        peers = [SearchPeer(python, ("perch_hoplite",))]
        with pytest.raises(kind, match=words):
            bench_search(open_embedded_store, card, real, OF, n=2_000, n_queries=1, peers=peers, gaussian=True)
