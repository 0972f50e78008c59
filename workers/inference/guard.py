"""Start a guarded child, watch its memory and its time from outside, and make sense of how it ends."""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING, Any

import psutil

from workers.inference.bundles import BundleLimits
from workers.inference.errors import BundleError
from workers.inference.isolation import bare_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHILD = "workers.inference.validation_child"
_POLL_SECONDS = 0.05
_TICK_SECONDS = 0.5
_ANSWER_MAX_BYTES = 1 << 20
_ERRORS_NAME = "errors.txt"
_MARK = "SIGHTLINE_GUARDED"
"""The variable by which a child's descendants are found again."""
_ROUNDS = 20


@dataclass(frozen=True)
class ValidationLimits:
    """What validating one bundle may cost."""

    seconds: int = 900
    memory_bytes: int = 6 << 30
    threads: int = 2
    allow_unwalled: bool = False
    """Whether ONNX graphs are run even where the process that runs them cannot be locked in."""
    bundle: BundleLimits = field(default_factory=BundleLimits)


class ChildFailedError(RuntimeError):
    """The child met a defect of this program, not of the bundle; the message is its traceback."""


def run_guarded(
    task: str, bundle: Path, scratch: Path, limits: ValidationLimits, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Let a guarded child do `task` on `bundle` with `scratch` as its only writable folder; return its result.

    `progress` is called with the stage's name at its start and twice a second; what it raises ends the child.
    Raises BundleError for what the bundle is refused for, ChildFailedError for a defect of ours.
    """
    mark = secrets.token_hex(16)
    environment = _environment(scratch, limits) | {_MARK: mark}
    with bundle.open("rb") as source, (scratch / _ERRORS_NAME).open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-P", "-m", _CHILD, json.dumps(_order(task, scratch, limits))],
            stdin=source, stdout=subprocess.PIPE, stderr=errors, cwd=scratch, env=environment,
            start_new_session=True,
        )  # fmt: skip
    try:
        return _Watch(process, limits, progress).result(scratch / _ERRORS_NAME)
    finally:
        _end(process)
        _end_marked(mark)


def _order(task: str, scratch: Path, limits: ValidationLimits) -> dict[str, Any]:
    resources = {
        "cpu_seconds": limits.seconds * limits.threads,
        "memory_bytes": limits.memory_bytes,
        "file_bytes": limits.bundle.unpacked_bytes,
    }
    order = {"task": task, "bundle_fd": 0, "scratch": str(scratch), "threads": limits.threads}
    order["allow_unwalled"] = limits.allow_unwalled
    return order | {"resources": resources, "limits": asdict(limits.bundle)}


def _environment(scratch: Path, limits: ValidationLimits) -> dict[str, str]:
    own = {"HOME": str(scratch), "TMPDIR": str(scratch), "CUDA_VISIBLE_DEVICES": ""}
    return bare_environment(limits.threads) | own


class _Watch:
    """Reads the child's answers while watching over it."""

    def __init__(
        self, process: subprocess.Popen[bytes], limits: ValidationLimits, progress: Callable[[str], None]
    ) -> None:
        self._process = process
        self._limits = limits
        self._progress = progress
        self._deadline = time.monotonic() + limits.seconds
        self._stage, self._ticked = "start", 0.0
        self._buffer = b""
        self._answer: dict[str, Any] | None = None

    def result(self, errors: Path) -> dict[str, Any]:
        """Wait for the child's last answer and return its result."""
        output: IO[bytes] = self._process.stdout  # type: ignore[assignment]  # asked for as a pipe
        while self._answer is None and self._read(output.fileno()):
            self._check_costs()
            self._tick()
        if self._answer is None:
            raise _ended(self._process.wait(), errors)
        if "broken" in self._answer:
            raise ChildFailedError(str(self._answer["broken"]))
        if refused := self._answer.get("refused"):
            raise BundleError.quoting(
                str(refused["id"]), str(refused["message"]), refused.get("detail") or {}
            )
        done: dict[str, Any] = self._answer["done"]
        return done

    def _read(self, output: int) -> bool:
        """Take in what the child says within a moment; False when it has closed its end."""
        ready, _, _ = select.select([output], [], [], _POLL_SECONDS)
        if not ready:
            return True
        data = os.read(output, 1 << 16)
        self._buffer += data
        if len(self._buffer) > _ANSWER_MAX_BYTES:
            raise BundleError("bundle.crashed/nonsense")
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            self._take(line)
        return bool(data)

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError as error:
            raise BundleError("bundle.crashed/nonsense") from error
        if "stage" in message:
            self._stage = str(message["stage"])[:100]
            self._report()
        else:
            self._answer = message

    def _tick(self) -> None:
        if time.monotonic() - self._ticked >= _TICK_SECONDS:
            self._report()

    def _report(self) -> None:
        self._ticked = time.monotonic()
        self._progress(self._stage)

    def _check_costs(self) -> None:
        if time.monotonic() > self._deadline:
            raise _timeout(self._limits.seconds, self._stage)
        if _resident_bytes(self._process.pid) > self._limits.memory_bytes:
            raise _memory(self._stage)


def _resident_bytes(pid: int) -> int:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child with all that it may have started, and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def _end_marked(mark: str) -> None:
    """Kill what left the child's session: where seccomp forbids no processes, a daemon could outlive it."""
    for _ in range(_ROUNDS):
        found = [process for process in psutil.process_iter() if _has_mark(process, mark)]
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if not found:
            return
        psutil.wait_procs(found, timeout=1)


def _has_mark(process: psutil.Process, mark: str) -> bool:
    try:
        return bool(process.environ().get(_MARK) == mark)
    except (psutil.Error, OSError):
        return False


def _ended(code: int, errors: Path) -> Exception:
    """Return what it means that the child ended without an answer."""
    if code == -signal.SIGXCPU:
        return _timeout(0, "")
    tail = errors.read_text(errors="replace")[-2000:]
    if code == -signal.SIGKILL or "bad_alloc" in tail or "MemoryError" in tail:
        return _memory("")
    if code < 0:
        return BundleError("bundle.crashed", signal=signal.Signals(-code).name)
    return ChildFailedError(f"The validating process ended with code {code} and no answer:\n{tail}")


def _timeout(seconds: int, stage: str) -> BundleError:
    return BundleError("bundle.timeout", limit_seconds=seconds, stage=stage)


def _memory(stage: str) -> BundleError:
    return BundleError("bundle.memory", stage=stage)
