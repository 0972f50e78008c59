"""Which format a file has, by what is in it: names and content types lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from search.importers.tables import known_columns, names_its_documents
from workers.formats import zips
from workers.formats.bounded_json import JsonError, load_json
from workers.formats.captions import begins_captions
from workers.formats.json_streams import JSON_ERRORS, LIST_LEVEL, json_events, json_items
from workers.formats.rows import read_rows
from workers.formats.text import utf8_text

if TYPE_CHECKING:
    from search.importers.types import Format

HEAD_BYTES = 64 * 1024
_ID_KEYS = ("external_id", "id")


def detect(file: BinaryIO) -> Format:
    """Return the format of an opened file; anything that is no other one is taken for CSV."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if head.startswith(zips.STARTS):
        return "zip"
    text = text_head(file).lstrip()
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        return _detect_json(text, file)
    return "csv" if may_be_csv(text) else "captions"


def may_be_csv(text: bytes) -> bool:
    """Tell whether a text that begins so is in no other format than CSV."""
    return not text.startswith((b"[", b"{")) and not begins_captions(text)


def text_head(file: BinaryIO) -> bytes:
    """Return the beginning of a text file as UTF-8, and leave the file at its start."""
    file.seek(0)
    head = utf8_text(file).read(HEAD_BYTES)
    file.seek(0)
    return head


def _detect_json(text: bytes, file: BinaryIO) -> Format:
    """One object per line is JSON Lines; one object over all is COCO's or Karpathy's, told by their own keys."""
    first, newline, _ = text.partition(b"\n")
    if newline and _is_document(first):
        return "jsonl"
    found = _object_kind(file, several_lines=b"\n" in text.rstrip())
    file.seek(0)
    return found


def _is_document(line: bytes) -> bool:
    values = _json_value(line)
    return isinstance(values, dict) and "annotations" not in values and "dataset" not in values


def _json_value(line: bytes) -> Any:
    try:
        return load_json(line)
    except JsonError:
        return None


def _object_kind(file: BinaryIO, *, several_lines: bool) -> Format:
    keys: set[str] = set()
    whole = False
    try:
        for prefix, event, value in json_events(file):
            if prefix == "images.item.sentences":
                return "karpathy"
            if (prefix, event) == ("", "map_key"):
                keys.add(value)
                if value == "annotations":
                    return "coco"
            if (prefix, event) == ("", "end_map"):
                whole = True
                break
    except JSON_ERRORS:
        pass
    if {"images", "dataset"} <= keys:
        return "karpathy"
    return "json" if whole and several_lines else "jsonl"


def lists_documents(file: BinaryIO) -> Format | None:
    """Return the format of a file in a zip or folder if it lists documents; None for any other data."""
    found = detect(file)
    checks = {"csv": _csv_lists, "jsonl": _jsonl_lists, "json": _json_lists, "coco": _coco_lists}
    if found == "zip":
        return None
    file.seek(0)
    return found if found not in checks or checks[found](file) else None


def _csv_lists(file: BinaryIO) -> bool:
    header = next(read_rows(file, known_columns), None)
    return header is not None and names_its_documents(header.cells)


def _jsonl_lists(file: BinaryIO) -> bool:
    first = text_head(file).lstrip().partition(b"\n")[0]
    return _has_id(_json_value(first))


def _json_lists(file: BinaryIO) -> bool:
    try:
        return _has_id(next(json_items(file, "item", LIST_LEVEL), None))
    except JSON_ERRORS:
        return False


def _coco_lists(file: BinaryIO) -> bool:
    """Tell captions from COCO's instances and keypoints, by the first annotation."""
    try:
        for prefix, event, _ in json_events(file):
            if prefix == "annotations.item.caption":
                return True
            if (prefix, event) == ("annotations.item", "end_map"):
                return False
    except JSON_ERRORS:
        pass
    return False


def _has_id(values: Any) -> bool:
    return isinstance(values, dict) and any(key in values for key in _ID_KEYS)
