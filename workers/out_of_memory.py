"""How an exception says that there is no memory; imported by sandboxed processes, so it needs the standard library."""

from __future__ import annotations

import errno

_NO_THREAD = "can't start new thread"
_NO_ROOM_TO_LOAD = ("failed to map segment", "annot allocate memory", "bad_alloc")
"""How the loader of libraries and C++ say it, in an ImportError and a RuntimeError."""


def is_out_of_memory(exception: BaseException | None) -> bool:
    """Return whether the exception says that there is no memory: for an object, a mapping, a process or a thread."""
    if isinstance(exception, OSError):
        return exception.errno == errno.ENOMEM
    if isinstance(exception, MemoryError) or str(exception) == _NO_THREAD:
        return True
    told = str(exception) if isinstance(exception, ImportError | RuntimeError) else ""
    return any(words in told for words in _NO_ROOM_TO_LOAD)
