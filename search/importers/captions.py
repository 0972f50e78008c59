"""Captions of pictures: Flickr's and Kaggle's lines, COCO's captions JSON, Karpathy's split JSON.

One document per caption (known as `name.jpg#k`), or per picture with its captions as text and the picture attached.
"""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

from retrieval_site.errors import AppError
from search.importers.json_lists import not_json
from search.importers.types import Item, Per, PictureRef, Record, Rejected, rejected
from search.services.document_fields import BODY_CHARACTERS_MAX, DocumentFields
from workers.formats import captions
from workers.formats.captions import Caption, WrongLine
from workers.formats.json_streams import JSON_ERRORS, LIST_IN_OBJECT_LEVEL, json_items

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_INSERT_ROWS = 5000


def read_captions(file: BinaryIO, per: Per) -> Iterator[Item]:
    """Yield the documents of a file with a caption a line; a picture's lines stand together in it."""
    lines = captions.read_captions(file)
    if per == "caption":
        for line in lines:
            yield _line_rejected(line) if isinstance(line, WrongLine) else _of_line(line)
        return
    for _, group in itertools.groupby(lines, key=lambda line: getattr(line, "picture", None)):
        first = next(group)
        if isinstance(first, WrongLine):
            yield from map(_line_rejected, [first, *(line for line in group if isinstance(line, WrongLine))])
        else:
            rest = (line.text for line in group if isinstance(line, Caption))
            yield _picture(first.where, first.picture, [first.text, *_bounded(rest)])


def _line_rejected(line: WrongLine) -> Rejected:
    return Rejected(line.where, (line.problem,))


def _of_line(line: Caption) -> Record:
    return _caption(line.where, line.picture, line.number, line.text)


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


def _picture(where: str, name: str, texts: Iterable[str], folder: str = "", **metadata: Any) -> Record:
    fields = DocumentFields(body="\n".join(texts), metadata=metadata)
    return Record(where, name, fields, (PictureRef(f"{folder}/{name}" if folder else name),))


def read_coco(file: BinaryIO, per: Per, folder: str = "") -> Iterator[Item]:
    """Yield the documents of a COCO captions file; both lists go through a temporary table on disk.

    `folder` is where its pictures lie, as `val2017` for `captions_val2017.json`. Raises AppError `import.coco_invalid`.
    """
    with closing(sqlite3.connect("")) as table:
        try:
            _load_coco(file, table)
        except JSON_ERRORS as error:
            yield not_json(error, file)
            return
        _check_coco(table)
        yield from _incomplete(table)
        yield from _coco_captions(table) if per == "caption" else _coco_pictures(table, folder)


def _load_coco(file: BinaryIO, table: sqlite3.Connection) -> None:
    table.execute("CREATE TABLE picture (id TEXT PRIMARY KEY, name TEXT)")
    table.execute("CREATE TABLE caption (id TEXT, picture TEXT, text TEXT)")
    pictures = ((str(row.get("id")), row.get("file_name")) for row in _objects(file, "images.item"))
    _insert(table, "INSERT OR REPLACE INTO picture VALUES (?, ?)", pictures)
    captions = (
        (str(row.get("id")), str(row.get("image_id")), row.get("caption"))
        for row in _objects(file, "annotations.item")
    )
    _insert(table, "INSERT INTO caption VALUES (?, ?, ?)", captions)
    table.execute("CREATE INDEX by_picture ON caption (picture)")


