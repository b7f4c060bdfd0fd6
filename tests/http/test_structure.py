"""The routes about clusters, sequences, novelty, drift, collections and probes answer with what the workflows give."""

from typing import Any

import numpy as np
from litestar import Litestar
from litestar.testing import TestClient

from rab.domain import SegmentFilter
from rab.retrieval.probes import Examples, train_probe
from rab.workflows.novelty import novel_calls
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
Client = TestClient[Litestar]


def get(client: Client, address: str, **parameters: Any) -> Any:
    answer = client.get(address, params=parameters)
    assert 200 == answer.status_code, answer.text
    return answer.json()


def test_clusters_are_listed_and_shown(client: Client, library: Workspace) -> None:
    """The list is the current clustering; each cluster shows its members and what they are called."""
    clustering = library.catalog.clustering(library.card(MODEL).space)
    assert clustering is not None
    page = get(client, "/v1/clusters")
    assert [one.id for one in clustering.clusters] == [one["id"] for one in page["items"]]
    shown = get(client, f"/v1/clusters/{clustering.clusters[0].id}")
    assert clustering.clusters[0].n_members == len(shown["segment_ids"])
    assert 404 == client.get("/v1/clusters/c999999").status_code


def test_novel_calls_are_filtered(client: Client, library: Workspace) -> None:
    """The most novel calls of one site are those that the workflow names, the farthest out first."""
    expected = novel_calls(library, model=MODEL, where=SegmentFilter(sites=("Oxford",)), limit=3)
    page = get(client, "/v1/novelty", where="site=Oxford", limit=3)
    assert [one.stored.segment.id for one in expected] == [one["stored"]["segment"]["id"] for one in page["items"]]
    assert expected
    assert isinstance(get(client, "/v1/novelty", alerts=True)["items"], list)


def test_sequences_are_told_by_site(client: Client, library: Workspace) -> None:
    """Transitions, motifs and entropy come for each site that has sequences, and for all together."""
    (table,) = get(client, "/v1/sequences/transitions")["items"]
    assert 0 < table["n_links"]
    tables = get(client, "/v1/sequences/transitions", per="site")["items"]
    assert {one["group"] for one in tables} <= {one.site for one in library.catalog.recordings()}
    (report,) = get(client, "/v1/sequences/motifs", by="taxon")["items"]
    assert isinstance(report["motifs"], list)
    assert 1 >= len(get(client, "/v1/sequences/entropy")["items"])
    assert 400 == client.get("/v1/sequences/motifs", params={"by": "colour"}).status_code


def test_recorders_are_listed(client: Client) -> None:
    """Every recorder with a clock is there, with what its days were compared by."""
    assert 0 < len(get(client, "/v1/drift")["items"])


def test_collections_and_probes_are_listed(client: Client, library: Workspace) -> None:
    """A probe that was taught appears with its figures and answers for segments; an unknown one is named."""
    assert isinstance(get(client, "/v1/collections")["items"], list)
    assert [] == get(client, "/v1/probes")["items"]
    assert 404 == client.get("/v1/probes/owls/scores").status_code
    ids: list[str] = []
    names: list[str] = []
    for site in ("Oxford", "UrbanSoundscape"):
        own = library.catalog.segment_ids(library.card(MODEL).space, SegmentFilter(sites=(site,)))[:8]
        ids, names = [*ids, *own], [*names, *[site] * len(own)]
    found = library.store(library.card(MODEL)).fetch(ids)
    examples = Examples(np.stack([found[one].vector for one in ids]), names, ids)
    space = library.card(MODEL).space
    probe = train_probe(examples, name="places", kind="habitat", space=space, taught_with="everything")
    library.catalog.keep_learned("probe", "places", space, probe.model_dump_json())
    try:
        assert ["places"] == [one["name"] for one in get(client, "/v1/probes")["items"]]
        answers = get(client, "/v1/probes/places/scores", limit=2)["items"]
        told = [{score["score"]["taxon"]["scientific_name"] for score in one["scores"]} for one in answers]
        assert [{"Oxford", "UrbanSoundscape"}] * 2 == told
    finally:
        library.catalog.forget_learned("probe", "places", space)
