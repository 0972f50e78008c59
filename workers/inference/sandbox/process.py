"""A worker's handle of one sandboxed child. A child that failed a call in any unexpected way is gone."""

from __future__ import annotations

import json
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.inference.errors import (
    BundleError,
    EncoderError,
    FileError,
    InferenceError,
    PictureError,
    TextError,
)
from workers.inference.isolation import bare_environment
from workers.inference.sandbox import wire
from workers.inference.sandbox.errors import (
    SandboxBrokenError,
    SandboxDiedError,
    SandboxError,
    SandboxGoneError,
    SandboxMemoryError,
    SandboxTimeoutError,
)
from workers.inference.sandbox.memory import SharedMemory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

log = logging.getLogger(__name__)

_CHILD = "workers.inference.sandbox.child"
_ENDING_SECONDS = 1.0
_LOOK_MS = 250
_KEPT_BYTES = 32 << 20
"""Shared memory that an extraordinarily large call needed is given back down to this size."""
_MESSAGE_CHARACTERS, _DETAIL_CHARACTERS = 1000, 4000
_ERRORS: dict[str, type[InferenceError]] = {
    kind.__name__: kind for kind in (BundleError, EncoderError, FileError, PictureError, TextError)
}


@dataclass(frozen=True)
class SandboxSpec:
    """What a child is started for, and what it may use.

    `handler` is `module:Class` below `workers.inference` or `workers.extraction`, made with `options`; `memory_bytes`
    is what handling calls may take beyond what making the handler took, which is bounded by `start_memory_bytes`.
    With `ports` it has the network: it may connect to these. With a `patience` above 1 a call's seconds are of the
    child's processor time, and so many times as long is waited in all: work that nobody waits for does not fail because
    the machine is busy.
    """

    handler: str
    options: dict[str, Any]
    memory_bytes: int
    start_memory_bytes: int = 4 << 30
    threads: int | None = None
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    start_seconds: float = 120.0
    niceness: int = 0
    ports: tuple[int, ...] = ()
    patience: float = 1.0


