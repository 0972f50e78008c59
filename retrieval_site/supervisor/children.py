"""One child process over its life: start, watch, start again with growing pauses, stop."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieval_site.supervisor.processes import Command, start
from retrieval_site.supervisor.sessions import end_session

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


def _nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class RestartPolicy:
    """How long to wait before the next start, and when to stop trying."""

    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 10.0
    settled_after_seconds: float = 30.0  # one that ran this long may fail anew
    give_up_after: int = 6

    def pause_seconds(self, failures: int) -> float:
        """Return the pause before start number `failures` + 1: doubling, up to the longest."""
        return min(self.first_pause_seconds * 2.0 ** (failures - 1), self.longest_pause_seconds)


@dataclass(frozen=True)
class ChildSpec:
    """What to run, and how it is stopped. Children of a higher stage are stopped before those of a lower one."""

    name: str
    command: Command
    stage: int = 1
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_seconds: float = 10.0
    prepare: Callable[[], None] = _nothing
    once: bool = False  # runs to its end and is not started again
    then: Callable[[], None] = _nothing  # called when one that runs once succeeded
    tell: bool = False  # its lines go to the terminal too


@dataclass
class Child:
    """A child and what happened to it. `poll` is that of the process, so that it can stand for it."""

    spec: ChildSpec
    log: Path
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = 0.0
    start_again_at: float | None = None
    settled: bool = False  # ran once and its end was dealt with, or somebody waits for its end
    told_bytes: int = 0

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.poll() is None

    @property
    def gave_up(self) -> bool:
        """Whether it died too often in a row."""
        return self.failures >= self.policy.give_up_after

    def poll(self) -> int | None:
        """Return the exit code of a process that ended, else `None`."""
        return None if self.process is None else self.process.poll()

    def start(self) -> None:
        """Prepare and start the process; its output is appended to its log. Raises OSError where that cannot be."""
        self.started_at = time.monotonic()
        self.spec.prepare()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.told_bytes = log.tell()
            self.process = start(self.spec.command, log)
        self.start_again_at = None

    def note_end(self) -> None:
        """Count the end of the process, end what it left behind, and plan its next start."""
        self.end_session()
        ran_seconds = time.monotonic() - self.started_at
        self.failures = 1 if ran_seconds >= self.policy.settled_after_seconds else self.failures + 1
        self.start_again_at = time.monotonic() + self.policy.pause_seconds(self.failures)

    def ask_to_stop(self) -> None:
        """Send the stop signal, if the process runs."""
        if self.process is not None and self.running:
            self.process.send_signal(self.spec.stop_signal)

    def kill(self) -> None:
        """End the process at once, reap it, and end what it left behind."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.end_session()

    def end_session(self) -> None:
        """End the process's own children, once it has ended."""
        if self.process is not None:
            end_session(self.process.pid)

    def new_lines(self) -> list[str]:
        """Return the whole lines that its log got since the last call."""
        with self.log.open("rb") as file:
            file.seek(self.told_bytes)
            whole, _, _ = file.read().rpartition(b"\n")
        self.told_bytes += len(whole) + 1 if whole else 0
        return whole.decode(errors="replace").splitlines()

    def log_tail(self, lines: int = 6, max_bytes: int = 4000) -> str:
        """Return the last lines of its log, indented, to be shown when it died."""
        if not self.log.is_file():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - max_bytes))
            text = file.read().decode(errors="replace")
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
