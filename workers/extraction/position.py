"""Where a picture was taken is its owner's affair: a collection that keeps no originals keeps no position, either."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.extraction.types import Extracted

POSITION = ("latitude", "longitude")


def without_position(found: Extracted) -> Extracted:
    """Return what was found without latitude and longitude; names of places, which somebody wrote, stay."""
    return replace(
        found, metadata={name: text for name, text in found.metadata.items() if name not in POSITION}
    )
