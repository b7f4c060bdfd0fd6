"""One canonical log line per unit of work: counts, ids and `elapsed_ms`; never audio, prompts or keys.

A line is `event key=value …` on a terminal and one JSON object elsewhere, so that people read the first and machines
the second. It goes to standard error; standard output belongs to results.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("rab")


class _Line(logging.Formatter):
    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = getattr(record, "fields", {})
        event = record.getMessage()
        fault = self.formatException(record.exc_info) if record.exc_info else None
        if self._as_json:
            traced = {} if fault is None else {"traceback": fault}
            return json.dumps({"level": record.levelname.lower(), "event": event, **fields, **traced}, default=str)
        line = " ".join([event, *(f"{name}={value}" for name, value in fields.items())])
        return line if fault is None else f"{line}\n{fault}"


def configure(level: str = "WARNING") -> None:
    """Send RAB's log lines of at least `level` to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line(as_json=not sys.stderr.isatty()))
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(level.upper())
    LOGGER.propagate = False


@contextmanager
def canonical_line(event: str, **fields: object) -> Iterator[dict[str, object]]:
    """Write one line when the block ends, with `elapsed_ms` and whatever the block adds to the yielded dict.

    A block that raises is logged as `failed`, with the error's type, and the exception goes on.
    """
    started = time.perf_counter()
    try:
        yield fields
    except BaseException as error:
        fields["failed"] = type(error).__name__
        raise
    finally:
        fields["elapsed_ms"] = round((time.perf_counter() - started) * 1000, 1)
        LOGGER.info(event, extra={"fields": fields})
