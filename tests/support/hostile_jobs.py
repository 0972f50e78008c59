"""Jobs that harm their process, for tests: a process of jobs that imports this module can run them."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.jobs.registry import job_handler
from workers.jobs.types import JobParameters, JobResult, JobType

if TYPE_CHECKING:
    from typing import TypeAlias

    from workers.jobs.context import JobRun

STEP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class HostileParameters(JobParameters):
    signal: str = ""
    steps: int = 0


@dataclass(frozen=True, kw_only=True)
class HostileResult(JobResult):
    pid: int | None = None


if TYPE_CHECKING:
    HostileRun: TypeAlias = JobRun[HostileParameters, HostileResult]

NAMES = ("test-grow", "test-grab", "test-signal", "test-hang", "test-leave", "test-steps")
HOSTILE = {name: JobType(name, HostileParameters, HostileResult) for name in NAMES}


@job_handler(HOSTILE["test-grow"])
def grow(ctx: HostileRun) -> None:
    """Take more and more memory, and use it."""
    ctx.stage("grow")
    held = []
    while True:
        held.append(b"x" * STEP_BYTES)
        time.sleep(0.01)


@job_handler(HOSTILE["test-grab"])
def grab(ctx: HostileRun) -> None:
    """Ask for more memory at once than any job may have."""
    ctx.stage("grab")
    bytearray(1 << 40)


@job_handler(HOSTILE["test-signal"])
def kill_itself(ctx: HostileRun) -> None:
    """End the process by the signal that the parameters name."""
    ctx.stage("end")
    os.kill(os.getpid(), signal.Signals[ctx.parameters.signal])
    time.sleep(30)


@job_handler(HOSTILE["test-hang"])
def hang(ctx: HostileRun) -> None:
    """Never reach a checkpoint again."""
    ctx.remember(pid=os.getpid())
    ctx.advance(1)
    ctx.flush()
    time.sleep(600)


@job_handler(HOSTILE["test-leave"])
def leave(ctx: HostileRun) -> None:
    """Leave the process as a library might."""
    ctx.stage("end")
    os._exit(3)


@job_handler(HOSTILE["test-steps"])
def steps(ctx: HostileRun) -> None:
    """Take many small steps; say in which process."""
    ctx.remember(pid=os.getpid())
    ctx.stage("steps", ctx.parameters.steps)
    for _ in range(ctx.parameters.steps):
        time.sleep(0.02)
        ctx.advance(1)
        ctx.checkpoint()