class SandboxProcess:
    """One running child. Safe to share between threads: calls wait for each other."""

    def __init__(self, spec: SandboxSpec) -> None:
        """Start the child and wait until its handler stands; raises what the handler raised, or SandboxError."""
        self.spec = spec
        self.hello: dict[str, Any] = {}
        self.walls: dict[str, bool] = {}
        self._lock = threading.Lock()
        self._given, self._answered = SharedMemory.create("given"), SharedMemory.create("answered")
        self._channel, theirs = socket.socketpair()
        scratch = Path(tempfile.mkdtemp(prefix="sightline-sandbox-"))
        try:
            self._process = _spawner().submit(self._spawn, theirs, scratch).result()
            theirs.close()
            greeting = self._exchanged(None, spec.start_seconds)
            self.hello, self.walls = greeting["hello"], greeting["walls"]
            _warn_of_gaps(self.walls)
        except BaseException:
            self.close()
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)  # the child needs no files of its own once it stands

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be called: its socket is open and silent. Asks the socket, since `waitpid` takes longer."""
        if self._channel.fileno() < 0:
            return False
        readable = select.poll()
        readable.register(self._channel, select.POLLIN | select.POLLHUP)
        return not readable.poll(0)

    def call(
        self,
        method: str,
        head: dict[str, Any],
        payload: Sequence[Buffer] = (),
        *,
        reply_bytes: int,
        timeout_seconds: float,
    ) -> tuple[dict[str, Any], bytes]:
        """Let the handler's `method` handle one call; return its head and its payload of at most `reply_bytes`.

        Raises the InferenceError that the handler raised. Raises SandboxError where there is no answer: then the
        child has ended (SandboxMemoryError and SandboxBrokenError leave it alive where it answered so itself).
        """
        with self._lock:
            if not self.alive:
                raise SandboxGoneError(self._ended())
            self._given.reserve(sum(memoryview(part).nbytes for part in payload))
            size = self._given.write(payload)
            self._answered.reserve(reply_bytes)
            answer = self._exchanged({"method": method, "head": head, "bytes": size}, timeout_seconds)
            try:
                return self._taken(answer, reply_bytes)
            finally:
                self._given.release(_KEPT_BYTES)
                self._answered.release(_KEPT_BYTES)

    def close(self) -> None:
        """End the child, whatever it does."""
        if self._channel.fileno() < 0:
            return
        if hasattr(self, "_process"):
            self._kill()
        self._channel.close()
        self._given.close()
        self._answered.close()

    def _spawn(self, theirs: socket.socket, scratch: Path) -> subprocess.Popen[bytes]:
        descriptors = (theirs.fileno(), self._given.descriptor, self._answered.descriptor)
        return subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-P", "-m", _CHILD, json.dumps(self._order(descriptors, scratch))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/", pass_fds=descriptors,
            env=bare_environment(self.spec.threads) | {"HOME": "/nonexistent"}, start_new_session=True,
        )  # fmt: skip

    def _order(self, descriptors: tuple[int, int, int], scratch: Path) -> dict[str, Any]:
        spec = self.spec
        resources = {
            "cpu_seconds": None,
            "memory_bytes": spec.start_memory_bytes,
            "file_bytes": spec.start_memory_bytes,
            "ports": spec.ports,
        }
        return dict(zip(("channel", "given", "answered"), descriptors, strict=True)) | {
            "handler": spec.handler,
            "options": spec.options,
            "scratch": str(scratch),
            "readable": [str(folder) for folder in spec.readable],
            "writable": [str(folder) for folder in spec.writable],
            "resources": resources,
            "niceness": spec.niceness,
            "memory_bytes": spec.memory_bytes,
        }

    def _exchanged(self, head: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
        """Send a head and wait for the answer to it; a child that gives none is ended."""
        try:
            self._channel.settimeout(seconds)
            if head is not None:
                wire.send(self._channel, head)
                if self.spec.patience > 1:
                    self._wait(seconds)
            answer = wire.receive(self._channel)
        except TimeoutError as error:
            self._kill()
            raise SandboxTimeoutError(f"No answer within {seconds:.1f} s.") from error
        except (ValueError, TypeError) as error:
            self._kill()
            raise SandboxBrokenError(f"The answer makes no sense: {error}") from error
        except (
            OSError
        ) as error:  # what was sent stays unread: an end after that would be no error but silence
            raise SandboxGoneError(self._ended()) from error
        if answer is None:
            raise SandboxDiedError(self._ended())
        _raise_failure(answer)
        return answer

    def _wait(self, seconds: float) -> None:
        """Wait until the child says something; raises TimeoutError where it has used up its processor time."""
        said = select.poll()
        said.register(self._channel, select.POLLIN | select.POLLHUP)
        used, until = _processor_seconds(self.pid), time.monotonic() + seconds * self.spec.patience
        while not said.poll(_LOOK_MS):
            if time.monotonic() > until or _processor_seconds(self.pid) - used > seconds:
                raise TimeoutError

    def _taken(self, answer: dict[str, Any], most: int) -> tuple[dict[str, Any], bytes]:
        """Return the answer's head and a copy of its payload: the child could still write to the shared one."""
        head, size = answer.get("head"), answer.get("bytes")
        if not isinstance(head, dict) or not isinstance(size, int) or not 0 <= size <= most:
            self._kill()
            raise SandboxBrokenError("The answer makes no sense.")
        return head, bytes(self._answered.view(size))

    def _ended(self) -> int | None:
        """Return the exit code of a child that closed its socket; None for one that did so without ending."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(_ENDING_SECONDS)
        self._kill()
        return None

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _processor_seconds(pid: int) -> float:
    """Return what a process has used of all processors together; 0.0 for one that has ended."""
    try:
        values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


def _raise_failure(answer: dict[str, Any]) -> None:
    """Raise what the child says instead of an answer; whatever it says is bounded, for it may be hostile."""
    if error := answer.get("error"):
        raise _expected(error)
    if answer.get("memory"):
        raise SandboxMemoryError("This needs more memory than is allowed.")
    if "broken" in answer:
        raise SandboxBrokenError(str(answer["broken"])[:_DETAIL_CHARACTERS])


def _expected(error: Any) -> Exception:
    if not isinstance(error, dict) or error.get("kind") not in _ERRORS:
        return SandboxBrokenError("The answer makes no sense.")
    detail = error.get("detail")
    if not isinstance(detail, dict) or len(json.dumps(detail)) > _DETAIL_CHARACTERS:
        detail = {}
    error_id, message = str(error.get("id"))[:80], str(error.get("message"))[:_MESSAGE_CHARACTERS]
    return _ERRORS[error["kind"]].quoting(error_id, message, detail)


def _warn_of_gaps(walls: dict[str, bool]) -> None:
    if not walls.get("is_tight"):
        missing = ", ".join(name for name, holds in walls.items() if not holds and name != "is_tight")
        log.warning("Walls of a sandboxed process are missing on this machine: %s", missing)


@cache
def _spawner() -> ThreadPoolExecutor:
    """Return the thread that starts all children: the kernel ends a child when the thread that started it ends."""
    return ThreadPoolExecutor(1, thread_name_prefix="spawner")


__all__ = ["SandboxError", "SandboxProcess", "SandboxSpec"]
