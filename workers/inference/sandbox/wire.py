"""What parent and child write to each other's socket: one JSON object behind its length; payloads lie in memory."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

_LENGTH = struct.Struct("<I")
HEAD_MAX_BYTES = 1 << 20


def send(channel: socket.socket, head: dict[str, Any]) -> None:
    """Write one head."""
    data = json.dumps(head).encode()
    channel.sendall(_LENGTH.pack(len(data)) + data)


def receive(channel: socket.socket) -> dict[str, Any] | None:
    """Read one head; None where the other side has ended. Raises ValueError for anything that is no head."""
    prefix = _read(channel, _LENGTH.size)
    if prefix is None:
        return None
    (length,) = _LENGTH.unpack(prefix)
    if length > HEAD_MAX_BYTES:
        raise ValueError(f"a head of {length} bytes")
    data = _read(channel, length)
    if data is None:
        return None
    try:
        head = json.loads(data)
    except RecursionError as error:
        raise ValueError("a head is nested too deeply") from error
    if not isinstance(head, dict):
        raise TypeError("a head must be an object")
    return head


def _read(channel: socket.socket, count: int) -> bytes | None:
    parts, missing = [], count
    while missing:
        part = channel.recv(missing)
        if not part:
            return None
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
