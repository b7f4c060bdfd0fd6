"""A model that fails costs the words and nothing else: not over HTTP, not in a report, not on the command line."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

from rab.cli import rab
from rab.domain import EvidencePack
from rab.errors import RabError
from rab.http import create_app
from rab.language.base import Answer, ModelFault, Question
from rab.workflows.questions import EVERYTHING
from rab.workflows.reporting import ReportPolicy, write_summary_report
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"


class Broken:
    """A language model that never answers."""

    key, deadline_s = "broken-1", 45.0

    def answer(self, question: Question, *, within_s: float | None = None) -> Answer:
        raise ModelFault("timeout", "no answer came within 45 s")

    def models(self) -> tuple[str, ...]:
        raise ModelFault("timeout", "no answer came within 45 s")


@pytest.fixture(scope="module")
def broken(library: Workspace) -> Workspace:
    """Return the library of samples with a language model that never answers."""
    return replace(library, language=Broken(), language_mode="select")


def test_http_answers_as_ever(broken: Workspace) -> None:
    """Interpretation and summary are 200 and say who wrote them."""
    segment = broken.catalog.segment_ids(broken.card(MODEL).space, EVERYTHING)[0]
    with TestClient(create_app(broken, model=MODEL)) as client:
        for path in (f"/v1/segments/{segment}/interpretation", "/v1/summaries"):
            answer = client.get(path)
            assert 200 == answer.status_code
            generation = answer.json()["generation"]
            assert ("template", "select", "broken-1", 1) == tuple(
                generation[name] for name in ("writer", "mode", "model", "attempts")
            )
            assert "no answer came within 45 s" == generation["fallback_reason"]
            assert isinstance(answer.json()["dropped"], list)


class Waiting(Broken):
    """A language model that is waited for until it is let go."""

    def __init__(self) -> None:
        self.is_asked, self.may_end = Event(), Event()

    def answer(self, question: Question, *, within_s: float | None = None) -> Answer:
        self.is_asked.set()
        assert self.may_end.wait(60)
        raise ModelFault("timeout", "no answer came within 45 s")


def test_service_answers_others_while_one_waits(library: Workspace) -> None:
    """A model that hangs holds up the requests that wait for it, and no other: each route has a thread of its own."""
    model = Waiting()
    segment = library.catalog.segment_ids(library.card(MODEL).space, EVERYTHING)[0]
    app = create_app(replace(library, language=model, language_mode="select"), model=MODEL)
    with TestClient(app) as client, ThreadPoolExecutor(8) as pool:
        try:
            slow = [pool.submit(client.get, f"/v1/segments/{segment}/interpretation") for _ in range(8)]
            assert model.is_asked.wait(60)
            for path in ("/v1/health", "/v1/segments?limit=1", f"/v1/segments/{segment}/evidence"):
                assert 200 == client.get(path).status_code
            assert not any(one.done() for one in slow)
        finally:
            model.may_end.set()
        assert {200} == {one.result().status_code for one in slow}


def test_report_says_so(broken: Workspace, tmp_path: Path) -> None:
    """HTML and Markdown carry a line for the summary and for each interpretation."""
    policy = ReportPolicy(n_interpreted=2, n_playable=0)
    files = write_summary_report(broken, model=MODEL, into=tmp_path, policy=policy).files
    words = "The wording fell back to templates: no answer came within 45 s."
    assert 3 == files.html.read_text(encoding="utf-8").count(words)
    assert 3 == files.markdown.read_text(encoding="utf-8").count(words)


class Server(BaseHTTPRequestHandler):
    """A small OpenAI-compatible server that obeys, or answers as its instructions say whatever the schema."""

    obeys: ClassVar[bool] = True
    names: ClassVar[tuple[str, ...]] = ("owl-1",)

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": name, "object": "model"} for name in self.names]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = {"facts": ["f2"]} if "facts" in asked["messages"][0]["content"] else {"word": "hello"}
        if self.obeys and "word" in said:
            said = {"word": "b7f2"}
        message = {"role": "assistant", "content": json.dumps(said)}
        self._send({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    def _send(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name that the base class has
        """Keep silent."""


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Server]]:
    """Run the small server, with the settings that name it."""
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("RAB_LLM__BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("RAB_LLM__MODEL", "owl-1")
        yield Server
        server.shutdown()
        thread.join()


def test_check_says_what_a_server_does(serving: type[Server]) -> None:
    """Reachable, its models, its format, its obedience, the time for a choice; exit code 0."""
    done = CliRunner().invoke(rab, ["llm", "check", "--json"], standalone_mode=False)
    assert done.exception is None
    found = json.loads(done.output)
    assert 0 <= found.pop("select_seconds")
    assert {
        "model": "owl-1",
        "models": ["owl-1"],
        "is_reachable": True,
        "level": "json_schema",
        "obeys_schema": True,
        "can_select": True,
        "fault": None,
    } == found


def test_check_finds_out_who_ignores_schemas(serving: type[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes a schema and does not keep to it is told apart, and can be used."""
    monkeypatch.setattr(serving, "obeys", False)
    done = CliRunner().invoke(rab, ["llm", "check"], standalone_mode=False)
    assert done.exception is None
    assert "obeys it     no, so the validator does the work" in done.output


