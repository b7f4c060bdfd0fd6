"""Every route answers with what the workflows give, and every fault with a problem that names the next step."""

import re
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import soundfile
from litestar import Litestar
from litestar.testing import TestClient
from PIL import Image

from rab import __version__
from rab.bootstrap import open_workspace
from rab.domain import EvidencePack, Interpretation, MonitoringSummary, Recording, SegmentFilter, StoredSegment
from rab.http import create_app
from rab.settings import Settings
from rab.workflows import media, questions
from rab.workflows.reporting import write_summary_report
from rab.workflows.summaries import summarise
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"
FOREIGN = re.compile(rb"""(?:src\s*=|url\s*\(|<link[^>]*href\s*=)\s*["']?(?:https?:)?//""")
"""What makes a browser ask another host."""

Client = TestClient[Litestar]


def get(client: Client, address: str, **parameters: Any) -> Any:
    answer = client.get(address, params=parameters)
    assert 200 == answer.status_code, answer.text
    return answer.json()


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Hold an answer against RFC 9457 and the tree of errors."""
    assert "application/problem+json" == answer.headers["content-type"].split(";")[0], answer.text
    problem: dict[str, Any] = answer.json()
    assert (status, status, code) == (answer.status_code, problem["status"], problem["code"]), problem
    assert f"urn:rab:error:{code}" == problem["type"]
    assert all(problem[member] for member in ("title", "detail", "hint", "instance"))
    return problem


def test_health(client: Client) -> None:
    """The service says its version and what it holds."""
    assert {"status": "ok", "version": __version__, "n_recordings": 32, "models": [MODEL]} == get(client, "/v1/health")


def test_recordings_come_in_pages(client: Client, library: Workspace) -> None:
    """Pages laid side by side are the whole list; each recording stands under its id."""
    pages = [get(client, "/v1/recordings", limit=20, offset=offset) for offset in (0, 20, 40)]
    listed = tuple(Recording.model_validate(one) for page in pages for one in page["items"])
    assert tuple(library.catalog.recordings()) == listed
    assert [(20, 32), (12, 32), (0, 32)] == [(len(page["items"]), page["n_all"]) for page in pages]
    assert listed[0] == Recording.model_validate(get(client, f"/v1/recordings/{listed[0].id}"))


def test_what_the_library_does_not_have_is_told(client: Client, segment: str) -> None:
    """Every answer to a filter has a note on a name that is not there; an error names it in its hint."""
    note = "the library has no site Qqq, nor one with a name like it"
    for path in ("/v1/segments", f"/v1/segments/{segment}/similar", "/v1/novelty"):
        assert [note] == get(client, path, where="site=Qqq")["notes"]
        assert [] == get(client, path)["notes"]
    assert [note] == get(client, "/v1/summaries", where="site=Qqq")["pack"]["notes"]
    assert note in get(client, f"/v1/segments/{segment}/evidence", where="site=Qqq")["notes"]
    for path in ("/v1/drift", "/v1/sequences/motifs"):
        assert note in client.get(path, params={"where": "site=Qqq"}).json()["hint"]


def test_segments_are_filtered(client: Client, library: Workspace) -> None:
    """The filter's words mean over HTTP what they mean anywhere."""
    where = 'site=UrbanSoundscape taxon="Turdus merula"'
    items = get(client, "/v1/segments", where=where, limit=1000)["items"]
    filtered = SegmentFilter(sites=("UrbanSoundscape",), taxa=("Turdus merula",))
    assert library.catalog.segment_ids(library.card(MODEL).space, filtered) == [one["segment"]["id"] for one in items]
    assert items[1:3] == get(client, "/v1/segments", where=where, limit=2, offset=1, model=MODEL)["items"]


def test_segment_by_the_beginning_of_its_id(client: Client, library: Workspace, segment: str) -> None:
    """Eight characters are enough; capitals are read as small letters."""
    stored = library.catalog.segment(segment)
    assert stored == StoredSegment.model_validate(get(client, f"/v1/segments/{segment[:8].upper()}"))


def test_evidence_is_the_pack_of_the_workflow(client: Client, library: Workspace, segment: str) -> None:
    """Evidence, its sealed copy and the neighbours of `similar` are one pack."""
    pack = EvidencePack.model_validate(get(client, f"/v1/segments/{segment}/evidence"))
    assert questions.evidence(library, segment) == pack
    assert pack == EvidencePack.model_validate(get(client, f"/v1/packs/{pack.pack_id}"))
    similar = get(client, f"/v1/segments/{segment}/similar")
    assert (pack.pack_id, segment) == (similar["pack_id"], similar["segment_id"])
    assert pack.model_dump(mode="json")["neighbours"] == similar["items"]
    assert similar["reasons"]


