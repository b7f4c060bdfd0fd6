"""Pipeline: files are read while others are worked on, and results come in order.

Readers turn each item into tasks; workers turn tasks into results; whoever iterates gets the results item by item, in
the order of the items and of their tasks, as if one thread had done it all. What waits is bounded: tasks, which hold
sound, by the number of threads; results that nobody has asked for yet by `_N_RESULTS_WAITING` an item. Threads serve,
since decoding, resampling, transforms and networks all compute outside the interpreter's lock.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import islice
from queue import Queue
from threading import Event, Semaphore
from typing import Generic, TypeVar

Item = TypeVar("Item")
Task = TypeVar("Task")
Result = TypeVar("Result")

_N_RESULTS_WAITING = 64


def in_order(
    items: Iterable[Item],
    read: Callable[[Item], Iterator[Task]],
    work: Callable[[Task], Result],
    *,
    n_workers: int,
    n_readers: int = 1,
) -> Generator[tuple[Item, Iterator[Result]]]:
    """Yield every item with its results, in order.

    What `read` or `work` raises is raised where its result would come, and ends that item's results. Results that are
    not asked for before the next item are not made, as far as they are not yet. `read` is iterated in a reader's
    thread, several items at once if there are several readers; `work` runs in the workers' threads.
    """
    room = Semaphore(n_workers + n_readers)
    waiting: deque[tuple[Item, _Results[Task, Result]]] = deque()
    rest = iter(items)
    with (
        ThreadPoolExecutor(n_workers, thread_name_prefix="rab-worker") as workers,
        ThreadPoolExecutor(n_readers, thread_name_prefix="rab-reader") as readers,
    ):
        try:
            while True:
                for item in islice(rest, n_readers + 1 - len(waiting)):
                    results = _Results(work, workers, room)
                    readers.submit(results.fill, partial(read, item))
                    waiting.append((item, results))
                if not waiting:
                    return
                item, results = waiting.popleft()
                with closing(results):
                    yield item, iter(results)
        finally:
            for _, results in waiting:
                results.close()


class _Results(Generic[Task, Result]):
    """The results of one item, filled by a reader and taken by whoever iterates."""

    def __init__(self, work: Callable[[Task], Result], workers: ThreadPoolExecutor, room: Semaphore) -> None:
        self._work, self._workers, self._room = work, workers, room
        self._queue: Queue[Future[Result] | None] = Queue(_N_RESULTS_WAITING)
        self._closed = Event()
        self._ended = False

    def fill(self, tasks: Callable[[], Iterator[Task]]) -> None:
        """Hand every task to the workers, as they have room; whatever fails becomes the last result."""
        try:
            for task in tasks():
                self._room.acquire()
                if self._closed.is_set():
                    self._room.release()
                    break
                future = self._workers.submit(self._work, task)
                future.add_done_callback(lambda _: self._room.release())
                del task  # it holds sound, and the next one may be long in coming
                self._queue.put(future)
        except BaseException as error:  # noqa: BLE001  # raised where the result would come
            failed: Future[Result] = Future()
            failed.set_exception(error)
            self._queue.put(failed)
        finally:
            self._queue.put(None)

    def __iter__(self) -> Iterator[Result]:
        while (future := self._next()) is not None:
            yield future.result()

    def close(self) -> None:
        """Let the reader stop, and wait until it has."""
        self._closed.set()
        while (future := self._next()) is not None:
            future.cancel()

    def _next(self) -> Future[Result] | None:
        if self._ended:
            return None
        future = self._queue.get()
        self._ended = future is None
        return future
