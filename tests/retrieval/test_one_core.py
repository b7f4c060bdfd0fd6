"""Small products run on one core, and large ones on as many as before."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

from rab.retrieval.one_core import on_one_core


def blas_threads() -> set[int]:
    """Return how many threads numpy's own BLAS uses."""
    return {one["num_threads"] for one in threadpool_info() if "numpy" in one["filepath"]}


def test_blas_has_one_thread_inside_and_as_many_as_before_outside() -> None:
    """The limit holds in the block, and is lifted whether it ends well or not."""

    @on_one_core()
    def fails() -> None:
        inside.append(blas_threads())
        raise ZeroDivisionError

    inside: list[set[int]] = []
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        with pytest.raises(ZeroDivisionError):
            fails()
        assert [{1}, before] == [*inside, blas_threads()]


def test_threads_that_overlap_leave_no_limit_behind() -> None:
    """The second comes while the first is inside, and goes after it; BLAS has its threads afterwards."""
    before, meeting = blas_threads(), Barrier(2, timeout=10)

    @on_one_core()
    def first() -> None:
        meeting.wait()
        meeting.wait()

    def second() -> None:
        meeting.wait()
        with on_one_core():
            meeting.wait()
            leaving.result()

    with ThreadPoolExecutor(2) as threads:
        leaving = threads.submit(first)
        threads.submit(second).result()
    assert before == blas_threads()
