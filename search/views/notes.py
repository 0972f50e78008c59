"""What people should know of the demo while they search with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.demo.examples import MODEL_NAME, is_drawing

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

_KNOWS = "The demo's model answers here. It knows drawn machine parts only."
_DRAWING = "The demo's pictures are still being drawn: a search for pictures finds only those that are ready."


def notes(version: ModelVersion | None, target: str) -> list[str]:
    """Return what to say beside a search by this version for this target."""
    if version is None or version.name != MODEL_NAME:
        return []
    return [_KNOWS, _DRAWING] if target == "images" and is_drawing() else [_KNOWS]
