"""Jobs that harm their process, for tests: a process of jobs that imports this module can run them."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from workers.jobs.registry import job_handler

if TYPE_CHECKING:
    from workers.jobs.context import JobContext

STEP_BYTES = 16 * 1024 * 1024


@job_handler("test-grow")
def grow(ctx: JobContext) -> None:
    """Take more and more memory, and use it."""
    ctx.stage("grow")
    held = []
    while True:
        held.append(b"x" * STEP_BYTES)
        time.sleep(0.01)


@job_handler("test-grab")
def grab(ctx: JobContext) -> None:
    """Ask for more memory at once than any job may have."""
    ctx.stage("grab")
    bytearray(1 << 40)


@job_handler("test-signal")
def kill_itself(ctx: JobContext) -> None:
    """End the process by the signal that the parameters name."""
    ctx.stage("end")
    os.kill(os.getpid(), signal.Signals[ctx.params["signal"]])
    time.sleep(30)


@job_handler("test-hang")
def hang(ctx: JobContext) -> None:
    """Never reach a checkpoint again."""
    ctx.remember(pid=os.getpid())
    ctx.advance(1)
    ctx.flush()
    time.sleep(600)


@job_handler("test-leave")
def leave(ctx: JobContext) -> None:
    """Leave the process as a library might."""
    ctx.stage("end")
    os._exit(3)


@job_handler("test-steps")
def steps(ctx: JobContext) -> dict[str, int]:
    """Take many small steps; say in which process."""
    ctx.remember(pid=os.getpid())
    ctx.stage("steps", int(ctx.params["steps"]))
    for _ in range(int(ctx.params["steps"])):
        time.sleep(0.02)
        ctx.advance(1)
        ctx.checkpoint()
    return {"pid": os.getpid()}