def test_as_many_as_are_asked_for_are_no_pack(client: Client, segment: str) -> None:
    """With a limit there is no pack to name: no id, no reasons, and keys that a pack does not have."""
    pack = get(client, f"/v1/segments/{segment}/similar")
    found = get(client, f"/v1/segments/{segment[:10]}/similar", limit=12, variety=0.5)
    assert (segment, None, []) == (found["segment_id"], found["pack_id"], found["reasons"])
    assert [f"similar-{n}" for n in range(1, 13)] == [one["key"] for one in found["items"]]
    assert {one["key"] for one in pack["items"]}.isdisjoint(one["key"] for one in found["items"])


def test_variety_without_a_limit_is_refused(client: Client, segment: str) -> None:
    """The neighbours of a pack are not chosen for variety, so asking for it says what is missing."""
    refused = client.get(f"/v1/segments/{segment}/similar", params={"variety": 0.5})
    assert (400, "say how many are wanted with limit") == (refused.status_code, refused.json()["hint"])


def test_evidence_with_thumbnails_carries_pictures(client: Client, segment: str) -> None:
    """Every call of the pack has a PNG, and the pack's id is the same."""
    plain = get(client, f"/v1/segments/{segment}/evidence")
    pictured = get(client, f"/v1/segments/{segment}/evidence", thumbnails=True)
    assert plain["pack_id"] == pictured["pack_id"]
    assert EvidencePack.model_validate(plain).calls.keys() == pictured["thumbnails"].keys()


def test_statements_cite_their_packs(client: Client, library: Workspace, segment: str) -> None:
    """Interpretation and summary are those of the workflows, and no claim stands without citations."""
    interpretation = Interpretation.model_validate(get(client, f"/v1/segments/{segment}/interpretation"))
    summary = MonitoringSummary.model_validate(get(client, "/v1/summaries", where="site=UrbanSoundscape"))
    assert questions.interpret(library, segment) == interpretation
    assert summarise(library, model=MODEL, where=SegmentFilter(sites=("UrbanSoundscape",))) == summary
    for text in (interpretation, summary):
        assert text.claims
        assert all(claim.citations and set(claim.citations) <= text.pack.items.keys() for claim in text.claims)


def test_clip_is_sound_that_can_be_sought_in(client: Client, library: Workspace, segment: str) -> None:
    """The WAV decodes to the segment's length; a part of it comes as 206, and an unchanged one as 304."""
    address = f"/media/segments/{segment}/clip.wav"
    whole = client.get(address)
    sound = soundfile.info(BytesIO(whole.content))
    assert ("audio/wav", 200) == (whole.headers["content-type"], whole.status_code)
    assert ("WAV", 48_000, 3.0) == (sound.format, sound.samplerate, sound.duration)
    assert media.clip(library, segment) == whole.content
    part = client.get(address, headers={"Range": "bytes=100-199"})
    assert (206, whole.content[100:200]) == (part.status_code, part.content)
    again = client.get(address, headers={"If-None-Match": whole.headers["etag"]})
    assert (304, b"") == (again.status_code, again.content)


def test_spectrogram_is_a_picture(client: Client, segment: str) -> None:
    """The PNG opens, and is larger than a stamp."""
    answer = client.get(f"/media/segments/{segment}/spectrogram.png")
    assert "image/png" == answer.headers["content-type"]
    with Image.open(BytesIO(answer.content)) as picture:
        picture.load()
        assert ("PNG", True) == (picture.format, min(picture.size) >= 100)


def test_published_schema_is_that_of_packs(client: Client) -> None:
    """The JSON Schema over HTTP is the one of `rab evidence --schema`."""
    assert EvidencePack.model_json_schema(mode="serialization") == get(client, "/v1/schemas/evidence-pack")


def test_report_is_served_once_written(client: Client, library: Workspace, models_dir: Path, tmp_path: Path) -> None:
    """Before the first report its route says how to write one; then the page comes as it stands on the disk."""
    with open_workspace(Settings(home=tmp_path / "empty", models_dir=models_dir), purpose="tests") as empty:
        bare = TestClient(create_app(empty, model=MODEL))
        assert "rab report" in assert_problem(bare.get("/reports/latest"), 404, "not_found")["hint"]
    written = write_summary_report(library, model=MODEL, into=tmp_path)
    page = client.get("/reports/latest")
    assert (200, written.files.html.read_bytes()) == (page.status_code, page.content)
    assert not FOREIGN.search(page.content)


