"""A Qdrant server over real HTTP: what is sent to it, what it is asked, and what happens when it stumbles."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from socket import socket
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient

from rab.domain import EmbedderCard, SegmentFilter, SegmentPayload
from rab.errors import InputError, SpaceMismatch, StorageFailed, Unavailable
from rab.store.exact import ExactStore
from rab.store.qdrant import INDEXES
from rab.store.qdrant_server import QdrantServerStore
from rab.store.server_policy import ServerPolicy

HASTY = ServerPolicy(retry_waits_s=(0.0, 0.0))
EVERYTHING = SegmentFilter()
VECTORS = np.random.default_rng(3).standard_normal((40, 8)).astype(np.float32)
PAYLOADS = [
    SegmentPayload(segment_id=f"{n:032x}", recording_id="r", site=f"site {n % 3}", snr_db=float(n)) for n in range(40)
]

Serving = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def server(serving_qdrant: Serving) -> Iterator[Any]:
    """A server without any collection."""
    with serving_qdrant() as running:
        yield running


@pytest.fixture
def open_store(server: Any, card: EmbedderCard) -> Iterator[Callable[[ServerPolicy], QdrantServerStore]]:
    """Open the collection of the card on that server, closed when the test ends."""
    opened: list[QdrantServerStore] = []

    def opens(policy: ServerPolicy = HASTY) -> QdrantServerStore:
        opened.append(QdrantServerStore.open(server.url, card, timeout_s=5, policy=policy))
        return opened[-1]

    yield opens
    for store in opened:
        store.close()


def test_a_collection_is_made_as_the_policy_says(server: Any, card: EmbedderCard, open_store: Any) -> None:
    """Full vectors and payloads on disk, int8 in RAM, graph, shards, copies: each stands in the one request."""
    policy = ServerPolicy(shard_number=6, replication_factor=2, write_consistency_factor=2, retry_waits_s=())
    open_store(policy)
    (made,) = server.bodies("PUT", f"/collections/{card.space}")
    said = {name: value for name, value in made.items() if value is not None}
    assert {
        "vectors": {"size": 8, "distance": "Cosine", "on_disk": True},
        "shard_number": 6,
        "replication_factor": 2,
        "write_consistency_factor": 2,
        "on_disk_payload": True,
        "hnsw_config": {"m": 16, "ef_construct": 128},
        "optimizers_config": {"indexing_threshold": 20_000},
        "quantization_config": {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}},
        "metadata": {"embedder": card.model_dump(mode="json"), "policy": policy.model_dump(mode="json")},
    } == _without_none(said)


def test_every_field_of_a_filter_is_indexed_and_a_site_is_a_tenant(server: Any, open_store: Any) -> None:
    """An index for each field, once: opening again sends none; the vectors of a site are kept together."""
    store = open_store()
    sent = {body["field_name"]: _without_none(body["field_schema"]) for body in server.bodies("PUT", "/index")}
    assert {**INDEXES, "site": {"type": "keyword", "is_tenant": True}} == sent
    open_store()
    assert len(INDEXES) == len(server.bodies("PUT", "/index"))
    assert tuple(sorted(INDEXES)) == store.facts().indexes


@pytest.mark.parametrize("policy", [HASTY, HASTY.model_copy(update={"exact_up_to": 0})])
def test_the_answers_are_the_oracles(card: EmbedderCard, open_store: Any, policy: ServerPolicy) -> None:
    """Stored, searched, filtered, fetched, gone through, changed and forgotten over HTTP as in memory."""
    store, oracle = open_store(policy), ExactStore(card)
    where = SegmentFilter(sites=("site 1",), snr_min_db=5.0)
    for one in (store, oracle):
        one.upsert(VECTORS, PAYLOADS)
        one.assign_clusters({PAYLOADS[0].segment_id: "c0", PAYLOADS[1].segment_id: "c1"})
        one.assign_clusters({PAYLOADS[1].segment_id: None})
        one.update_payloads([PAYLOADS[2].model_copy(update={"habitat": "reed"})])
        one.discard([PAYLOADS[3].segment_id])
    for query in VECTORS[:5]:
        for asked in (EVERYTHING, where):
            assert oracle.search(query, 7, asked) == store.search(query, 7, asked)
    expected = {one.payload.segment_id: (one.payload, one.vector.tobytes()) for one in oracle.scan(EVERYTHING)}
    assert expected == {one.payload.segment_id: (one.payload, one.vector.tobytes()) for one in store.scan(EVERYTHING)}
    assert expected.keys() == store.fetch([one.segment_id for one in PAYLOADS]).keys()


def test_a_small_collection_is_searched_exactly(server: Any, open_store: Any) -> None:
    """Up to the policy's bound every vector is compared."""
    store = open_store()
    store.upsert(VECTORS, PAYLOADS)
    store.search(VECTORS[0], 5, EVERYTHING)
    assert [{"exact": True}] == [_without_none(body["params"]) for body in server.bodies("POST", "/query")]


