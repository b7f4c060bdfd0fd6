"""Plain files from a server of our own on this machine, which cuts, stalls, lies and moves as servers do."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rab.downloads import RemoteFile, RetryPolicy, fetch_file
from rab.downloads.https import mirrored
from rab.errors import DownloadFailed, InputError, SettingsError, StorageFailed

CONTENT = random.Random(7).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """What the server offers and how it behaves; `asked` has the Range header of every request."""

    content: bytes = CONTENT
    etag: str | None = '"one"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    """After how many bytes each of the next answers is cut."""
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Statuses of the next answers."""
    redirects: dict[str, str] = field(default_factory=dict)
    stalls: int = 0
    """How many of the next answers stop in the middle and say nothing more."""
    byte_pause_s: float = 0
    asked: list[str | None] = field(default_factory=list)
    address: str = ""


class Handler(BaseHTTPRequestHandler):
    """Answers from the site of its server."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer as the site says."""
        site: Site = self.server.site  # type: ignore[attr-defined]
        if self.path in site.redirects:
            self.head(302, {"Location": site.redirects[self.path], "Content-Length": "0"})
            return
        site.asked.append(self.headers.get("Range"))
        if site.refusals:
            status, headers = site.refusals.pop(0)
            self.head(status, {**headers, "Content-Length": "0"})
            return
        start = self.start(site)
        rest = site.content[start:]
        headers = {"Content-Length": str(len(rest))} | ({"ETag": site.etag} if site.etag else {})
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(site.content) - 1}/{len(site.content)}"
        self.head(206 if start else 200, headers)
        self.give(site, rest)

    def start(self, site: Site) -> int:
        """Return from where to answer: a condition that does not hold asks for the whole."""
        asked = self.headers.get("Range")
        if asked is None or not site.ranges or self.headers.get("If-Range") not in {None, site.etag}:
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def give(self, site: Site, rest: bytes) -> None:
        """Send the rest, or as much of it as the site's mischief lets through."""
        if site.stalls:
            site.stalls -= 1
            self.wfile.write(rest[: len(rest) // 2])
            self.wfile.flush()
            time.sleep(1.0)
            return
        if site.cuts:
            rest = rest[: site.cuts.pop(0)]
        for at in range(0, len(rest), 10_000):
            self.wfile.write(rest[at : at + 10_000])
            time.sleep(site.byte_pause_s)

    def head(self, status: int, headers: dict[str, str]) -> None:
        """Send the status and the headers."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


class QuietServer(ThreadingHTTPServer):
    """A server that takes clients hanging up for what it is."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over broken pipes."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Serve a site on a free port of this machine, past any proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = QuietServer(("127.0.0.1", 0), Handler)
    site = Site(address=f"http://127.0.0.1:{server.server_address[1]}")
    server.site = site  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def waits() -> list[float]:
    """Collect the pauses between attempts instead of making them."""
    return []


Fetch = Callable[..., Path]


@pytest.fixture
def fetch(site: Site, tmp_path: Path, waits: list[float]) -> Fetch:
    """Fetch the site's file into a folder that does not exist yet; options change the file or the policy."""

    def run(**options: Any) -> Path:
        remote = RemoteFile(
            "deep/file.bin",
            "https://models.example/a/file.bin",
            options.pop("sha256", SHA256),
            options.pop("n_bytes", len(CONTENT)),
        )
        policy = RetryPolicy(n_attempts=4, timeout_s=options.pop("timeout_s", 5.0), sleep=waits.append)
        return fetch_file(remote, tmp_path / "into", mirror=site.address, policy=policy, **options)

    return run


def left(tmp_path: Path) -> set[str]:
    """Return the names of what lies in the folder, the lock apart."""
    return {path.name for path in (tmp_path / "into").rglob("*") if path.is_file() and path.suffix != ".lock"}


def test_file_arrives_whole(site: Site, fetch: Fetch, tmp_path: Path) -> None:
    """One request, one file, nothing else; a second call asks nobody."""
    path = fetch()

    assert (tmp_path / "into/deep/file.bin", CONTENT) == (path, path.read_bytes())
    assert {"file.bin"} == left(tmp_path)
    fetch()
    assert [None] == site.asked


@pytest.mark.parametrize("seed", range(5))
def test_cut_connections_are_resumed(site: Site, fetch: Fetch, waits: list[float], seed: int) -> None:
    """However often and wherever it is cut, each byte is asked for once, and the file is whole."""
    site.cuts = [random.Random(seed + at).randrange(1, 60_000) for at in range(6)]
    starts = [sum(site.cuts[:at]) for at in range(1, 7)]

    assert CONTENT == fetch().read_bytes()
    assert [None, *(f"bytes={start}-" for start in starts)] == site.asked
    assert [1.0] * 6 == waits


def test_server_without_ranges_starts_anew(site: Site, fetch: Fetch) -> None:
    """An answer of 200 to a request for the rest replaces what was kept."""
    site.ranges, site.cuts = False, [100_000, 1_000]

    assert CONTENT == fetch().read_bytes()
    assert [None, "bytes=100000-", "bytes=1000-"] == site.asked


def test_changed_content_starts_anew(site: Site, fetch: Fetch) -> None:
    """When the ETag is another one, the halves are of different files and are not joined."""
    old = bytes(len(CONTENT))
    site.content, site.cuts = old, [100_000]

    def change(_done: int, _whole: int) -> None:
        if not site.cuts:
            site.content, site.etag = CONTENT, '"two"'

    assert CONTENT == fetch(watch=change).read_bytes()
    assert [None, "bytes=100000-"] == site.asked


def test_changed_content_that_no_tag_tells_starts_anew(site: Site, fetch: Fetch, tmp_path: Path) -> None:
    """Without an ETag the sum over the joined halves is wrong, and the whole is fetched again once."""
    site.etag, site.content, site.refusals = None, bytes(len(CONTENT)), []
    site.cuts = [100_000]
    with pytest.raises(KeyboardInterrupt):
        fetch(watch=_interrupt)
    site.content, site.cuts = CONTENT, []

    assert CONTENT == fetch().read_bytes()
    assert None is site.asked[-1]
    assert {"file.bin"} == left(tmp_path)


def _interrupt(done: int, _whole: int) -> None:
    if done > 50_000:
        raise KeyboardInterrupt


def test_wrong_checksum_is_discarded(fetch: Fetch, tmp_path: Path) -> None:
    """Neither the file nor the part stays, and the message has both sums."""
    with pytest.raises(DownloadFailed, match=f"sha256 {SHA256}, expected {'0' * 64}") as failure:
        fetch(sha256="0" * 64)

    assert "--from FILE" in failure.value.hint
    assert set() == left(tmp_path)


def test_another_size_is_refused_before_it_is_fetched(fetch: Fetch, tmp_path: Path) -> None:
    """A server that offers another file is told by its length."""
    with pytest.raises(DownloadFailed, match=r"has 300,000 bytes, expected 300,001"):
        fetch(n_bytes=len(CONTENT) + 1)

    assert set() == left(tmp_path)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_refusal_for_good_is_told_at_once(site: Site, fetch: Fetch, waits: list[float], status: int) -> None:
    """What will not change is not asked again."""
    site.refusals = [(status, {})]

    with pytest.raises(DownloadFailed, match=f"HTTP {status}"):
        fetch()

    assert [] == waits


def test_errors_of_the_server_are_outwaited(site: Site, fetch: Fetch, waits: list[float]) -> None:
    """Pauses double, and are as long as the server asks for where it does, up to a minute."""
    site.refusals = [(500, {}), (503, {"Retry-After": "7"}), (429, {"Retry-After": "100000"})]

    assert CONTENT == fetch().read_bytes()
    assert [1.0, 7.0, 60.0] == waits


def test_retry_after_may_be_a_date(site: Site, fetch: Fetch, waits: list[float]) -> None:
    """A date that has passed asks for no longer a pause; one that cannot be read neither."""
    site.refusals = [(503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), (503, {"Retry-After": "soon"})]

    assert CONTENT == fetch().read_bytes()
    assert [1.0, 2.0] == waits


def test_patience_ends_and_what_came_is_kept(site: Site, fetch: Fetch, tmp_path: Path) -> None:
    """After as many fruitless attempts as the policy has, the message says how much is kept; the next call goes on."""
    site.cuts, site.refusals = [100_000, 0, 0, 0, 0], []

    with pytest.raises(DownloadFailed, match=r"100,000 bytes are kept"):
        fetch()

    assert {"file.bin.part", "file.bin.part.json"} == left(tmp_path)
    site.cuts, site.asked = [], []
    assert CONTENT == fetch().read_bytes()
    assert ["bytes=100000-"] == site.asked


def test_silent_server_is_left(site: Site, fetch: Fetch, waits: list[float]) -> None:
    """A connection that says nothing for too long counts as cut."""
    site.stalls = 1

    assert CONTENT == fetch(timeout_s=0.2).read_bytes()
    assert [None, "bytes=150000-"] == site.asked


def test_nobody_there_is_told(site: Site, fetch: Fetch, tmp_path: Path) -> None:
    """Port 9 of this machine refuses every connection."""
    with pytest.raises(DownloadFailed, match="could not be downloaded") as failure:
        fetch_file(
            RemoteFile("file.bin", "https://models.example/file.bin", SHA256),
            tmp_path,
            mirror="http://127.0.0.1:9",
            policy=RetryPolicy(n_attempts=2, sleep=lambda _s: None),
        )

    assert "connect this computer" in failure.value.hint


def test_redirects_are_followed_with_the_range(site: Site, fetch: Fetch) -> None:
    """Publishers point to their distributors; the rest is asked for there, too."""
    site.redirects, site.cuts = {"/a/file.bin": f"{site.address}/cdn/77"}, [100_000]

    assert CONTENT == fetch().read_bytes()
    assert [None, "bytes=100000-"] == site.asked


def test_longer_part_than_the_file_is_discarded(site: Site, fetch: Fetch, tmp_path: Path) -> None:
    """A part that cannot be of this file starts anew instead of asking for a range that is not there."""
    site.cuts = [100_000, 0, 0, 0, 0]
    with pytest.raises(DownloadFailed):
        fetch()
    (tmp_path / "into/deep/file.bin.part").write_bytes(bytes(len(CONTENT) + 5))
    site.cuts, site.asked = [], []

    assert CONTENT == fetch().read_bytes()
    assert [None] == site.asked


def test_unknown_size_and_sum_take_what_comes(site: Site, fetch: Fetch) -> None:
    """Whoever knows neither gets the file all the same, resumed by its ETag."""
    site.cuts = [100_000]

    assert CONTENT == fetch(sha256=None, n_bytes=None).read_bytes()
    assert [None, "bytes=100000-"] == site.asked


def test_unknown_content_without_a_name_is_not_joined(site: Site, fetch: Fetch) -> None:
    """With neither a sum nor an ETag, two halves may be of two files: it starts anew."""
    site.etag, site.cuts = None, [100_000]

    assert CONTENT == fetch(sha256=None, n_bytes=None).read_bytes()
    assert [None, None] == site.asked


def test_killed_process_is_gone_on_from(site: Site, fetch: Fetch, repo: Path, tmp_path: Path) -> None:
    """After `kill -9` the part is there, the lock is not held, and the next call asks for the rest alone."""
    site.byte_pause_s = 0.05
    code = (
        "from pathlib import Path; from rab.downloads import *\n"
        f"fetch_file(RemoteFile('deep/file.bin', 'https://models.example/a/file.bin', {SHA256!r}, {len(CONTENT)}),"
        f" Path({str(tmp_path / 'into')!r}), mirror={site.address!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(repo)})
    part = tmp_path / "into/deep/file.bin.part"
    while not (part.exists() and part.stat().st_size >= 50_000):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_bytes, site.byte_pause_s, site.asked = part.stat().st_size, 0, []

    assert CONTENT == fetch().read_bytes()
    assert [f"bytes={n_bytes}-"] == site.asked
    assert n_bytes < len(CONTENT)


def test_two_at_once_fetch_once(site: Site, fetch: Fetch, repo: Path, tmp_path: Path) -> None:
    """The second process waits for the first, and finds the file there."""
    site.byte_pause_s = 0.01
    code = (
        "from pathlib import Path; from rab.downloads import *\n"
        f"path = fetch_file(RemoteFile('deep/file.bin', 'https://models.example/a/file.bin', {SHA256!r}, None),"
        f" Path({str(tmp_path / 'into')!r}), mirror={site.address!r}); print(sha256_of(path))"
    )
    command = [sys.executable, "-c", code]
    both = [
        subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(repo)}, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    assert [f"{SHA256}\n"] * 2 == [process.communicate()[0] for process in both]
    assert [None] == site.asked


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_full_disk_keeps_what_came(site: Site, fetch: Fetch, tmp_path: Path) -> None:
    """The disk's refusal is told, not retried, and with more space the rest is fetched."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageFailed, match=r"file\.bin\.part cannot be written"):
            fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)

    assert CONTENT == fetch().read_bytes()
    assert [None, "bytes=100000-"] == site.asked


def test_folder_that_cannot_be_made_is_told(site: Site, fetch: Fetch, tmp_path: Path) -> None:
    """A file in the folder's place is the disk's refusal."""
    (tmp_path / "into").write_text("in the way")

    with pytest.raises(StorageFailed, match="cannot be written"):
        fetch()

    assert [] == site.asked


def test_progress_rises_to_the_whole(site: Site, fetch: Fetch) -> None:
    """Also over a cut, the bytes told never fall, and end at the file's size."""
    site.cuts = [100_000]
    told: list[tuple[int, int]] = []

    fetch(watch=lambda done, whole: told.append((done, whole)))

    assert told == sorted(told)
    assert (len(CONTENT), len(CONTENT)) == told[-1]


@pytest.mark.parametrize("name", ["file.bin", "other name", "folder"])
def test_file_at_hand_asks_nobody(site: Site, fetch: Fetch, tmp_path: Path, name: str) -> None:
    """A file under its own or another name, or in a folder, is copied and checked."""
    given = tmp_path / "given"
    given.mkdir()
    path = given / ("file.bin" if name == "folder" else name)
    path.write_bytes(CONTENT)
    (given / "unrelated.txt").write_text("x")

    assert CONTENT == fetch(from_files=[given if name == "folder" else path]).read_bytes()
    assert [] == site.asked


def test_wrong_file_at_hand_is_refused(site: Site, fetch: Fetch, tmp_path: Path) -> None:
    """Nothing is kept of a file with another sum, and nobody is asked instead."""
    (tmp_path / "file.bin").write_bytes(b"other")

    with pytest.raises(DownloadFailed, match=r"is not the deep/file\.bin that was published"):
        fetch(from_files=[tmp_path / "file.bin"])
    with pytest.raises(InputError, match="cannot be read"):
        fetch(from_files=[tmp_path / "nowhere.bin"])
    with pytest.raises(InputError, match="none of the files given"):
        fetch(from_files=[Path(__file__).parent])

    assert set() == left(tmp_path)
    assert [] == site.asked


def test_file_without_an_address_must_be_given(tmp_path: Path) -> None:
    """What nobody publishes comes from the user's own disk."""
    with pytest.raises(InputError, match="no known address"):
        fetch_file(RemoteFile("own.onnx"), tmp_path)


def test_target_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    """A target with dots is not followed."""
    with pytest.raises(InputError, match="leads out of"):
        fetch_file(RemoteFile("../own.onnx"), tmp_path)


@pytest.mark.parametrize(
    ("mirror", "expected"),
    [
        (None, "https://host.example/a/b.onnx?x=1"),
        ("https://m.example", "https://m.example/a/b.onnx?x=1"),
        ("https://m.example/hf/", "https://m.example/hf/a/b.onnx?x=1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/a/b.onnx?x=1"),
    ],
)
def test_mirror_takes_the_place_of_scheme_and_host(mirror: str | None, expected: str) -> None:
    """Path and query stay; plain http is a mirror's privilege."""
    assert expected == mirrored("https://host.example/a/b.onnx?x=1", mirror)


@pytest.mark.parametrize(
    ("url", "mirror"), [("http://host/a", None), ("https://host/a", "m.example"), ("https://host/a", "ftp://m")]
)
def test_address_that_is_not_https_is_refused(url: str, mirror: str | None) -> None:
    """Neither a publisher over http nor a mirror without a scheme is asked."""
    with pytest.raises(SettingsError, match="is no https address"):
        mirrored(url, mirror)


def test_note_that_cannot_be_read_starts_anew(site: Site, fetch: Fetch, tmp_path: Path) -> None:
    """A part whose note is damaged, or of another address, is of unknown content."""
    for note in ("{", json.dumps({"url": "https://other.example/file.bin", "validator": '"one"'})):
        (tmp_path / "into/deep").mkdir(parents=True, exist_ok=True)
        (tmp_path / "into/deep/file.bin").unlink(missing_ok=True)
        (tmp_path / "into/deep/file.bin.part").write_bytes(CONTENT[:1000])
        (tmp_path / "into/deep/file.bin.part.json").write_text(note)
        site.asked = []

        assert CONTENT == fetch().read_bytes()
        assert [None] == site.asked
