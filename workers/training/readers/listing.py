"""The one form into which every layout is read: pictures with captions, each in a split, and what could not be read."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workers.training.errors import TrainingError

# Karpathy's `restval` are pictures of COCO's validation set on which his splits train.
SPLIT_NAMES = {
    "train": ("train", "restval", "training"),
    "val": ("val", "dev", "valid", "validation"),
    "test": ("test",),
    "": ("",),
}
_SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
HELD_OUT_PERCENT = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture as a layout names it.

    `file` lies below the pictures' folder. `split` is train, val, test, or empty where the layout names none; equal
    `group` labels show the same thing.
    """

    file: str
    captions: tuple[str, ...]
    split: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """All that a layout names; `broken` are the lines or entries that could not be used, each told in a sentence."""

    entries: tuple[Entry, ...]
    broken: tuple[str, ...] = ()


def with_splits(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The same pictures; where not one is in a split, each is put into train or val by its name."""
    kept = tuple(entries)
    if any(entry.split for entry in kept):
        return kept
    return tuple(replace(entry, split=split_by_name(entry.file)) for entry in kept)


def split_by_name(name: str, held_out_percent: int = HELD_OUT_PERCENT) -> str:
    """`val` for about so many of a hundred names, else `train`: the same name always falls into the same split."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return "val" if number % 100 < held_out_percent else "train"


def split_named(word: str) -> str:
    """`train`, `val`, `test` or empty for what a layout calls it. Raises TrainingError for another word."""
    try:
        return _SPLIT_OF[word.strip().lower()]
    except KeyError:
        raise TrainingError(f"there is no split {word!r}; there are train, val and test.") from None


def caption_of(text: str) -> str:
    """The caption without white space around it. Raises TrainingError for an empty one."""
    if not text.strip():
        raise TrainingError("its caption is empty.")
    return text.strip()


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises TrainingError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read: {error}.") from None
    if not isinstance(data, dict):
        raise TrainingError(f"{path.name} holds no JSON object.")
    return data


def list_in(data: dict[str, Any], name: str, path: Path) -> list[Any]:
    """The list `name` of what `path` holds. Raises TrainingError where there is none."""
    if not isinstance(found := data.get(name), list):
        raise TrainingError(f"{path.name} has no list of {name}.")
    return found


def taken(entry: Any, name: str, kinds: type | tuple[type, ...]) -> Any:
    """The value `name` of a JSON object. Raises TrainingError where it is missing or of another type."""
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, kinds):
        raise TrainingError(f"{name!r} is missing or of a wrong type.")
    return value
