"""What a database says when it refuses, in RAB's words, with the next step.

SQLite names a result code (`SQLITE_FULL`), PostgreSQL a SQLSTATE (`53100`); both are stable, their sentences are not.
The address of a database is shown without its password and without its options, which may hold one.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    TimeoutError,  # noqa: A004  SQLAlchemy's own: no connection became free in time
)

from rab.errors import Conflict, InputError, RabError, StorageFailed, Unavailable

_Cause = tuple[type[RabError], str, str]
"""The error to raise, why the database refused, and the next step."""

_CODES: dict[str, _Cause] = {
    r"SQLITE_FULL|53100": (
        StorageFailed,
        "its disk is full",
        "free some space and do it again; nothing is half-written",
    ),
    r"SQLITE_READONLY.*|25006": (StorageFailed, "it is read-only", "make it writable, or open another catalog"),
    r"SQLITE_PERM|SQLITE_AUTH|42501": (StorageFailed, "permission is denied", "give this user the right to write it"),
    r"SQLITE_CANTOPEN.*": (StorageFailed, "it cannot be opened", "check that its folder exists and is writable"),
    r"SQLITE_CORRUPT.*|XX00[12]": (StorageFailed, "it is damaged", "restore a copy, or ingest into a new catalog"),
    r"SQLITE_NOTADB": (StorageFailed, "it is no SQLite database", "check the address of the catalog"),
    r"SQLITE_IOERR.*|58.*": (StorageFailed, "its disk failed", "check the disk and its free space"),
    r"SQLITE_ERROR|42.*": (StorageFailed, "it is no catalog of this RAB", "check the address of the catalog"),
    r"SQLITE_BUSY.*|SQLITE_LOCKED.*|40.*|55P03": (Unavailable, "another process is writing to it", "do it again"),
    r"08.*|53.*|57.*": (Unavailable, "its server is not answering", "check that it runs and do it again"),
}
"""Result codes and SQLSTATEs, as patterns; the first that fits decides."""

_UNREACHABLE: _Cause = (Unavailable, "it is not answering", "check its address, and that it runs")
_KINDS: dict[type[DBAPIError], _Cause] = {
    IntegrityError: (Conflict, "what is stored contradicts it", "do it again from the start"),
    DataError: (InputError, "a value cannot be kept", "leave out what is no text, or too large a number"),
    OperationalError: _UNREACHABLE,
    InterfaceError: _UNREACHABLE,
    DBAPIError: (StorageFailed, "it refused", "check that RAB made this database, and that it is whole"),
}
"""For errors without a code, and for codes that are not named above."""


def shown(url: URL) -> str:
    """Return an address that may be printed: without password and options."""
    return url.set(query={}).render_as_string(hide_password=True)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise what a database refuses within the block as RAB's errors; `name` is the address as it may be shown."""
    try:
        yield
    except DBAPIError as error:
        raise translate(error, name) from error
    except (TimeoutError, DisconnectionError) as error:
        raise Unavailable(f"the catalog {name} has no free connection", hint="ask again in a moment") from error
    except UnicodeEncodeError as error:
        raise InputError(
            f"{error.object!r} is no Unicode text, and the catalog keeps no other", hint="rename the file"
        ) from error
    except OverflowError as error:
        raise InputError(f"a number is too large for the catalog: {error}", hint="give a smaller one") from error


def translate(error: DBAPIError, name: str) -> RabError:
    """Return RAB's error for a driver's, by the code it carries, else by its kind."""
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or ""
    causes = [cause for pattern, cause in _CODES.items() if re.fullmatch(pattern, code)]
    causes += [cause for kind, cause in _KINDS.items() if isinstance(error, kind)]
    family, cause, hint = causes[0]
    said = str(error.orig).strip().partition("\n")[0]
    return family(f"the catalog {name} failed: {cause} ({said})", hint=hint)