@pytest.mark.parametrize(
    ("url", "exit_code", "words"),
    [
        (None, 2, "no language model is configured"),
        ("http://127.0.0.1:1/v1", 7, "cannot be reached"),
        ("http://169.254.169.254/v1", 2, "link-local"),
        ("http://127.0.0.1:99999/v1", 2, "port"),
    ],
)
def test_check_ends_honestly(
    url: str | None, exit_code: int, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The exit code tells what stands in the way."""
    monkeypatch.chdir(tmp_path)
    if url is not None:
        monkeypatch.setenv("RAB_LLM__BASE_URL", url)
        monkeypatch.setenv("RAB_LLM__MODEL", "owl-1")
    done = CliRunner().invoke(rab, ["llm", "check"], standalone_mode=False)
    assert isinstance(done.exception, RabError)
    assert exit_code == done.exception.exit_code
    assert words in done.exception.message


HOSTILE = ("\x1b[2J\x1b]0;owned\x07owl", "two\nlines\r\u2028gone", "\x9b31mred", "\u202eback", "\x00", "x" * 10_000)


def test_check_prints_names_of_models_on_one_line(serving: type[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server cannot steer a terminal, add lines or flood it with what it calls its models."""
    monkeypatch.setattr(serving, "names", HOSTILE * 50)
    words, data = (CliRunner().invoke(rab, ["llm", "check", *more], standalone_mode=False) for more in ([], ["--json"]))
    (line,) = [one for one in words.output.splitlines() if one.startswith("models ")]
    assert 6 == len(words.output.split("\n")) - 1
    assert line.isprintable()
    assert "models       [2J ]0;owned owl, two lines gone, 31mred, back, xxx" in line
    assert line.endswith("…, 80 more")
    names = json.loads(data.output)["models"]
    assert 100 == len(names)
    assert all(0 < len(name) <= 120 and name.isprintable() for name in names)


@pytest.mark.parametrize(
    ("url", "words"), [(None, "a choice "), ("http://127.0.0.1:1/v1", "not usable   the server cannot be reached")]
)
def test_check_says_what_templates_leave_aside(
    url: str | None, words: str, serving: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asked for templates gets them; what the server could do is told, and no exit code calls it a failure."""
    monkeypatch.setenv("RAB_LLM__MODE", "template")
    if url is not None:
        monkeypatch.setenv("RAB_LLM__BASE_URL", url)
    done = CliRunner().invoke(rab, ["llm", "check"], standalone_mode=False)
    assert done.exception is None
    assert words in done.output
    assert "mode template asks no model; this is what would be possible" in done.stderr
    assert "until this is mended" not in done.output


def test_pack_is_the_same_with_and_without_a_model(library: Workspace, broken: Workspace) -> None:
    """A model has no say in what is evidence."""
    from rab.workflows.questions import interpret

    segment = library.catalog.segment_ids(library.card(MODEL).space, EVERYTHING)[0]
    packs: list[EvidencePack] = [interpret(one, segment).pack for one in (library, broken)]
    assert packs[0].pack_id == packs[1].pack_id
