"""Which format a file has, by what is in it: names and content types lie."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

import ijson

from search.importers.captions import JSON_ERRORS
from workers.inference.bounded_json import BoundedReader, JsonError, load_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.importers.types import Format

HEAD_BYTES = 64 * 1024
_LIST_LEVEL_MAX = 2
"""COCO's and Karpathy's lists stand in one object."""

_CAPTION = re.compile(rb"[^\t\n]+#\d+\t")
_DATA_SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".json", ".txt")
_PREFERRED = ("documents.jsonl", "documents.csv", "documents.json", "captions.txt")


def detect(file: BinaryIO) -> Format:
    """Return the format of an opened file; anything that is no other one is taken for CSV."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        return _detect_json(text, file)
    return "captions" if _CAPTION.match(text) else "csv"


def _detect_json(text: bytes, file: BinaryIO) -> Format:
    """One object per line is JSON Lines; one object over all is COCO's or Karpathy's, told by their own keys."""
    first, newline, _ = text.partition(b"\n")
    if newline and _is_document(first):
        return "jsonl"
    found = _json_kind(file)
    file.seek(0)
    return found


def _is_document(line: bytes) -> bool:
    try:
        values = load_json(line)
    except JsonError:
        return False
    return isinstance(values, dict) and "annotations" not in values and "dataset" not in values


def _json_kind(file: BinaryIO) -> Format:
    bounded = BoundedReader(file, item_level=_LIST_LEVEL_MAX)
    try:
        # Without `use_float`, a number of more digits than Python reads ends ijson 3.6 by a segmentation fault.
        for prefix, event, value in ijson.parse(bounded, use_float=True):
            if prefix == "images.item.sentences":
                return "karpathy"
            if (prefix, event, value) == ("", "map_key", "annotations"):
                return "coco"
    except JSON_ERRORS:
        pass
    return "jsonl"


def main_file(names: Iterable[str]) -> str | None:
    """Return which file of a zip or folder tells of the documents; None where there are only pictures."""
    candidates = [name for name in names if name.lower().endswith(_DATA_SUFFIXES) and name.count("/") <= 1]
    for wanted in _PREFERRED:
        for name in candidates:
            if name.lower().rpartition("/")[2] == wanted:
                return name
    others = [name for name in candidates if not name.lower().endswith(".txt")]
    return others[0] if len(others) == 1 else None