def _objects(file: BinaryIO, prefix: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of a list; one that is no object comes as an empty one, which lacks everything."""
    rows = json_items(file, prefix, LIST_IN_OBJECT_LEVEL)
    return (row if isinstance(row, dict) else {} for row in rows)


def _insert(table: sqlite3.Connection, statement: str, rows: Iterator[tuple[Any, ...]]) -> None:
    texts = (tuple(_storable(value) for value in row) for row in rows)
    while chunk := list(itertools.islice(texts, _INSERT_ROWS)):
        table.executemany(statement, chunk)


def _storable(value: object) -> str | None:
    """Return a text as SQLite takes it: halves of surrogate pairs, which no encoding has, are replaced."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else None


def _check_coco(table: sqlite3.Connection) -> None:
    """Refuse a file that is no list of pictures with captions, such as COCO's `instances_val2017.json`."""
    wanted = (
        ("picture WHERE name IS NOT NULL", "“images”, a list of objects with “id” and “file_name”"),
        ("caption WHERE text IS NOT NULL", "“annotations”, a list of objects with “image_id” and “caption”"),
    )
    lacks = [what for rows, what in wanted if not table.execute(f"SELECT 1 FROM {rows} LIMIT 1").fetchone()]  # noqa: S608
    if lacks:
        raise AppError("import.coco_invalid", lacks=lacks)


def _incomplete(table: sqlite3.Connection) -> Iterator[Item]:
    rows = table.execute(
        "SELECT caption.id FROM caption LEFT JOIN picture ON picture.id = caption.picture "
        "WHERE picture.name IS NULL OR trim(coalesce(caption.text, '')) = '' ORDER BY caption.rowid"
    )
    for (identity,) in rows:
        yield rejected(f"annotation {identity}", "import.annotation_incomplete")


def _coco_captions(table: sqlite3.Connection) -> Iterator[Item]:
    rows = table.execute(
        "SELECT caption.id, trim(caption.text), picture.name FROM caption JOIN picture ON picture.id = caption.picture "
        "WHERE picture.name IS NOT NULL AND trim(coalesce(caption.text, '')) <> '' ORDER BY caption.rowid"
    )
    for identity, text, name in rows:
        yield _caption(f"annotation {identity}", name, identity, text.strip())


def _coco_pictures(table: sqlite3.Connection, folder: str) -> Iterator[Item]:
    for identity, name in table.execute("SELECT id, name FROM picture ORDER BY rowid"):
        captions = table.execute("SELECT text FROM caption WHERE picture = ? ORDER BY rowid", [identity])
        texts = list(_bounded(text.strip() for (text,) in captions if text and text.strip()))
        if name is None:
            yield rejected(f"image {identity}", "import.annotation_incomplete/file_name")
        else:
            yield _picture(f"image {identity}", name, texts, folder)


def read_karpathy(file: BinaryIO, per: Per) -> Iterator[Item]:
    """Yield the documents of a Karpathy split file; the split is kept as metadata.

    Raises AppError `import.karpathy_invalid`.
    """
    number = 0
    try:
        for number, row in enumerate(_objects(file, "images.item"), start=1):
            yield from _karpathy_items(f"image {number}", row, per)
    except JSON_ERRORS as error:
        yield not_json(error, file)
        return
    if not number:
        raise AppError("import.karpathy_invalid")


def _karpathy_items(where: str, row: dict[str, Any], per: Per) -> Iterator[Item]:
    name, sentences = row.get("filename"), row.get("sentences")
    if not isinstance(name, str) or not name or not isinstance(sentences, list):
        yield rejected(where, "import.annotation_incomplete/sentences")
        return
    raws = [entry.get("raw") if isinstance(entry, dict) else None for entry in sentences]
    texts = [raw.strip() if isinstance(raw, str) else "" for raw in raws]
    split, folder = str(row.get("split", "")), row.get("filepath")
    for index, text in enumerate(texts, start=1):
        if not text:
            yield rejected(f"{where}, sentence {index}", "import.annotation_incomplete/raw")
    if per == "picture":
        kept = list(_bounded(text for text in texts if text))
        yield _picture(where, name, kept, folder if isinstance(folder, str) else "", split=split)
        return
    for index, text in enumerate(texts):
        if text:
            fields = DocumentFields(body=text, metadata={"picture": name, "split": split})
            yield Record(f"{where}, sentence {index + 1}", f"{name}#{index}", fields)
