"""What each action wants a document to be, and what it needs to be told."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from retrieval_site.errors import AppError
from search.filters.values import METADATA, NAME_MAX, number_of, text_of
from search.json_values import is_storable
from search.models import ChangeSet, Collection
from search.services.document_fields import LENGTHS_MAX, TAGS_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from search.curating.states import State
    from search.models import Document
    from search.querysets import Viewer

Action = ChangeSet.Action
VALUE_MAX = 2000
"""Characters of a value that is set for many documents."""
OFFERED = (
    Action.ADD_TAGS,
    Action.REMOVE_TAGS,
    Action.SET_FIELD,
    Action.REMOVE_FIELD,
    Action.MOVE,
    Action.TRASH,
)
"""What the form of a selection offers."""
ASKED_FOR = tuple((one.value, one.label) for one in (*OFFERED, Action.MERGE, Action.RESTORE))
"""What can be asked for at all; the other actions are noted of what happened elsewhere."""
OF_TRASH = frozenset({Action.RESTORE})
"""What is done to documents in the trash."""


FINAL = frozenset({Action.DELETE, Action.ERASE_FILE})
"""What cannot be taken back."""


def detail_read(
    action: str, sent: Mapping[str, str], collection: Collection, viewer: Viewer
) -> dict[str, Any]:
    """Return what an action needs of a form, whose values are texts; raises as `detail_checked` does."""
    tags = re.split(r"[,\n]", sent.get("tags", ""))
    return detail_checked(
        action, {**sent, "tags": tags, "value": _value_of_text(sent.get("value", ""))}, collection, viewer
    )


def detail_checked(
    action: str, sent: Mapping[str, Any], collection: Collection, viewer: Viewer
) -> dict[str, Any]:
    """Return what an action needs: `tags`, a `key`, a `value`, or the slug of a `collection`.

    Raises AppError `curating.*`.
    """
    if action in (Action.ADD_TAGS, Action.REMOVE_TAGS):
        return {"tags": _tags(sent.get("tags", []))}
    if action == Action.SET_FIELD:
        return {"key": _key(sent), "value": _value(sent.get("value", ""))}
    if action == Action.REMOVE_FIELD:
        return {"key": _key(sent)}
    if action == Action.MOVE:
        return {"collection": _target(sent.get("collection", ""), collection, viewer)}
    if action in (Action.TRASH, Action.RESTORE):
        return {}
    raise AppError("curating.unknown_action")


def wanted_state(action: str, detail: Mapping[str, Any], document: Document) -> State:
    """Return what a document shall be in the attributes that the action is about."""
    if action == Action.ADD_TAGS:
        return {"tags": list(dict.fromkeys([*document.tags, *detail["tags"]]))}
    if action == Action.REMOVE_TAGS:
        return {"tags": [tag for tag in document.tags if tag not in detail["tags"]]}
    if action == Action.SET_FIELD:
        return {"metadata": {detail["key"]: [detail["value"]]}}
    if action == Action.REMOVE_FIELD:
        return {"metadata": {detail["key"]: []}}
    if action == Action.MOVE:
        return {"collection": detail["collection"]}
    return {"trashed": True}


def _tags(written: Sequence[str]) -> list[str]:
    tags = list(dict.fromkeys(tag.strip() for tag in written if tag.strip()))
    if not 0 < len(tags) <= TAGS_MAX or any("\0" in tag or len(tag) > LENGTHS_MAX["tag"] for tag in tags):
        raise AppError("curating.tags", most=TAGS_MAX, limit=LENGTHS_MAX["tag"])
    return tags


def _key(sent: Mapping[str, Any]) -> str:
    key = str(sent.get("key", "")).strip().removeprefix(METADATA)
    if not key or len(METADATA + key) > NAME_MAX or "\0" in key:
        raise AppError("curating.key", limit=NAME_MAX - len(METADATA))
    return key


def _value(value: Any) -> Any:
    """Return a value that metadata can hold: a text, a finite number, true or false."""
    if isinstance(value, bool) or (isinstance(value, int | float) and len(str(value)) <= VALUE_MAX):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > VALUE_MAX or not is_storable(text):
        raise AppError("curating.value", limit=VALUE_MAX)
    return text


def _value_of_text(written: str) -> Any:
    """Return a number, true or false where the text is exactly one."""
    text = written.strip()
    if text in ("true", "false"):
        return text == "true"
    number = number_of(text) if len(text) <= VALUE_MAX else None
    return json.loads(text) if number is not None and text_of(number) == text else text


def _target(slug: str, collection: Collection, viewer: Viewer) -> int:
    """Return the collection to move to: another one that the viewer curates, so that nobody learns of others."""
    target: int | None = None
    if "\0" not in slug:
        target = Collection.objects.curated_by(viewer).filter(slug=slug).values_list("pk", flat=True).first()
    if target is None:
        raise AppError("curating.no_target")
    if target == collection.pk:
        raise AppError("curating.same_collection")
    return target
