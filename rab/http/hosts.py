"""Hosts: who listens on loopback is asked as loopback, or a page elsewhere could lead its name here and read all.

A browser lets a page read what its own name answers, and whoever owns that name can let it lead to 127.0.0.1. The
request then still names the page's host, and is refused. Ports are not looked at, so that a tunnel may use any.
"""

import ipaddress
import re
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from rab.errors import InputError

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::\d{1,5})?")


def is_loopback(host: str) -> bool:
    """Return whether a host is `localhost` or an address of this machine's loopback."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def only_loopback(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Raise `InputError` for a request whose `Host` is not loopback."""
    named = _HOST.fullmatch(connection.headers.get("host", ""))
    if named is None or not is_loopback(named[1].strip("[]")):
        raise InputError(
            "this service listens on loopback and was asked under another host's name",
            hint="ask http://127.0.0.1 or http://localhost, or bind to another address (`rab serve --host`)",
        )
