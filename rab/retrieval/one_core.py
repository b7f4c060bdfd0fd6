"""One core for small matrices: a product of 129 rows is not worth sharing.

OpenBLAS shares every product among all cores, and its threads wait for each other by spinning. On two cores that had
other work, the products of one reranking took 80 to 120 ms on two threads, and 3 to 6 ms on one. The number is the
whole process's, so whoever comes first changes it and changes it back; those who come meanwhile find it changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it has no stubs

_CHANGING = Lock()


@contextmanager
def on_one_core() -> Iterator[None]:
    """Hold BLAS to one thread, in a `with` block or, called, as a decorator. Nobody waits, and it may be entered again.

    What outlasts the one who changed the number goes on with as many threads as there were.
    """
    if not _CHANGING.acquire(blocking=False):
        yield
        return
    try:
        with _libraries().limit(limits=1, user_api="blas"):
            yield
    finally:
        _CHANGING.release()


@cache
def _libraries() -> ThreadpoolController:
    """Return what this process has loaded; finding it takes 1 ms."""
    return ThreadpoolController()
