"""GIF: keep pictures and what controls them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.inference.headers.gif import (
    APPLICATION,
    IMAGE,
    PROFILE_APPLICATION,
    TRAILER,
    blocks,
    first_block,
)

if TYPE_CHECKING:
    from workers.inference.headers.gif import GifBlock
    from workers.inference.headers.types import PictureLimits

_GRAPHIC_CONTROL = 0xF9
_APPLICATIONS_KEPT = (b"NETSCAPE2.0", b"ANIMEXTS1.0", PROFILE_APPLICATION)
"""How often an animation runs, and the colour profile."""


def strip(data: bytes, limits: PictureLimits) -> bytes:
    """Return the file without comments, texts and XMP; what follows the picture is left out too."""
    found = list(blocks(data, limits))
    end = found[-1].end if found else first_block(data)
    closing = bytes([TRAILER]) if data[end : end + 1] == bytes([TRAILER]) else b""
    kept = (data[block.start : block.end] for block in found if _is_kept(data, block))
    return b"".join([data[: first_block(data)], *kept, closing])


def _is_kept(data: bytes, block: GifBlock) -> bool:
    if block.kind == IMAGE or block.label == _GRAPHIC_CONTROL:
        return True
    return block.label == APPLICATION and data[block.start + 3 : block.start + 14] in _APPLICATIONS_KEPT
