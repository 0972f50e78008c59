"""Encoders whose child is shared by all versions of one bundle: starting one takes longer than most tests.

Each version has an encoder of its own, with its own end and its own word on a death; only the child behind them is
one. A child that has ended is never handed out: the next to ask starts another, as without this.
"""

from __future__ import annotations

import atexit
import hashlib
import threading
from typing import TYPE_CHECKING

from workers.encoding import pool
from workers.inference.bundles import read_manifest
from workers.inference.encoder import wants_cuda
from workers.inference.remote_encoder import EncoderOptions, RemoteEncoder, open_encoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workers.inference.encoder import Encoder
    from workers.inference.sandbox.process import SandboxProcess

CHILDREN_MAX = 4
_children: dict[str, SandboxProcess] = {}
_lock = threading.Lock()


class KeptEncoder(RemoteEncoder):
    """A `RemoteEncoder` whose child outlives it."""

    def __init__(self, folder: Path, options: EncoderOptions, died: Callable[[str], bool]) -> None:
        told = (options.threads, options.memory_bytes, options.call_seconds)
        self._content = hashlib.sha256(repr(told).encode() + _content(folder)).hexdigest()
        super().__init__(folder, options, died)

    def close(self) -> None:
        """Encode nothing any more; the child stays."""
        with self._lock:
            self._closed = True

    def _started(self) -> SandboxProcess:
        with _lock:
            known = _children.pop(self._content, None)
            if known is None or not known.alive:
                known = super()._started()
            _children[self._content] = known  # the last one asked for leaves last
            while len(_children) > CHILDREN_MAX:
                _children.pop(next(iter(_children))).close()
        return known


def keep_encoders() -> None:
    """Let this process's pool of encoders share children, which end with this process."""

    def opened(folder: Path, options: EncoderOptions, died: Callable[[str], bool]) -> Encoder:
        if wants_cuda(read_manifest(folder), options.device):
            return open_encoder(folder, options, died)
        return KeptEncoder(folder, options, died)

    pool.open_encoder = opened  # type: ignore[attr-defined]


def _content(folder: Path) -> bytes:
    """Return the manifest, which has every file's SHA-256, and each file's size, should a test have changed one."""
    sizes = sorted(
        (str(path.relative_to(folder)), path.stat().st_size) for path in folder.rglob("*") if path.is_file()
    )
    return (folder / "manifest.json").read_bytes() + repr(sizes).encode()


@atexit.register
def _end() -> None:
    for child in _children.values():
        child.close()
