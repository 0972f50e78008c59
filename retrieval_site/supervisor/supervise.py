"""The supervisor's loop: children are watched, started again when they die, and stopped in order."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieval_site.supervisor.children import Child, ChildSpec, RestartPolicy
from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.logs import LogKeeper
from retrieval_site.supervisor.remember import remember_children

if TYPE_CHECKING:
    from types import FrameType

    from retrieval_site.supervisor.paths import DataPaths

LOOK_EVERY_SECONDS = 0.1
DISK_FREE_MIN_BYTES = 32 * 1024 * 1024
"""With less, children end for want of room: they are started again for as long as it takes."""
Say = Callable[[str, str], None]


class StopRequested(BaseException):
    """Ctrl-C or SIGTERM came while something was being waited for."""


def say(name: str, text: str) -> None:
    """Write one short line with the child's name to the terminal, as long as there is one."""
    with suppress(OSError):
        sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {name:<9} {text}\n")
        sys.stdout.flush()


@dataclass(frozen=True)
class Awaited:
    """Stands for a child that is being waited for: a stop signal ends the waiting too."""

    supervisor: Supervisor
    child: Child

    def poll(self) -> int | None:
        """Return the child's exit code once it has ended; raise `StopRequested` after a stop signal."""
        self.supervisor.check_stop()
        return self.child.poll()


@dataclass
class Supervisor:
    """Owns every child of one installation. Works in the main thread and has no other."""

    paths: DataPaths
    say: Say = say
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    log_keep_days: int = 0
    children: dict[str, Child] = field(default_factory=dict)
    stop_signals: int = 0

    def listen(self) -> None:
        """Take Ctrl-C, SIGTERM and a closed terminal as the wish to stop; a second one as the wish to hurry."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def start(self, spec: ChildSpec) -> Child:
        """Start a child that is watched from now on."""
        self.check_stop()
        child = Child(spec, self.paths.log / f"{spec.name}.log", self.policy)
        self.children[spec.name] = child
        child.start()
        self._remember()
        return child

    def run_once(self, spec: ChildSpec) -> None:
        """Run a step to its end; raise `SupervisorError` with the end of its log if it fails."""
        child = self.start(spec)
        child.settled = True
        while child.running:
            self.pause()
        child.end_session()
        if child.poll() != 0:
            raise SupervisorError(f"The step `{spec.name}` failed:\n{child.log_tail()}")

    def pause(self) -> None:
        """Look after the children, then wait a moment."""
        self.check_stop()
        self.look_after()
        time.sleep(LOOK_EVERY_SECONDS)

    def check_stop(self) -> None:
        """Raise `StopRequested` after a stop signal."""
        if self.stop_signals:
            raise StopRequested

    def run(self) -> None:
        """Watch until a stop signal comes (`StopRequested`) or a child is given up (`SupervisorError`)."""
        logs = LogKeeper(self.paths.log, keep_days=self.log_keep_days)
        while True:
            self.pause()
            logs.look_after()

    def look_after(self) -> None:
        """Notice children that ended and start those whose pause is over."""
        for child in list(self.children.values()):
            if child.settled:
                continue
            ended = not child.running
            self._tell(child)  # after looking whether it ended, or its last lines would be missed
            if ended:
                self._look_after_ended(child)

    def _look_after_ended(self, child: Child) -> None:
        if child.spec.once:
            self._settle(child)
        elif child.start_again_at is None:
            self._note_end(child)
        elif time.monotonic() >= child.start_again_at:
            self._start_again(child)

    def _start_again(self, child: Child) -> None:
        """Start a child that had ended; one that cannot be started now, on a full disk for example, is tried later."""
        try:
            child.start()
        except (OSError, SupervisorError) as error:
            self.say(child.spec.name, f"cannot be started: {error}")
            self._note_end(child)
            return
        self._remember()
        self.say(child.spec.name, "started again")

    def stop(self) -> None:
        """Stop every child, the highest stage first; those that do not end in time are killed."""
        for stage in sorted({child.spec.stage for child in self.children.values()}, reverse=True):
            self._stop_stage([child for child in self.children.values() if child.spec.stage == stage])
        self.children.clear()
        self._remember()

    def _stop_stage(self, children: list[Child]) -> None:
        for child in children:
            child.ask_to_stop()
        asked_at = time.monotonic()
        for child in children:
            while child.running and not self._impatient(child, time.monotonic() - asked_at):
                time.sleep(0.02)
            if child.running:
                self.say(child.spec.name, "did not stop in time and was killed")
            child.kill()

    def _impatient(self, child: Child, waited_seconds: float) -> bool:
        return waited_seconds > child.spec.stop_timeout_seconds or self.stop_signals > 1

    def _note_end(self, child: Child) -> None:
        child.note_end()
        self.say(child.spec.name, f"ended ({_how(child.poll())})")
        if child.gave_up and self._disk_is_full():
            child.failures = self.policy.give_up_after // 2
        if child.gave_up:
            raise SupervisorError(
                f"`{child.spec.name}` ended {child.failures} times in a row, so everything is stopped. "
                f"The end of {child.log}:\n{child.log_tail()}"
            )

    def _disk_is_full(self) -> bool:
        """Return whether the data folder has no room: what ends for that comes back once there is some."""
        full = shutil.disk_usage(self.paths.root).free < DISK_FREE_MIN_BYTES
        if full:
            self.say("sightline", f"the disk of {self.paths.root} is full; make room there")
        return full

    def _tell(self, child: Child) -> None:
        for line in child.new_lines() if child.spec.tell else ():
            self.say(child.spec.name, line)

    def _settle(self, child: Child) -> None:
        child.settled = True
        child.end_session()
        if child.poll() == 0:
            child.spec.then()
        else:
            tail = "" if child.spec.tell else f"\n{child.log_tail()}"
            self.say(child.spec.name, f"failed ({_how(child.poll())}); see {child.log}{tail}")

    def _remember(self) -> None:
        """Note who runs. On a full disk the former note stays: the kernel ends what it does not name, too."""
        running = [c.process.pid for c in self.children.values() if c.process and c.running]
        try:
            remember_children(self.paths.children, running)
        except OSError as error:
            self.say("sightline", f"the note of the processes was not written: {error}")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop_signals += 1


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