def test_a_large_collection_is_searched_by_its_graph_and_rescored(server: Any, open_store: Any) -> None:
    """Beyond the bound the graph proposes; rescoring and oversampling are asked for in words."""
    store = open_store(HASTY.model_copy(update={"exact_up_to": 39, "ef_search": 20}))
    store.upsert(VECTORS, PAYLOADS)
    store.search(VECTORS[0], 5, EVERYTHING)
    (body,) = server.bodies("POST", "/query")
    rescoring = {"rescore": True, "oversampling": 3.0}
    asked = _without_none(body["params"])
    assert (False, 21) == (asked["exact"], asked["hnsw_ef"])
    assert rescoring.items() <= asked["quantization"].items()


def test_a_short_answer_of_the_graph_is_asked_again_exactly(server: Any, open_store: Any) -> None:
    """Fewer than asked for may be all that match, or all that the graph reached: an exact search tells."""
    store = open_store(HASTY.model_copy(update={"exact_up_to": 0}))
    store.upsert(VECTORS, PAYLOADS)
    found = store.search(VECTORS[0], 5, SegmentFilter(snr_min_db=37.0))
    assert [PAYLOADS[n].segment_id for n in (37, 38, 39)] == sorted(hit.segment_id for hit in found)
    assert [False, True] == [body["params"]["exact"] for body in server.bodies("POST", "/query")]


def test_a_bulk_load_is_indexed_when_it_ends(server: Any, open_store: Any) -> None:
    """The graph is switched off for a load and on again, whether it ends well or not."""
    store = open_store()
    with store.loading():
        store.upsert(VECTORS, PAYLOADS)
        assert any("no index is built" in one for one in store.facts().differences)
    with pytest.raises(InputError), store.loading():
        store.upsert(VECTORS[:, :3], PAYLOADS)
    sent = [body["optimizers_config"]["indexing_threshold"] for method, _, body in server.asked if method == "PATCH"]
    assert [0, 20_000, 0, 20_000] == sent
    assert () == store.facts().differences


