"""A worker's handles of the process that reads text in pictures: started at the first need, ended when idle."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from workers.inference.ocr.types import READS_MAX, LinesOfPage, TextRead
from workers.inference.sandbox.errors import SandboxError, SandboxGoneError, SandboxTimeoutError
from workers.inference.sandbox.process import SandboxProcess, SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from workers.inference.ocr.types import Script

T = TypeVar("T")
log = logging.getLogger(__name__)
PHOTOS, PAGES = "workers.inference.ocr.child:PhotoHandler", "workers.inference.ocr.child:PageHandler"
MIB = 1 << 20
LOADING_BYTES = 1536 * MIB
PHOTO_BYTES, PAGE_BYTES = 256 * MIB, 512 * MIB
"""What reading may take beyond the loaded networks."""
CALLS_MAX = 500
"""A process is replaced after as many pictures, so that one that was taken over does not see others' for long."""
NICENESS = 10
THREADS_MAX = 4
JOB_SECONDS = 240.0
"""What a page, or a picture of a job, may take at low priority: nobody waits, and what is given up is missing."""


@dataclass(frozen=True)
class ReadingLimits:
    """How long one picture may take, and how long the process stays without one."""

    call_seconds: float = 20.0
    idle_seconds: float = 300.0


class ReadingError(Exception):
    """A picture was not read; the message says why."""


class ReadingTimeoutError(ReadingError):
    """It took too long."""


class SandboxedReader:
    """Has pictures read by a sandboxed process of its own. It belongs to one thread."""

    def __init__(self, limits: ReadingLimits, sandbox: SandboxSpec) -> None:
        self.limits = limits
        self._sandbox = sandbox
        self._process: SandboxProcess | None = None
        self._calls = 0
        self._used = time.monotonic()

    @property
    def process(self) -> SandboxProcess | None:
        """The process, while there is one."""
        return self._process

    def answer(self, picture: Image.Image, understood: Callable[[dict[str, Any]], T]) -> T:
        """Return what `understood` makes of the process's answer for an RGB picture.

        Raises ReadingError where it took too long, or where the process died, ran out of memory, or made no sense.
        The next picture is read by a new process.
        """
        self._used = time.monotonic()
        try:
            return understood(self._called(picture))
        except SandboxError as error:
            self.close()
            if isinstance(error, SandboxTimeoutError):
                raise ReadingTimeoutError(f"it took longer than {self.limits.call_seconds:g} s") from error
            log.exception("A picture could not be read")
            raise ReadingError("the reader failed") from error
        except (ValueError, TypeError, KeyError) as error:
            self.close()
            log.exception("A reader's answer makes no sense")
            raise ReadingError("the reader failed") from error
        finally:
            self._used = time.monotonic()

    def end_if_idle(self) -> None:
        """End the process where nobody needed it for long: it holds some hundred megabytes."""
        if self._process is not None and time.monotonic() - self._used > self.limits.idle_seconds:
            self.close()

    def close(self) -> None:
        """End the process; the next picture starts another."""
        if self._process is not None:
            self._process.close()
        self._process, self._calls = None, 0

    def _called(self, picture: Image.Image) -> dict[str, Any]:
        try:
            return self._call(self._running(), picture)
        except SandboxGoneError:  # somebody ended it while it was idle: not this picture's doing
            self.close()
            return self._call(self._running(), picture)

    def _call(self, process: SandboxProcess, picture: Image.Image) -> dict[str, Any]:
        self._calls += 1
        head, _ = process.call(
            "read", {"size": picture.size}, [picture.tobytes()],
            reply_bytes=0, timeout_seconds=self.limits.call_seconds,
        )  # fmt: skip
        return head

    def _running(self) -> SandboxProcess:
        if self._calls >= CALLS_MAX:
            self.close()
        if self._process is None:
            self._process = SandboxProcess(self._sandbox)
        return self._process


class PhotoReader(SandboxedReader):
    """Reads photos."""

    def __init__(self, limits: ReadingLimits | None = None, sandbox: SandboxSpec | None = None) -> None:
        super().__init__(limits or ReadingLimits(), sandbox or _sandbox(PHOTOS, PHOTO_BYTES))

    def read(self, picture: Image.Image) -> tuple[TextRead, ...]:
        """Return the barcodes and lines of an RGB picture; raises ReadingError as `answer` does."""
        return self.answer(picture, _texts)


class PageLineReader(SandboxedReader):
    """Reads pages: all their lines, large and small, in letters of one script or of all."""

    def __init__(
        self, script: Script = "any", limits: ReadingLimits | None = None, sandbox: SandboxSpec | None = None
    ) -> None:
        super().__init__(
            limits or ReadingLimits(JOB_SECONDS), sandbox or _sandbox(PAGES, PAGE_BYTES, script=script)
        )

    def read(self, picture: Image.Image) -> LinesOfPage:
        """Return what stands on an RGB picture of a page; raises ReadingError as `answer` does."""
        return self.answer(picture, LinesOfPage.of)


def _texts(head: dict[str, Any]) -> tuple[TextRead, ...]:
    return tuple(TextRead.of(one) for one in head["read"][: 2 * READS_MAX])


def _sandbox(handler: str, memory_bytes: int, **options: Any) -> SandboxSpec:
    threads = min(len(os.sched_getaffinity(0)), THREADS_MAX)
    return SandboxSpec(
        handler,
        {"threads": threads, **options},
        memory_bytes=memory_bytes,
        start_memory_bytes=LOADING_BYTES,
        threads=threads,
        niceness=NICENESS,
    )
