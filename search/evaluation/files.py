"""What people upload as an evaluation set: queries (TSV or JSON Lines, or a zip of them with pictures) and TREC qrels.

Strangers' files: sizes, lines and names are bounded before anything is kept, and the first bad line is named.
"""

from __future__ import annotations

import re
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote

from django.conf import settings

from retrieval_site.errors import AppError
from workers.formats.bounded_json import json_lines
from workers.formats.zips import DAMAGED, STARTS, packing_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUERIES_MAX = 2_000
TEXT_BYTES_MAX = 4_000_000
QRELS_BYTES_MAX = 16_000_000
QRELS_LINES_MAX = 200_000
NAME_MAX, TEXT_MAX, DOCUMENT_MAX, GRADE_MAX = 120, 2_000, 400, 10
MEMBERS_MAX = 2 * QUERIES_MAX
RATIO_MAX = 100
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ID_NAMES = ("id", "_id", "qid", "query-id", "query_id")
_QUERY_FILES = (".tsv", ".jsonl", ".ndjson", ".txt")


@dataclass(frozen=True)
class FiledQuery:
    """One line of the queries: its name, and its words or what reads its picture. `line` is its number, from 1."""

    line: int
    name: str
    text: str = ""
    picture: Callable[[], bytes] | None = None


@dataclass(frozen=True)
class FiledGrade:
    """One line of the qrels: how relevant a document, by its external id, is for a query; 0 is not relevant.

    `exported`: that id where `document` is written as this installation's own export writes it, else empty.
    """

    line: int
    query: str
    document: str
    grade: int
    exported: str = ""


@contextmanager
def queries_of(file: BinaryIO) -> Iterator[list[FiledQuery]]:
    """Give the queries of a text, or of a zip of it and the pictures that it names, which are read one by one.

    Raises AppError `evaluation.file_too_large`, `evaluation.file_not_text`, `evaluation.file_damaged`,
    `evaluation.line`.
    """
    start = file.read(len(STARTS[0]))
    file.seek(0)
    if start not in STARTS:
        written = file.read(TEXT_BYTES_MAX + 1)
        yield list(_queries(_text(written, TEXT_BYTES_MAX, "queries"), None))
        return
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGED as error:
        raise _damaged("it cannot be read") from error
    with archive:
        yield list(_of_zip(archive))


def _of_zip(archive: zipfile.ZipFile) -> Iterator[FiledQuery]:
    members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    if len(members) > MEMBERS_MAX:
        raise AppError("evaluation.file_too_large", what="queries", limit=QUERIES_MAX)
    listed = [name for name in members if name.lower().endswith(_QUERY_FILES)]
    if len(listed) != 1:
        raise _damaged("it has not one .tsv or .jsonl of queries")
    written = _member(archive, members[listed[0]], TEXT_BYTES_MAX)
    folder = listed[0].rpartition("/")[0]
    pictures = _ZipPictures(archive, members, folder + "/" if folder else "")
    return _queries(_text(written, TEXT_BYTES_MAX, "queries"), pictures)


@dataclass(frozen=True)
class _ZipPictures:
    """Where a zip's pictures lie: beside the list that names them."""

    archive: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]
    folder: str

    def reader(self, line: int, name: str) -> Callable[[], bytes]:
        """Return what reads one picture; raises AppError `evaluation.line` where it is not there."""
        info = self.members.get(self.folder + name)
        if info is None:
            raise _wrong(line, f"the zip has no picture “{name[:80]}”")
        return lambda: _member(self.archive, info, settings.CONFIG.picture_max_bytes)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    if fault := packing_fault(info, RATIO_MAX):
        raise _damaged(f"“{info.filename[:80]}” cannot be unpacked: {fault}")
    try:
        with archive.open(info) as member:
            found = member.read(most + 1)
    except DAMAGED as error:
        raise _damaged(f"“{info.filename[:80]}” cannot be read") from error
    if len(found) > most:
        raise _damaged(f"“{info.filename[:80]}” is too large")
    return found


