"""Captions of pictures: Flickr's `name.jpg#k<TAB>text`, COCO's captions JSON, Karpathy's split JSON.

One document per caption (known as `name.jpg#k`), or per picture with its captions as text and the picture attached.
"""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

import ijson

from search.importers.lines import numbered_lines
from search.importers.types import Item, Per, PictureRef, Problem, Record, Rejected, rejected
from search.services.document_fields import BODY_CHARACTERS_MAX, DocumentFields
from workers.inference.bounded_json import BoundedReader, JsonError, JsonTooDeepError, JsonTooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

JSON_ERRORS = (ijson.JSONError, JsonError, UnicodeDecodeError)
_LIST_IN_OBJECT_LEVEL = 2
_INSERT_ROWS = 5000


def read_captions(file: BinaryIO, per: Per) -> Iterator[Item]:
    """Yield the documents of a `name.jpg#k<TAB>text` file; a picture's lines stand together in it."""
    lines = _caption_lines(file)
    if per == "caption":
        for line in lines:
            yield line if isinstance(line, Rejected) else _caption(*line)
        return
    for name, group in itertools.groupby(
        lines, key=lambda line: None if isinstance(line, Rejected) else line[1]
    ):
        if name is None:
            yield from (line for line in group if isinstance(line, Rejected))
        else:
            where, _, _, first = next(line for line in group if not isinstance(line, Rejected))
            rest = (line[3] for line in group if not isinstance(line, Rejected))
            yield _picture(where, name, [first, *_bounded(rest)])


def _caption_lines(file: BinaryIO) -> Iterator[tuple[str, str, str, str] | Rejected]:
    """Yield (where, picture's name, number, text) per line."""
    for number, line in numbered_lines(file):
        where = f"line {number}"
        if isinstance(line, Problem):
            yield Rejected(where, (line,))
        elif line.strip():
            label, tab, text = line.partition("\t")
            name, hash_, index = label.strip().rpartition("#")
            if tab and hash_ and name and text.strip():
                yield where, name, index, text.strip()
            else:
                reason = "The line is not of the form “name.jpg#k”, tab, text."
                yield rejected(where, "import.line_not_caption", reason)


def _bounded(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts until they are more than a document may have, which is then refused for that."""
    total = 0
    for text in texts:
        if total > BODY_CHARACTERS_MAX:
            return
        yield text
        total += len(text)


def _caption(where: str, name: str, index: str, text: str) -> Record:
    return Record(where, f"{name}#{index}", DocumentFields(body=text, metadata={"picture": name}))


def _picture(where: str, name: str, texts: Iterable[str], **metadata: Any) -> Record:
    fields = DocumentFields(body="\n".join(texts), metadata=metadata)
    return Record(where, name, fields, (PictureRef(name),))


def read_coco(file: BinaryIO, per: Per) -> Iterator[Item]:
    """Yield the documents of a COCO captions file; both lists go through a temporary table on disk."""
    with closing(sqlite3.connect("")) as table:
        try:
            _load_coco(file, table)
        except JSON_ERRORS as error:
            yield not_json(error)
            return
        yield from _coco_captions(table) if per == "caption" else _coco_pictures(table)


def _load_coco(file: BinaryIO, table: sqlite3.Connection) -> None:
    table.execute("CREATE TABLE picture (id TEXT PRIMARY KEY, name TEXT)")
    table.execute("CREATE TABLE caption (id TEXT, picture TEXT, text TEXT)")
    pictures = ((str(row.get("id")), row.get("file_name")) for row in _objects(file, "images.item"))
    _insert(table, "INSERT OR REPLACE INTO picture VALUES (?, ?)", pictures)
    file.seek(0)
    captions = (
        (str(row.get("id")), str(row.get("image_id")), row.get("caption"))
        for row in _objects(file, "annotations.item")
    )
    _insert(table, "INSERT INTO caption VALUES (?, ?, ?)", captions)
    table.execute("CREATE INDEX by_picture ON caption (picture)")


def _objects(file: BinaryIO, prefix: str) -> Iterator[dict[str, Any]]:
    bounded = BoundedReader(file, _LIST_IN_OBJECT_LEVEL)
    return (row for row in ijson.items(bounded, prefix, use_float=True) if isinstance(row, dict))


def _insert(table: sqlite3.Connection, statement: str, rows: Iterator[tuple[Any, ...]]) -> None:
    texts = (tuple(value if isinstance(value, str) else None for value in row) for row in rows)
    while chunk := list(itertools.islice(texts, _INSERT_ROWS)):
        table.executemany(statement, chunk)


def _coco_captions(table: sqlite3.Connection) -> Iterator[Item]:
    rows = table.execute(
        "SELECT caption.id, caption.text, picture.name FROM caption LEFT JOIN picture ON picture.id = caption.picture "
        "ORDER BY caption.rowid"
    )
    for identity, text, name in rows:
        where = f"annotation {identity}"
        if not text or not text.strip() or name is None:
            yield rejected(
                where, "import.annotation_incomplete", "The annotation has no caption or no picture."
            )
        else:
            yield _caption(where, name, identity, text.strip())


def _coco_pictures(table: sqlite3.Connection) -> Iterator[Item]:
    for identity, name in table.execute("SELECT id, name FROM picture ORDER BY rowid"):
        captions = table.execute("SELECT text FROM caption WHERE picture = ? ORDER BY rowid", [identity])
        texts = list(_bounded(text.strip() for (text,) in captions if text))
        if name is None:
            yield rejected(
                f"image {identity}", "import.annotation_incomplete", "The image has no “file_name”."
            )
        else:
            yield _picture(f"image {identity}", name, texts)


def read_karpathy(file: BinaryIO, per: Per) -> Iterator[Item]:
    """Yield the documents of a Karpathy split file; the split is kept as metadata."""
    try:
        for number, row in enumerate(_objects(file, "images.item"), start=1):
            yield from _karpathy_items(f"image {number}", row, per)
    except JSON_ERRORS as error:
        yield not_json(error)


def _karpathy_items(where: str, row: dict[str, Any], per: Per) -> Iterator[Item]:
    name, sentences = row.get("filename"), row.get("sentences")
    if not isinstance(name, str) or not name or not isinstance(sentences, list):
        yield rejected(
            where, "import.annotation_incomplete", "The image has no “filename” or no “sentences”."
        )
        return
    texts = [str(entry.get("raw", "")).strip() for entry in sentences if isinstance(entry, dict)]
    split = str(row.get("split", ""))
    if per == "picture":
        yield _picture(where, name, texts, split=split)
        return
    for index, text in enumerate(texts):
        fields = DocumentFields(body=text, metadata={"picture": name, "split": split})
        yield Record(f"{where}, sentence {index + 1}", f"{name}#{index}", fields)


def not_json(error: Exception) -> Rejected:
    """Return the item that says why the rest of a JSON file is not read."""
    if isinstance(error, JsonTooDeepError):
        return rejected("rest of the file", "import.too_deep", f"The file is not read any further: {error}.")
    if isinstance(error, JsonTooLargeError):
        reason = f"The file is not read any further: {error}."
        return rejected("rest of the file", "import.entry_too_long", reason)
    reason = f"From here on the file is not JSON: {str(error).splitlines()[0]}."
    return rejected("rest of the file", "import.not_json", reason)
