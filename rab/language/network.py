"""The way to a language model's server: addresses that are checked where they are used, and replies of bounded size.

A base URL comes from a setting, and where it leads from a name server. Link-local addresses answer with credentials on
many rented machines (169.254.169.254), so none is ever connected to, however it is written: in decimal or hexadecimal,
mapped into IPv6, or behind a name. The name is resolved here and the connection made to the address that was checked,
so a name that changes its address in between gains nothing. TLS still proves the name.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence

import httpx

from rab.errors import SettingsError
from rab.language.base import ModelFault

Resolve = Callable[[str, int], Sequence[str]]
"""Host and port → the addresses behind them."""

_SENT_HEADERS = frozenset(
    {"host", "authorization", "content-type", "content-length", "accept", "connection", "user-agent"}
)
"""Nothing else of what libraries like to tell about a machine leaves it."""

_LAST_PORT = 65535
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a host, each once. Raises `OSError` when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def checked_url(base_url: str) -> httpx.URL:
    """Return a base URL that may be used. Raises `SettingsError`, which does not print it: it may hold a password."""
    hint = "set RAB_LLM__BASE_URL to an address such as http://127.0.0.1:8080/v1"
    try:
        url = httpx.URL(base_url.strip())
    except (httpx.InvalidURL, ValueError):
        raise SettingsError("RAB_LLM__BASE_URL is no address", hint=hint) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingsError("RAB_LLM__BASE_URL is no http or https address", hint=hint)
    if url.port is not None and not 1 <= url.port <= _LAST_PORT:
        raise SettingsError(f"RAB_LLM__BASE_URL names a port outside 1 to {_LAST_PORT}", hint=hint)
    if url.userinfo or url.query or url.fragment:
        raise SettingsError(
            "RAB_LLM__BASE_URL holds a user, a query or a fragment", hint="put a key into RAB_LLM__API_KEY"
        )
    if is_link_local(_plain(url.raw_host.decode("ascii"))):
        raise SettingsError("RAB_LLM__BASE_URL is a link-local address, which is refused", hint=hint)
    return url


def is_link_local(address: str) -> bool:
    """Return whether an address is 169.254/16 or fe80::/10, or carries one; False for what is no address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed.is_link_local
    carried = [parsed.ipv4_mapped, parsed.sixtofour, *(parsed.teredo or ())]
    if parsed in _NAT64 or parsed in _COMPATIBLE:
        carried.append(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF))
    return parsed.is_link_local or any(one is not None and one.is_link_local for one in carried)


class GuardedTransport(httpx.BaseTransport):
    """httpx's own transport, which connects to checked addresses only and reads no more than it may.

    `late` says whether the time for the whole answer is over; a body that trickles in is left as soon as it is.
    """

    def __init__(self, *, longest_reply_bytes: int, resolve: Resolve, late: Callable[[], bool]) -> None:
        self._inner = httpx.HTTPTransport(verify=ssl.create_default_context(), trust_env=False)
        self._longest = longest_reply_bytes
        self._resolve = resolve
        self._late = late

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first address of its host that takes it."""
        failure = httpx.ConnectError("the host has no address", request=request)
        for address in self._addresses(request):
            try:
                response = self._inner.handle_request(_pinned(request, address))
            except httpx.ConnectError as error:
                failure = error
                continue
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                response.close()
                raise ModelFault("not_an_answer", "the server compressed its reply, which it was not asked to")
            assert isinstance(response.stream, httpx.SyncByteStream)
            response.stream = _Bounded(response.stream, self._longest, self._late)
            return response
        raise failure

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()

    def _addresses(self, request: httpx.Request) -> Sequence[str]:
        host, port = request.url.raw_host.decode("ascii"), request.url.port or (80, 443)[request.url.scheme == "https"]
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpx.ConnectError("the host has no address", request=request) from None
        if any(is_link_local(address) for address in addresses):
            raise ModelFault("address", "the server has a link-local address, which is refused")
        return addresses


class _Bounded(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, longest: int, late: Callable[[], bool]) -> None:
        self._inner, self._longest, self._late = inner, longest, late

    def __iter__(self) -> Iterator[bytes]:
        n_bytes = 0
        for part in self._inner:
            n_bytes += len(part)
            if n_bytes > self._longest:
                raise ModelFault("too_long", f"the reply is longer than {self._longest} bytes")
            if self._late():
                raise ModelFault("timeout", "the reply trickled in for longer than the time allowed")
            yield part

    def close(self) -> None:
        self._inner.close()


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    """Return a request that goes to an address, and still names its host to the server and to TLS."""
    host = request.url.raw_host.decode("ascii")
    headers = [(name, value) for name, value in request.headers.raw if name.decode().lower() in _SENT_HEADERS]
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


def _plain(host: str) -> str:
    """Return the dotted form of an IPv4 address in decimal, hexadecimal or octal; anything else as it is."""
    try:
        return socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    except (OSError, UnicodeError):
        return host