def _queries(text: str, pictures: _ZipPictures | None) -> Iterator[FiledQuery]:
    rows = _json_rows(text) if text.lstrip().startswith("{") else _tsv_rows(text)
    names: set[str] = set()
    for line, name, words, picture in rows:
        if len(names) == QUERIES_MAX:
            raise AppError("evaluation.file_too_large", what="queries", limit=QUERIES_MAX)
        if not 0 < len(name) <= NAME_MAX or name in names:
            raise _wrong(line, f"its id is missing, longer than {NAME_MAX} characters, or was there before")
        if bool(words) == bool(picture):
            raise _wrong(line, "it has not one of words and a picture")
        if len(words) > TEXT_MAX:
            raise _wrong(line, f"its words have more than {TEXT_MAX} characters")
        names.add(name)
        if picture and pictures is None:
            raise _wrong(line, "it names a picture: send a zip that holds the queries and their pictures")
        yield FiledQuery(line, name, words, pictures.reader(line, picture) if picture and pictures else None)


def _json_rows(text: str) -> Iterator[tuple[int, str, str, str]]:
    for line, values in json_lines(text, _wrong):
        name = next((values[key] for key in _ID_NAMES if key in values), "")
        words, picture = _cell(line, values.get("text")), _cell(line, values.get("image"))
        yield line, _cell(line, name), words, picture


def _cell(line: int, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or _UNSTORABLE.search(value):
        raise _wrong(line, "a value is not text")
    return value.strip()


def _tsv_rows(text: str) -> Iterator[tuple[int, str, str, str]]:
    is_picture = False
    for line, written in enumerate(_lines(text), 1):
        if not written.strip():
            continue
        name, tab, rest = written.partition("\t")
        if line == 1 and name.strip().lower() in _ID_NAMES:
            is_picture = rest.strip().lower() == "image"
            continue
        if not tab:
            raise _wrong(line, "it is not an id, a tab and words")
        words = _cell(line, rest)
        yield (line, _cell(line, name), "" if is_picture else words, words if is_picture else "")


def read_qrels(file: bytes, slug: str) -> list[FiledGrade]:
    """Return the grades of TREC qrels (`query 0 document grade`), or of three columns with a header.

    Documents are external ids, alone or as this installation's own export writes them, behind the collection's
    `slug`. Raises AppError `evaluation.file_too_large`, `evaluation.file_not_text`, `evaluation.line`.
    """
    found: list[FiledGrade] = []
    for line, written in enumerate(_lines(_text(file, QRELS_BYTES_MAX, "qrels")), 1):
        cells = written.split("\t") if written.count("\t") >= 2 else written.split()
        if not cells or (line == 1 and cells[0].strip().lower() in _ID_NAMES):
            continue
        if len(found) == QRELS_LINES_MAX:
            raise AppError("evaluation.file_too_large", what="qrels", limit=QRELS_LINES_MAX)
        found.append(_grade(line, [cell.strip() for cell in cells], slug))
    return found


def _grade(line: int, cells: list[str], slug: str) -> FiledGrade:
    if len(cells) not in (3, 4):
        raise _wrong(line, "it is not a query, 0, a document and a grade")
    query, document, grade = cells[0], cells[-2], cells[-1]
    if not 0 < len(query) <= NAME_MAX or not 0 < len(document) <= DOCUMENT_MAX:
        raise _wrong(line, "its query or document is missing or too long")
    if not re.fullmatch(r"-?\d{1,2}", grade, re.ASCII) or int(grade) > GRADE_MAX:
        raise _wrong(line, f"its grade is not a whole number up to {GRADE_MAX}")
    own = document.startswith(f"{slug}/")
    exported = unquote(document.removeprefix(f"{slug}/")) if own else ""
    if _UNSTORABLE.search(query + document + exported):
        raise _wrong(line, "a value is not text")
    return FiledGrade(line, query, document, max(0, int(grade)), exported)


def _text(file: bytes, most: int, what: str) -> str:
    if len(file) > most:
        raise AppError("evaluation.file_too_large/bytes", what=what, limit_bytes=most)
    try:
        return file.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AppError("evaluation.file_not_text", what=what) from error


def _lines(text: str) -> list[str]:
    """Return the lines as editors count them: a form feed or U+2028 is part of what somebody wrote."""
    return re.split(r"\r\n?|\n", text)


def _damaged(reason: str) -> AppError:
    return AppError("evaluation.file_damaged", reason=reason)


def _wrong(line: int, reason: str) -> AppError:
    return AppError("evaluation.line", line=line, reason=reason)
