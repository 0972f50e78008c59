"""Two stages of one computation at the same time: the network on an accelerator (or a core), the rest on the CPU.

picture ─► bounded queue ─► first (node features) ─► bounded queue ─► second (reasoning) ─► vector

The scheme is Refine-ITR's: both stages' mean times made equal, batch sizes small and close.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

T = TypeVar("T")
R = TypeVar("R")

RATE_SLACK = 1.05
"""Smaller batches are worth this much of the best time per item."""
ROOM = 2
"""How many batches wait before a stage: one is ready when the last is done, one more evens out."""
TRIALS = 3


@dataclass(frozen=True)
class Stage:
    """`work`: a batch of inputs → as many outputs. `size`: the largest batch."""

    work: Callable[[list[Any]], Sequence[Any]]
    size: int


@dataclass
class _Task:
    value: Any
    answer: Future[Any]


class TwoStages(Generic[T, R]):
    """Runs every item through both stages, each in a thread of its own; its work must let the other's run meanwhile.

    A lone item waits for nobody; where many wait, stages take batches. An item that fails spoils no other's answer.

        with TwoStages(Stage(features, 8), Stage(reasoning, 8)) as stages:
            vectors = [answer.result() for answer in stages.answers(pictures)]
    """

    def __init__(self, first: Stage, second: Stage) -> None:
        self._before = _Lane(ROOM * first.size)
        self._between = _Lane(ROOM * max(first.size, second.size))
        self._threads = [
            threading.Thread(target=self._run_first, args=(first,), name="stage-1", daemon=True),
            threading.Thread(target=self._run_second, args=(second,), name="stage-2", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, item: T) -> Future[R]:
        """Hand over one item; waits while the first queue is full. Raises RuntimeError after `close`."""
        answer: Future[R] = Future()
        if not self._before.put([_Task(item, answer)]):
            raise RuntimeError("The stages are closed.")
        return answer

    def answers(self, items: Iterable[T]) -> Iterator[Future[R]]:
        """Each item's finished future, in the order of `items`; takes no more of them than the queues have room for."""
        waiting: deque[Future[R]] = deque()
        for item in items:
            waiting.append(self.submit(item))
            while waiting and waiting[0].done():
                yield waiting.popleft()
        for answer in waiting:
            answer.exception()  # waits until it is done
            yield answer

    def close(self, *, abandon: bool = False) -> None:
        """Take nothing more, finish what was submitted (or cancel it, where `abandon` is set), and end both threads."""
        for lane in (self._before, self._between) if abandon else ():
            for task in lane.clear():
                _cancel(task)
        self._before.close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> TwoStages[T, R]:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close(abandon=kind is not None)

    def _run_first(self, stage: Stage) -> None:
        while tasks := self._before.take(stage.size):
            asked = [task for task in tasks if task.answer.set_running_or_notify_cancel()]
            self._between.put([_Task(output, task.answer) for task, output in _worked(stage, asked)])
        self._between.close()

    def _run_second(self, stage: Stage) -> None:
        while tasks := self._between.take(stage.size):
            for task, output in _worked(stage, tasks):
                task.answer.set_result(output)


class _Lane:
    """A queue of at most `room` tasks, except that a batch larger than what is free goes in as soon as anything is."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._tasks: deque[_Task] = deque()
        self._closed = False
        self._changed = threading.Condition()

    def put(self, tasks: list[_Task]) -> bool:
        """Wait for room, then add all; False where the lane is closed."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._tasks) < self._room or self._closed)
            if self._closed:
                return False
            self._tasks.extend(tasks)
            self._changed.notify_all()
            return True

    def take(self, limit: int) -> list[_Task]:
        """Wait for tasks and return up to `limit`; none when the lane is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._tasks or self._closed)
            taken = [self._tasks.popleft() for _ in range(min(limit, len(self._tasks)))]
            self._changed.notify_all()
            return taken

    def clear(self) -> list[_Task]:
        """Take everything out."""
        with self._changed:
            taken = list(self._tasks)
            self._tasks.clear()
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Let nothing more in."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _worked(stage: Stage, tasks: list[_Task]) -> list[tuple[_Task, Any]]:
    """Each task with its output; where the batch fails each alone, and those that fail alone get their error."""
    if not tasks:
        return []
    try:
        outputs = stage.work([task.value for task in tasks])
        if len(outputs) != len(tasks):
            raise RuntimeError(f"The stage gave {len(outputs)} outputs for {len(tasks)} items.")
        return list(zip(tasks, outputs, strict=True))
    except Exception as error:  # noqa: BLE001  whatever it is, it belongs to the asker, not to this thread
        if len(tasks) == 1:
            tasks[0].answer.set_exception(error)
            return []
        return [done for task in tasks for done in _worked(stage, [task])]


def _cancel(task: _Task) -> None:
    """An item that waits for the first stage is cancelled; one that waits for the second is running already."""
    if not task.answer.cancel():
        task.answer.set_exception(CancelledError())


def batch_seconds(work: Callable[[list[Any]], object], item: Any, sizes: Iterable[int]) -> dict[int, float]:
    """The least of a few measured times of a batch of each size, after one that does not count."""
    found = {}
    for size in sizes:
        work([item] * size)
        found[size] = min(_seconds(work, [item] * size) for _ in range(TRIALS))
    return found


def balanced(first: Mapping[int, float], second: Mapping[int, float]) -> tuple[int, int]:
    """Batch sizes of both stages from the measured seconds of a batch of each size.

    Among the pairs that keep the slower stage's time per item within a twentieth of the best one: small ones, then
    close ones, then those whose times per item are most alike. So the faster stage gives up what its larger batches
    would gain, down to the slower one's pace.
    """
    means = {(a, b): (first[a] / a, second[b] / b) for a in first for b in second}
    best = min(max(pair) for pair in means.values())
    fit = [sizes for sizes, pair in means.items() if max(pair) <= best * RATE_SLACK]
    return min(fit, key=lambda sizes: (max(sizes), -min(sizes), abs(means[sizes][0] - means[sizes][1])))


def _seconds(work: Callable[[list[Any]], object], batch: list[Any]) -> float:
    started = time.perf_counter()
    work(batch)
    return time.perf_counter() - started