def test_what_was_set_up_otherwise_is_told_and_left(
    server: Any, open_store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Another policy finds the collection as it is, says each difference, and changes nothing."""
    open_store()
    n_asked = len(server.asked)
    with caplog.at_level(logging.WARNING, "rab"):
        store = open_store(HASTY.model_copy(update={"shard_number": 4, "hnsw_m": 32}))
    assert ("shard_number is 1, not 4", "hnsw_m is 16, not 32") == store.facts().differences
    assert {"GET", "POST"} == {method for method, _, _ in server.asked[n_asked:]}
    assert ["collection_differs"] == [record.getMessage() for record in caplog.records]


def test_a_collection_without_quantisation_is_told(server: Any, card: EmbedderCard, open_store: Any) -> None:
    """One that an earlier RAB made keeps its vectors in RAM, whole."""
    open_store()
    made = server.collections[card.space].made_with
    del made["quantization_config"]
    made["vectors"] = {"size": 8, "distance": "Cosine"}
    facts = open_store().facts()
    assert facts.quantisation is None
    assert (
        "full vectors are kept in RAM, not on disk",
        "quantisation is none, not int8 in RAM",
    ) == facts.differences


@pytest.mark.parametrize("fault", [502, 503, 504])
def test_a_server_that_stumbles_is_asked_again(server: Any, open_store: Any, fault: int) -> None:
    """Two refusals in passing, and the third request stores the points."""
    store = open_store()
    server.faults += [fault, fault]
    store.upsert(VECTORS, PAYLOADS)
    assert len(PAYLOADS) == store.facts().n_points
    assert 3 == len(server.bodies("PUT", "/points"))


def test_a_server_that_stays_down_is_given_up(server: Any, open_store: Any) -> None:
    """After the last wait the refusal stands, and names the server."""
    store = open_store()
    server.faults += [503] * 3
    with pytest.raises(StorageFailed, match=server.url):
        store.upsert(VECTORS, PAYLOADS)
    assert 3 == len(server.bodies("PUT", "/points"))


def test_a_fault_of_its_own_is_not_repeated(server: Any, open_store: Any) -> None:
    """500 says that the request cannot be met: it is sent once."""
    store = open_store()
    server.faults.append(500)
    with pytest.raises(StorageFailed, match=r"500 .*as the test says"):
        store.upsert(VECTORS, PAYLOADS)
    assert 1 == len(server.bodies("PUT", "/points"))


def test_a_server_that_takes_too_long_is_unavailable(server: Any, card: EmbedderCard) -> None:
    """A request that had its time is not sent again."""
    store = QdrantServerStore.open(server.url, card, timeout_s=1, policy=HASTY)
    server.faults.append(partial(time.sleep, 1.5))
    with pytest.raises(Unavailable, match="timed out"):
        store.upsert(VECTORS, PAYLOADS)
    assert 1 == len(server.bodies("PUT", "/points"))
    store.close()


def test_a_server_that_comes_back_is_found_again(server: Any, card: EmbedderCard, open_store: Any) -> None:
    """A connection that is cut in the middle of a request is made again, and the request sent again."""
    store = open_store()

    def cut() -> None:
        raise ConnectionResetError

    server.faults.append(cut)
    store.upsert(VECTORS, PAYLOADS)
    assert len(PAYLOADS) == store.facts().n_points


def test_nobody_at_the_address_is_unavailable_after_the_last_wait(card: EmbedderCard) -> None:
    """Refused connections end in an error that names the setting."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match="no Qdrant server answers"):
            QdrantServerStore.open(f"http://127.0.0.1:{free.getsockname()[1]}", card, policy=HASTY)


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")
def test_only_the_right_key_opens(serving_qdrant: Serving, card: EmbedderCard) -> None:
    """A wrong key and none are refused; the right one makes the collection."""
    with serving_qdrant(api_key="right") as guarded:
        for key in (None, "wrong"):
            with pytest.raises(Unavailable, match="refuses the key"):
                QdrantServerStore.open(guarded.url, card, api_key=key, policy=HASTY)
        assert {} == guarded.collections
        QdrantServerStore.open(guarded.url, card, api_key="right", policy=HASTY).close()
        assert [card.space] == list(guarded.collections)


def test_two_that_make_a_collection_at_once_share_it(server: Any, card: EmbedderCard, open_store: Any) -> None:
    """Whoever comes second finds it made between the question and the request."""
    open_store()
    kept = dict(server.collections)
    server.collections.clear()
    answer = server.answer

    def late(method: str, path: str, body: dict[str, Any]) -> Any:
        found = answer(method, path, body)
        if path.endswith("/exists"):
            server.collections.update(kept)
        return found

    server.answer = late
    store = open_store()
    assert card == store.card


def test_another_embedders_collection_is_refused(server: Any, card: EmbedderCard, open_store: Any) -> None:
    """The card on the server decides, not the name of the collection."""
    open_store()
    other = card.model_copy(update={"weights_sha256": "1" * 64})
    client = QdrantClient(url=server.url, check_compatibility=False)
    client.update_collection(card.space, metadata={"embedder": other.model_dump(mode="json")})
    client.close()
    with pytest.raises(SpaceMismatch, match=card.fingerprint):
        open_store()


def _without_none(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _without_none(value) for name, value in content.items() if value is not None}
    return content
