"""The pipeline gives what one thread would give, in order, and holds no more than it may."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.workflows.pipeline import in_order


def counted(n: int) -> Iterator[int]:
    return iter(range(n))


@given(
    st.lists(st.integers(0, 12), max_size=8),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_results_come_in_order(items: list[int], n_workers: int, n_readers: int) -> None:
    """Whatever the numbers of threads, every item has the results of its tasks, in order."""
    expected = [(item, [task * task for task in range(item)]) for item in items]
    flow = in_order(items, counted, lambda task: task * task, n_workers=n_workers, n_readers=n_readers)
    assert expected == [(item, list(results)) for item, results in flow]


def test_slow_work_does_not_change_the_order() -> None:
    """A worker that is late with the first task does not let the second go before it."""

    def work(task: int) -> int:
        time.sleep(0.02 * (4 - task))
        return task

    flow = in_order([4], counted, work, n_workers=4)
    assert [(4, [0, 1, 2, 3])] == [(item, list(results)) for item, results in flow]


@pytest.mark.parametrize("where", ["read", "work"])
def test_an_error_comes_where_its_result_would(where: str) -> None:
    """Results before the error are given, the item ends with it, and the next item is as if nothing had happened."""

    def read(item: int) -> Iterator[int]:
        for task in range(item):
            if (item, task, where) == (3, 2, "read"):
                raise ValueError("damaged")
            yield task

    def work(task: int) -> int:
        if (task, where) == (2, "work"):
            raise ValueError("damaged")
        return task

    seen: list[object] = []
    for item, results in in_order([3, 2], read, work, n_workers=2):
        try:
            seen.extend((item, result) for result in results)
        except ValueError as error:
            seen.append(str(error))
    assert [(3, 0), (3, 1), "damaged", (2, 0), (2, 1)] == seen


def test_results_that_nobody_takes_are_left() -> None:
    """An item that is passed over stops being read, and the next one comes whole."""
    n_read = 0

    def read(item: int) -> Iterator[int]:
        nonlocal n_read
        for task in range(item):
            n_read += item == 100_000
            yield task

    flow = in_order([100_000, 3], read, lambda task: task, n_workers=2)
    assert [None, [0, 1, 2]] == [list(results) if item == 3 else None for item, results in flow]
    assert n_read < 100_000


def test_tasks_wait_for_room() -> None:
    """No more tasks are alive than there are threads to hold them, however fast they are read."""
    alive, most = 0, 0
    lock = threading.Lock()

    class Task:
        def __init__(self) -> None:
            nonlocal alive, most
            with lock:
                alive += 1
                most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            with lock:
                alive -= 1

    def work(_: Task) -> int:
        time.sleep(0.002)
        return 1

    for _, results in in_order([1, 2], lambda _: (Task() for _ in range(60)), work, n_workers=2, n_readers=1):
        assert 60 == sum(results)
    assert most <= 2 + 1 + 1 + 2  # room, one being read, those whose worker has just ended


def test_leaving_early_ends_all_threads() -> None:
    """Whoever stops iterating leaves no thread behind."""
    before = threading.active_count()
    with closing(in_order(range(50), lambda _: counted(1000), lambda task: task, n_workers=3, n_readers=2)) as flow:
        _, results = next(flow)
        assert 0 == next(results)
    assert before == threading.active_count()
