"""A lane: so many processes and so much memory for the pictures of one kind.

Pictures that decode quickly, as photos nearly always do, have a lane of their own: they never wait for those that take
long, of which one sender could keep every process busy. Those go at low priority, and only a few of them may wait.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workers.inference.decoding.budget import Budget
from workers.inference.decoding.crew import Crew
from workers.inference.sandbox.errors import SandboxGoneError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.inference.sandbox.process import SandboxSpec


class LaneFullError(Exception):
    """As many pictures as may are decoded here, or wait for it."""


@dataclass(frozen=True)
class Call:
    """What a process is asked for: see `SandboxProcess.call`."""

    method: str
    head: dict[str, Any]
    data: bytes
    reply_bytes: int
    seconds: float = 0.0


class Lane:
    """Safe to share between threads."""

    def __init__(self, spec: SandboxSpec, processes: int, memory_bytes: int, inside_max: int | None) -> None:
        self.budget = Budget(memory_bytes)
        self._crew = Crew(spec, processes)
        self._tries = processes + 2
        self._inside_max = inside_max
        self._inside = 0
        self._lock = threading.Lock()

    def called(self, call: Call, memory_bytes: int, ends: float) -> tuple[dict[str, Any], bytes]:
        """Let a process do the call once there is one, and memory; until `ends`, by the monotonic clock.

        Processes that somebody ended before they read the call cost nothing: the next one is asked. Raises
        LaneFullError, BudgetTimeoutError, CrewTimeoutError, and what `SandboxProcess.call` raises.
        """
        with self._entered(), self.budget.reserved(memory_bytes, ends - time.monotonic()):
            for _ in range(self._tries - 1):
                with suppress(SandboxGoneError):
                    return self._once(call, ends)
            return self._once(call, ends)

    def pids(self) -> list[int]:
        """Return the processes that stand."""
        return self._crew.pids()

    def close(self) -> None:
        """End all processes."""
        self._crew.close()

    def _once(self, call: Call, ends: float) -> tuple[dict[str, Any], bytes]:
        with self._crew.borrowed(ends - time.monotonic()) as process:
            return process.call(
                call.method, call.head, [call.data],
                reply_bytes=call.reply_bytes, timeout_seconds=call.seconds,
            )  # fmt: skip

    @contextmanager
    def _entered(self) -> Iterator[None]:
        with self._lock:
            if self._inside == self._inside_max:
                raise LaneFullError
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
