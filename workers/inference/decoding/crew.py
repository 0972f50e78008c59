"""Warm child processes, one more than may work at once, so that nobody waits while one that failed is replaced."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workers.inference.errors import InferenceError
from workers.inference.sandbox.errors import SandboxError
from workers.inference.sandbox.process import SandboxProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.inference.sandbox.process import SandboxSpec

log = logging.getLogger(__name__)
_START_AGAIN_SECONDS = 1.0
CALLS_MAX = 500
"""A process is replaced after as many pictures, so that one that was taken over does not see others' for long."""


class CrewTimeoutError(Exception):
    """No process got free in time."""


class Crew:
    """Lends processes to threads; those that ended, or have worked for long, are replaced behind their backs."""

    def __init__(self, spec: SandboxSpec, workers: int) -> None:
        self._spec, self._workers = spec, workers
        self._idle: list[SandboxProcess] = []
        self._calls: dict[SandboxProcess, int] = {}
        self._busy = 0
        self._closed = False
        self._changed = threading.Condition()
        self._starter = threading.Thread(target=self._keep_full, name="decoder-starter", daemon=True)
        self._starter.start()

    @contextmanager
    def borrowed(self, timeout_seconds: float) -> Iterator[SandboxProcess]:
        """Lend a process during the block; raises CrewTimeoutError where none gets free in time."""
        process = self._take(timeout_seconds)
        try:
            yield process
        except BaseException:
            self._put_back(process, alive=process.alive)
            raise
        self._put_back(process, alive=True)

    def pids(self) -> list[int]:
        """Return the processes that stand."""
        with self._changed:
            return [process.pid for process in self._calls]

    def close(self) -> None:
        """End all processes, also those at work."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._starter.join()
        for process in list(self._calls):
            process.close()

    def _take(self, timeout_seconds: float) -> SandboxProcess:
        with self._changed:
            if not self._changed.wait_for(self._may_take, timeout_seconds) or self._closed:
                raise CrewTimeoutError
            self._busy += 1
            process = self._idle.pop()
            self._calls[process] += 1
            return process

    def _may_take(self) -> bool:
        self._forget_dead()
        return self._closed or (bool(self._idle) and self._busy < self._workers)

    def _forget_dead(self) -> None:
        """Let go of idle processes that somebody ended: the next picture is not theirs to lose."""
        for process in [one for one in self._idle if not one.alive]:
            self._idle.remove(process)
            del self._calls[process]
            process.close()
            self._changed.notify_all()

    def _put_back(self, process: SandboxProcess, *, alive: bool) -> None:
        retired = not alive or self._calls[process] >= CALLS_MAX
        if retired:
            process.close()
        with self._changed:
            self._busy -= 1
            if retired:
                del self._calls[process]
            else:
                self._idle.append(process)
            self._changed.notify_all()

    def _keep_full(self) -> None:
        """Start processes whenever some are missing; runs in a thread of its own."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._calls) <= self._workers)
                if self._closed:
                    return
            self._start_one()

    def _start_one(self) -> None:
        try:
            process = SandboxProcess(self._spec)
        except (SandboxError, InferenceError, OSError):
            log.exception("A decoder does not start; trying again")
            with self._changed:
                self._changed.wait_for(lambda: self._closed, _START_AGAIN_SECONDS)
            return
        with self._changed:
            self._calls[process] = 0
            self._idle.append(process)
            self._changed.notify_all()
