"""Where the next page of a search begins, as it is given out: how much was passed unseen stays with us."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.cursors import cursor_open, cursor_seal

if TYPE_CHECKING:
    from search.querysets import Viewer

_PURPOSE = "search"
_LAYOUT = struct.Struct("!16sII")
"""Of one length whatever it counts: an encrypted number must not be told by its digits."""


@dataclass(frozen=True)
class Cursor:
    """The query, how many entries of its kept answer were passed, and how many hits were shown of them."""

    query_id: uuid.UUID
    passed: int = 0
    shown: int = 0


def cursor_write(cursor: Cursor, viewer: Viewer) -> str:
    """Return the cursor as an opaque string for this viewer."""
    return cursor_seal(_LAYOUT.pack(cursor.query_id.bytes, cursor.passed, cursor.shown), _PURPOSE, viewer)


def cursor_read(text: str, viewer: Viewer) -> Cursor:
    """Return the cursor; raises AppError `cursor.invalid` for anything that was not given out to this viewer."""
    query_id, passed, shown = _LAYOUT.unpack(cursor_open(text, _PURPOSE, viewer))
    return Cursor(uuid.UUID(bytes=query_id), passed, shown)
