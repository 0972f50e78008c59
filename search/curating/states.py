"""What a change is about, of one document: the attributes that it touches, as they were and as they shall be.

A state has some of these keys: the texts `title`, `body` and `url`; the `outline` of a file's text; `tags`;
`metadata` (only the keys that the change touches, each with its value in a list, or an empty list where there is none);
`images` as `[blob, width, height, alt]` in order; `judgements` (search/curating/judged.py); `collection` by its id;
`trashed`: whether it is in the trash; `content_hash` of what a change made or put back as a whole.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from search.curating.judged import judgements_like

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.models import Document

State = dict[str, Any]
CONTENT_HASH = "content_hash"
TEXTS = ("title", "body", "url", "outline")


def state_like(document: Document, like: Mapping[str, Any]) -> State:
    """Return what a document is now in the attributes that `like` has."""
    found: State = {name: getattr(document, name) for name in TEXTS if name in like}
    if "tags" in like:
        found["tags"] = list(document.tags)
    if "metadata" in like:
        held = document.metadata
        found["metadata"] = {key: [held[key]] if key in held else [] for key in like["metadata"]}
    if "images" in like:
        images = sorted(document.images.all(), key=lambda image: image.ordinal)
        found["images"] = [[image.blob_id, image.width, image.height, image.alt] for image in images]
    if "judgements" in like:
        found["judgements"] = judgements_like(document.pk, like["judgements"])
    if "collection" in like:
        found["collection"] = document.collection_id
    if "trashed" in like:
        found["trashed"] = False
    if CONTENT_HASH in like:
        found[CONTENT_HASH] = document.content_hash
    return found


def state_put_back(content_hash: str) -> State:
    """Return the state of a document that a change made or put back, by which a later change of it is known."""
    return {"trashed": False, CONTENT_HASH: content_hash}


def state_whole(document: Document) -> State:
    """Return all that people can set of a document."""
    return state_like(document, {**dict.fromkeys((*TEXTS, "tags", "images")), "metadata": document.metadata})


def same(one: Any, other: Any) -> bool:
    """Return whether two states or values are the same as JSON: 1 is not true there, as it is in Python."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def difference(before: State, after: State) -> tuple[State, State]:
    """Return of two whole states what differs, as it was and as it is."""
    keys = {
        key
        for key in {*before["metadata"], *after["metadata"]}
        if not same(before["metadata"].get(key), after["metadata"].get(key))
    }
    names = [name for name in before if name != "metadata" and before[name] != after[name]]
    was, became = ({name: state[name] for name in names} for state in (before, after))
    if keys:
        was["metadata"] = {key: before["metadata"].get(key, []) for key in keys}
        became["metadata"] = {key: after["metadata"].get(key, []) for key in keys}
    return was, became


def is_still(document: Document, state: State) -> bool:
    """Return whether a document is as a change left it; its judgements are their raters' and never in the way."""
    like = {name: value for name, value in state.items() if name != "judgements"}
    return same(state_like(document, like), like)


def metadata_with(held: Mapping[str, Any], wanted: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return metadata with each key as it is wanted."""
    left = {key: value for key, value in held.items() if wanted.get(key) != []}
    return {**left, **{key: value[0] for key, value in wanted.items() if value}}
