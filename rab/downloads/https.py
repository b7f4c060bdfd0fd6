"""Plain files at https addresses, resumed where they broke off.

Perch's weights are 409 MB: on a line that breaks every few minutes they arrive in pieces or never. What has arrived
stays as `NAME.part`, beside a note of what the server called that content (its ETag), and the next request asks for the
rest on condition that the content is still the same (RFC 9110, sections 13.1.5 and 14.2). The sha256 of the whole file
decides in the end: a file with another one is never put in place. Only one process downloads a file at a time, held by
a lock of the operating system that ends with its process; others wait and find the file there.
"""

import email.utils
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from rab.downloads.disk import BLOCK_BYTES, Watch, holds, refused, sha256_of, target_below, write_checked
from rab.errors import DownloadFailed, InputError, SettingsError

_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed later."""


@dataclass(frozen=True)
class RemoteFile:
    """A file at an https address: where it goes (relative, with slashes), its size and the sha256 of its bytes.

    Without an address it comes from the user's own disk alone. Without a sha256 any content is taken, and whoever
    installs it writes down what was found.
    """

    target: str
    url: str | None = None
    sha256: str | None = None
    n_bytes: int | None = None


@dataclass(frozen=True)
class RetryPolicy:
    """How much patience a download has with its server.

    `n_attempts` count anew whenever more of the file has arrived than ever before, so a line that breaks every few
    minutes ends no download; waits double from `first_wait_s` to `longest_wait_s`, which also bounds a server's
    `Retry-After`. A connection that is silent for `timeout_s` is taken for broken.
    """

    n_attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    timeout_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep


def fetch_file(
    remote: RemoteFile,
    into: Path,
    *,
    from_files: Sequence[Path] = (),
    mirror: str | None = None,
    policy: RetryPolicy = RetryPolicy(),
    watch: Watch = lambda _done, _all: None,
) -> Path:
    """Make `into` hold the file, and return its path.

    A file that is there with its sha256 stays. `from_files`, when there are any, are the only source: of them and the
    files in folders among them, the one with the name of the address or the target, else the one with the sha256, or
    where none is known the only one. `mirror` is a base address that takes the place of scheme and host; only there may
    it be plain http. Raises `DownloadFailed` when the server does not give the right bytes, `InputError` for a file
    that cannot be read, `SettingsError` for a mirror without address, `StorageFailed` when the disk refuses.
    """
    target = target_below(into, remote.target)
    if remote.sha256 is not None and holds(target, remote.sha256):
        return target
    if from_files:
        _copy(_given(remote, from_files), target, remote)
        return target
    if remote.url is None:
        raise InputError(f"{remote.target} has no known address", hint="name a file of your own with `--from FILE`")
    url = mirrored(remote.url, mirror)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(target, error) from error
    part = target.with_name(f"{target.name}.part")
    with _turn(target, part, remote.n_bytes or 0, watch):
        if remote.sha256 is None or not holds(target, remote.sha256):
            _Download(url, remote, part, policy, watch).finish(target)
    return target


def mirrored(url: str, mirror: str | None) -> str:
    """Return the address on the mirror: its base in the place of scheme and host, path and query as they are."""
    scheme = urlsplit(url).scheme if mirror is None else urlsplit(mirror).scheme
    if scheme not in {"https", "http"} or (mirror is None and scheme != "https"):
        raise SettingsError(
            f"{mirror or url} is no https address", hint="RAB_MODELS_MIRROR is a base such as https://mirror.example/hf"
        )
    if mirror is None:
        return url
    parts = urlsplit(url)
    return f"{mirror.rstrip('/')}{parts.path}{f'?{parts.query}' if parts.query else ''}"


def _given(remote: RemoteFile, from_files: Sequence[Path]) -> Path:
    """Return which of the files given, or in folders given, is meant: by name, by sha256, or the only one."""
    names = {Path(remote.target).name, Path(urlsplit(remote.url or "").path).name}
    files: list[Path] = []
    for path in from_files:
        try:
            files += sorted(path.iterdir()) if path.is_dir() else [path]
            path.stat()
        except OSError as error:
            raise _unreadable(path, remote, error) from error
    named = [path for path in files if path.name in names]
    if remote.sha256 is None:
        fitting = named or (files if len(files) == 1 else [])
    else:
        fitting = named or [path for path in files if holds(path, remote.sha256)]
    if not fitting:
        raise InputError(
            f"none of the files given is {remote.target}",
            hint="name it, or a folder that holds it, with `--from`; several `--from` may be given",
        )
    return fitting[0]


def _copy(source: Path, target: Path, remote: RemoteFile) -> None:
    try:
        content = source.open("rb")
    except OSError as error:
        raise _unreadable(source, remote, error) from error
    with content:
        found = sha256_of(source)
        if remote.sha256 not in {None, found}:
            raise DownloadFailed(
                f"{source.name} is not the {remote.target} that was published: sha256 {found}, expected "
                f"{remote.sha256}; nothing was kept",
                hint=f"fetch it from {remote.url}" if remote.url else "name another file",
            )
        write_checked(target, content, found)


def _unreadable(path: Path, remote: RemoteFile, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read: {error.strerror}", hint=f"give the path of {remote.target}")


@contextmanager
def _turn(target: Path, part: Path, n_bytes: int, watch: Watch) -> Iterator[None]:
    """Hold the download of `target` for the length of the block, waiting while another process does.

    The lock file stays: whoever removed it could remove one that another process has just locked.
    """
    import portalocker

    try:
        file = target.with_name(f".{target.name}.lock").open("a")
    except OSError as error:
        raise refused(target, error) from error
    with file:
        while True:
            try:
                portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
                break
            except portalocker.exceptions.LockException:
                watch(_size(part), n_bytes)
                time.sleep(0.2)
        yield


class _Broken(Exception):
    """An attempt ended early; another may succeed, not before `wait_s` where the server said so."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _Download:
    """One file on its way into its `.part`."""

    def __init__(self, url: str, remote: RemoteFile, part: Path, policy: RetryPolicy, watch: Watch) -> None:
        self._url, self._remote, self._part, self._policy, self._watch = url, remote, part, policy, watch
        self._note = part.with_name(f"{part.name}.json")
        self._opener = urllib.request.build_opener(_Redirects(plain_allowed=urlsplit(url).scheme == "http"))

    def finish(self, target: Path) -> None:
        """Bring all of the file, check it, and put it in place.

        A part that an earlier run left may be of other content, so when the sum is wrong then, it starts anew once.
        """
        resumed = self._resumable() > 0
        self._bring()
        found = sha256_of(self._part)
        if resumed and self._remote.sha256 not in {None, found}:
            self._discard()
            self._bring()
            found = sha256_of(self._part)
        if self._remote.sha256 not in {None, found}:
            n_bytes = _size(self._part)
            self._discard()
            raise DownloadFailed(
                f"{self._url} is not the file that was published: {n_bytes:,} bytes, sha256 {found}, expected "
                f"{self._remote.sha256}; nothing was kept",
                hint=f"repeat the command, take another mirror (RAB_MODELS_MIRROR), or {_by_hand()}",
            )
        try:
            with self._part.open("rb+") as content:
                os.fsync(content.fileno())
            self._part.replace(target)
            self._note.unlink(missing_ok=True)
        except OSError as error:
            raise refused(target, error) from error

    def _bring(self) -> None:
        n_tries, most, wait_s = 0, _size(self._part), self._policy.first_wait_s
        while True:
            try:
                self._attempt()
                return
            except _Broken as broken:
                n_tries += 1
                if _size(self._part) > most:
                    n_tries, most, wait_s = 0, _size(self._part), self._policy.first_wait_s
                if n_tries >= self._policy.n_attempts:
                    raise DownloadFailed(
                        f"{self._url} could not be downloaded: {broken}; {most:,} bytes are kept",
                        hint=f"connect this computer and repeat the command, which goes on from there, or {_by_hand()}",
                    ) from broken
                self._policy.sleep(min(max(wait_s, broken.wait_s or 0), self._policy.longest_wait_s))
                wait_s = min(2 * wait_s, self._policy.longest_wait_s)

    def _attempt(self) -> None:
        """Ask once for what is missing; return when the part is complete, raise `_Broken` when it is not."""
        offset = self._resumable()
        if offset and offset == self._remote.n_bytes:
            return
        try:
            with self._opener.open(self._request(offset), timeout=self._policy.timeout_s) as answer:
                self._take(answer, offset)
        except urllib.error.HTTPError as error:
            with error:
                self._refused(error, offset)
        except (OSError, http.client.HTTPException) as error:
            raise _Broken(_reason(error)) from error

    def _request(self, offset: int) -> urllib.request.Request:
        headers = {"User-Agent": "rab", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if validator := self._validator():
                headers["If-Range"] = validator
        return urllib.request.Request(self._url, headers=headers)  # noqa: S310  # scheme checked by `mirrored`

    def _take(self, answer: Any, offset: int) -> None:
        """Append what a 206 brings, or begin anew with what a 200 brings."""
        length = _number(answer.headers.get("Content-Length")) or 0
        if answer.status == 206:
            start, whole = _content_range(answer.headers.get("Content-Range", ""))
            if start != offset:
                self._discard()
                raise _Broken("the server sent another range than was asked for")
        else:
            offset, whole = 0, length or None
        if whole is not None and self._remote.n_bytes not in {None, whole}:
            self._discard()
            raise DownloadFailed(
                f"{self._url} has {whole:,} bytes, expected {self._remote.n_bytes:,}; nothing was kept",
                hint=f"take another mirror (RAB_MODELS_MIRROR), or {_by_hand()}",
            )
        with self._opened(answer, offset) as out:
            received = self._copy(answer, out, offset, whole or self._remote.n_bytes or 0)
        if received < (whole or self._remote.n_bytes or 0):
            raise _Broken("the connection was cut")

    @contextmanager
    def _opened(self, answer: Any, offset: int) -> Iterator[IO[bytes]]:
        """Open the part for writing at `offset`, with a note of what this content is."""
        validator = answer.headers.get("ETag") or ""
        if validator.startswith("W/") or not validator:
            validator = answer.headers.get("Last-Modified") or ""
        try:
            out = self._part.open("ab" if offset else "wb", buffering=0)  # what a full disk refuses is met once
            self._note.write_text(json.dumps({"url": self._url, "validator": validator}), encoding="utf-8")
        except OSError as error:
            raise refused(self._part, error) from error
        with out:
            yield out

    def _copy(self, answer: Any, out: IO[bytes], offset: int, whole: int) -> int:
        """Copy until the connection ends; return how many bytes the part has then."""
        while block := answer.read1(BLOCK_BYTES):
            try:
                rest = memoryview(block)
                while rest:
                    rest = rest[out.write(rest) :]
            except OSError as error:
                raise refused(self._part, error) from error
            offset += len(block)
            self._watch(offset, whole)
        return offset

    def _refused(self, error: urllib.error.HTTPError, offset: int) -> None:
        """Translate a status that is no success: begin anew, try again later, or give up."""
        if error.code == 416 and offset:
            self._discard()
            raise _Broken("the server has less than was kept") from error
        if error.code in _RETRIED:
            raise _Broken(f"HTTP {error.code} {error.reason}", _retry_after(error.headers)) from error
        raise DownloadFailed(
            f"{self._url} could not be downloaded: HTTP {error.code} {error.reason}",
            hint=f"see that the address is right where RAB_MODELS_MIRROR is set, or {_by_hand()}",
        ) from error

    def _resumable(self) -> int:
        """Return how many bytes of the part may be kept: none of another address or of content without a name."""
        n_bytes = _size(self._part)
        known = self._noted().get("url") == self._url and (self._remote.sha256 is not None or bool(self._validator()))
        if n_bytes and (not known or n_bytes > (self._remote.n_bytes or n_bytes)):
            self._discard()
            return 0
        return n_bytes

    def _validator(self) -> str:
        return str(self._noted().get("validator") or "")

    def _noted(self) -> dict[str, Any]:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def _discard(self) -> None:
        for path in (self._part, self._note):
            with suppress(FileNotFoundError):
                path.unlink()


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but none from https to an address that anybody on the way can change."""

    def __init__(self, *, plain_allowed: bool) -> None:
        self._schemes = {"https", "http"} if plain_allowed else {"https"}

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Refuse a redirect that leaves https."""
        if urlsplit(newurl).scheme not in self._schemes:
            raise DownloadFailed(
                f"{req.full_url} leads to {newurl}, which is no https address", hint="take another mirror"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _content_range(header: str) -> tuple[int, int | None]:
    """Read `bytes 5-9/10`; −1 for a start that is not told."""
    unit, _, rest = header.partition(" ")
    span, _, whole = rest.partition("/")
    start = span.partition("-")[0]
    if unit != "bytes" or not start.isdecimal():
        return -1, None
    return int(start), int(whole) if whole.isdecimal() else None


def _retry_after(headers: Any) -> float | None:
    """Read seconds or a date (RFC 9110, section 10.2.3); None where neither stands."""
    value = headers.get("Retry-After") or ""
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "the server was silent for too long"
    return str(cause) or type(cause).__name__


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise refused(path, error) from error


def _by_hand() -> str:
    return "fetch it elsewhere and name it with `--from FILE`"


def _number(text: str | None) -> int | None:
    """Return a header's number; None for one that is none."""
    return int(text) if text is not None and text.isdecimal() else None