def test_front_page_leads_on_and_loads_nothing(client: Client) -> None:
    """Every link of the front page is answered, and none leaves this host."""
    page = client.get("/")
    links = re.findall(r'href="([^"]+)"', page.text)
    assert (200, True) == (page.status_code, "/schema/openapi.json" in links)
    assert not FOREIGN.search(page.content)
    assert {200} == {client.get(link).status_code for link in links if link != "/reports/latest"}


def test_openapi_names_every_route_and_its_errors(client: Client) -> None:
    """Each route stands in the document with its errors as problem+json; the document loads nothing from elsewhere."""
    document = get(client, "/schema/openapi.json")
    routes = {route.path_format for route in client.app.routes if not route.path_format.startswith("/schema")}
    assert routes - {"/"} == document["paths"].keys()
    for path, methods in document["paths"].items():
        for method in methods.values():
            for status in ("400", "404", "503"):
                assert ["application/problem+json"] == list(method["responses"][status]["content"]), path
    assert "hint" in document["components"]["schemas"]["Problem"]["required"]


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/v1/segments/00000000", 404, "not_found"),
        ("/v1/segments/00000000/evidence", 404, "not_found"),
        ("/v1/segments/abc", 400, "input"),
        ("/v1/segments?where=site", 400, "input"),
        ("/v1/segments?where=snr>=loud", 400, "input"),
        ("/v1/segments?where=hour=25", 400, "input"),
        ("/v1/segments?limit=0", 400, "request"),
        ("/v1/segments?limit=many", 400, "request"),
        ("/v1/segments?offset=-1", 400, "request"),
        ("/v1/segments?offset=99999999999999999999999", 400, "request"),
        ("/v1/segments?model=perch-v2", 404, "not_found"),
        ("/v1/summaries?model=perch-v2", 404, "not_found"),
        ("/v1/recordings/nobody", 404, "not_found"),
        ("/v1/packs/nothing", 404, "not_found"),
        ("/v1/nowhere", 404, "not_found"),
        ("/media/segments/00000000/clip.wav", 404, "not_found"),
        ("/v1/segments/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404, "not_found"),
        ("/media/segments/..%2f..%2fcatalog.sqlite/clip.wav", 404, "not_found"),
        ("/v1/segments/%F0%9F%90%A6%E2%80%AE/evidence", 400, "input"),
        ("/v1/segments/%00/evidence", 400, "input"),
        ("/v1/segments/%ff%fe", 400, "input"),
        (f"/v1/segments/{'a' * 10_000}", 400, "input"),
        (f"/v1/packs/{'a' * 10_000}", 404, "not_found"),
        (f"/v1/recordings/{'%27%20OR%201=1--' * 10}", 404, "not_found"),
        ("/v1/recordings/%ed%a0%80", 404, "not_found"),
        (f"/v1/segments?where={'not(' * 500}", 400, "input"),
        ("/v1/segments?where=site=%22%00%22", 200, ""),
    ],
)
def test_faults_are_problems(client: Client, address: str, status: int, code: str) -> None:
    """What is unknown, cannot be read or is hostile is answered by name, never by a fault of the service."""
    answer = client.get(address)
    if status == 200:
        assert (200, []) == (answer.status_code, answer.json()["items"])
    else:
        assert_problem(answer, status, code)


def test_wrong_method_is_a_problem(client: Client, segment: str) -> None:
    """The library is read over HTTP, and not changed."""
    assert_problem(client.delete(f"/v1/segments/{segment}"), 405, "request")


def test_fault_of_the_service_says_nothing_of_its_inside() -> None:
    """An unknown exception becomes a problem without its message, which may hold paths."""
    broken = TestClient(create_app(None, model=MODEL), raise_server_exceptions=False)  # type: ignore[arg-type]
    problem = assert_problem(broken.get("/v1/health"), 500, "error")
    assert "NoneType" not in str(problem)


def test_many_ask_at_once(client: Client, segment: str) -> None:
    """Twenty requests side by side get one and the same pack."""
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: client.get(f"/v1/segments/{segment}/evidence"), range(20)))
    assert [200] * 20 == [answer.status_code for answer in answers]
    assert 1 == len({answer.content for answer in answers})


@pytest.mark.parametrize("address", ["/v1/segments", "/v1/health", "/v1/clusters/c1"])
def test_unknown_parameters_are_refused(client: Client, address: str) -> None:
    """A slip in a parameter's name is told with what the route takes; it does not let everything through."""
    problem = assert_problem(client.get(address, params={"wehre": "snr>=10"}), 400, "input")
    assert "'wehre'" in problem["detail"]
