"""What a change is about: some of a document's attributes, as plain JSON, so that from and to can be kept and compared.

`tags`: a list. `metadata`: for each key that counts `[value]`, or `[]` where the document lacks it. `images`: a list of
[blob, width, height, alt]. `collection`: an id. `trashed`: whether it is in the trash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.models import Document

State = dict[str, Any]


def state_like(document: Document, like: Mapping[str, Any]) -> State:
    """Return what a document is now in the attributes that `like` has."""
    found: State = {}
    if "tags" in like:
        found["tags"] = list(document.tags)
    if "metadata" in like:
        held = document.metadata
        found["metadata"] = {key: [held[key]] if key in held else [] for key in like["metadata"]}
    if "images" in like:
        images = sorted(document.images.all(), key=lambda image: image.ordinal)
        found["images"] = [[image.blob_id, image.width, image.height, image.alt] for image in images]
    if "collection" in like:
        found["collection"] = document.collection_id
    if "trashed" in like:
        found["trashed"] = False
    return found


def metadata_with(held: Mapping[str, Any], wanted: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return metadata with each key as it is wanted."""
    left = {key: value for key, value in held.items() if wanted.get(key) != []}
    return {**left, **{key: value[0] for key, value in wanted.items() if value}}
