"""Memory that two processes see, for payloads too large to be copied through a pipe.

It is an anonymous file (`memfd_create`) that the parent grows and nobody can shrink: a child that shortened it would
end the parent, which reads it, by SIGBUS. The child cannot seal it either.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

_PAGE_BYTES = mmap.PAGESIZE


class SharedMemory:
    """One side's view of the memory behind a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._map: mmap.mmap | None = None

    @classmethod
    def create(cls, name: str) -> SharedMemory:
        """Return new, empty memory, owned by this process."""
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
        return cls(descriptor)

    def reserve(self, size: int) -> None:
        """Let it hold at least `size` bytes; only the owner calls this."""
        if size > os.fstat(self.descriptor).st_size:
            os.ftruncate(self.descriptor, -(-size // _PAGE_BYTES) * _PAGE_BYTES)

    def view(self, size: int) -> memoryview:
        """Return its first `size` bytes; raises ValueError where it does not hold so many."""
        if size == 0:
            return memoryview(bytearray())
        if self._map is None or len(self._map) < size:
            known = os.fstat(self.descriptor).st_size
            if size > known:
                raise ValueError(f"{size} bytes were asked of shared memory of {known}")
            self._map = mmap.mmap(self.descriptor, known)
        return memoryview(self._map)[:size]

    def write(self, parts: Sequence[Buffer]) -> int:
        """Put the parts one behind the other; return their length. Raises ValueError where they do not fit."""
        views = [memoryview(part).cast("B") for part in parts]
        total = sum(len(view) for view in views)
        target, at = self.view(total), 0
        for view in views:
            target[at : at + len(view)] = view
            at += len(view)
        return total

    def release(self, keep_bytes: int) -> None:
        """Give back to the system what lies beyond `keep_bytes`, whose content is no longer needed."""
        size = os.fstat(self.descriptor).st_size
        start = -(-keep_bytes // _PAGE_BYTES) * _PAGE_BYTES
        if size > start:
            if self._map is None or len(self._map) < size:
                self._map = mmap.mmap(self.descriptor, size)
            self._map.madvise(mmap.MADV_REMOVE, start, size - start)

    def close(self) -> None:
        """Close the descriptor; views that are still held keep the memory."""
        self._map = None
        os.close(self.descriptor)
