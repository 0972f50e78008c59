"""One document for several that say the same: it gets their tags, pictures, judgements and what metadata it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.curating.judged import judgements_joined
from search.curating.states import state_like

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from search.curating.states import State
    from search.models import Document

MERGED_MAX = 50
"""Documents that are merged at once."""


def merged_states(keep: int, documents: Mapping[int, Document]) -> dict[int, State]:
    """Return what each document shall be; nothing where the one to keep is gone."""
    kept = documents.get(keep)
    if kept is None:
        return {}
    others = [one for pk, one in documents.items() if pk != keep]
    joined = _joined(kept, others)
    if judgements := judgements_joined(keep, [one.pk for one in others]):
        joined["judgements"] = judgements
    return {keep: joined, **{one.pk: {"trashed": True} for one in others}}


def _joined(kept: Document, others: Sequence[Document]) -> State:
    tags = dict.fromkeys(tag for one in (kept, *others) for tag in one.tags)
    images: dict[str, list[Any]] = {}
    for one in (kept, *others):
        for row in state_like(one, {"images": []})["images"]:
            images.setdefault(row[0], row)
    missing: dict[str, list[Any]] = {}
    for one in others:
        for key in one.metadata.keys() - kept.metadata.keys():
            missing.setdefault(key, [one.metadata[key]])
    return {"tags": list(tags), "images": list(images.values()), "metadata": missing}
