"""How a call to a sandboxed process can fail, beside the expected errors that its handler raises."""

from __future__ import annotations

import signal


class SandboxError(RuntimeError):
    """The child did not answer this call; the next call needs a new child."""


class SandboxDiedError(SandboxError):
    """The child ended while it handled the call: a crash, or a kill by the system for its memory."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"The process ended ({how(code)}).")
        self.code = code

    @property
    def reason(self) -> str:
        """The signal's name or the exit code."""
        return how(self.code)


class SandboxGoneError(SandboxDiedError):
    """The child had ended before it read this call, which can be made of another one."""


class SandboxTimeoutError(SandboxError):
    """The child took longer than the call was given, and was killed."""


class SandboxBrokenError(SandboxError):
    """The child met a defect of this program (the message is its traceback), or its answer made no sense."""


class SandboxMemoryError(SandboxError):
    """What the child was asked for needs more memory than it may use."""


def how(code: int | None) -> str:
    """Return how a process ended: a signal's name, or its exit code."""
    if code is None:
        return "unknown"
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"
