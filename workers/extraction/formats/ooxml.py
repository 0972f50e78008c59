"""What docx, pptx and xlsx share: a zip of parts that name each other by relationships, and the core properties."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote

from workers.extraction.dates import iso_date
from workers.extraction.formats.xml_parts import parsed, streamed
from workers.extraction.types import Extracted
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO, Self

    from lxml.etree import _Element

    from workers.extraction.draft import Draft

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_ALTERNATE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
ALTERNATIVES = f"{_ALTERNATE}AlternateContent"
_CHOICE, _FALLBACK = f"{_ALTERNATE}Choice", f"{_ALTERNATE}Fallback"
_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_DC, _TERMS = "{http://purl.org/dc/elements/1.1/}", "{http://purl.org/dc/terms/}"
_CORE = "{http://schemas.openxmlformats.org/package/2006/metadata/core-properties}"
_HEAD_BYTES = 4000
_STRICT = b"http://purl.oclc.org/ooxml/"
_STRICT_NAMES = (
    (b"http://purl.oclc.org/ooxml/drawingml/main", b"http://schemas.openxmlformats.org/drawingml/2006/main"),
    (b"http://purl.oclc.org/ooxml/drawingml/", b"http://schemas.openxmlformats.org/drawingml/2006/"),
    (b"http://purl.oclc.org/ooxml/officeDocument/relationships", R[1:-1].encode()),
    *(
        (
            f"http://purl.oclc.org/ooxml/{name}/main".encode(),
            f"http://schemas.openxmlformats.org/{name}/2006/main".encode(),
        )
        for name in ("wordprocessingml", "presentationml", "spreadsheetml")
    ),
)
"""ISO's strict variant has other names for the same elements."""
_PROGRAMS_TITLES = re.compile(
    r"(?i)microsoft (word|excel|powerpoint) - .*|untitled.*|word document|powerpoint presentation|"
    r"(powerpoint-präsentation|présentation powerpoint|presentación de powerpoint)|"
    r".*\.(docx?|pptx?|xlsx?|pdf|od[tsp]|rtf)"
)


@dataclass(frozen=True)
class Relation:
    """What one part says of another: the last word of the kind, and the part's name; none for what is outside."""

    kind: str
    part: str | None


class OfficePackage:
    """The parts of an opened file. Nothing outside of it is ever looked at."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = {name.lower(): name for name in archive.namelist()}
        self._relations: dict[str, dict[str, Relation]] = {}
        self._taken: set[str] = set()

    @classmethod
    @contextmanager
    def opened(cls, file: Path) -> Iterator[Self]:
        """Open a file."""
        with zipfile.ZipFile(file) as archive:
            yield cls(archive)

    @cached_property
    def main(self) -> str:
        """The name of the part from which all others are reached. Raises FileError `file.damaged`."""
        return self.related("", "officeDocument") or _missing("its main part")

    def has(self, part: str) -> bool:
        """Tell whether there is a part of this name."""
        return part.lower() in self._names

    def data(self, part: str) -> bytes:
        """Return a part's bytes. Raises FileError `file.damaged` where there is none."""
        return self._archive.read(self._names.get(part.lower()) or _missing(part))

    def opened_part(self, part: str) -> IO[bytes]:
        """Open a part to be read in a stream. Raises FileError `file.damaged` where there is none."""
        return self._archive.open(self._names.get(part.lower()) or _missing(part))

    def streamed(self, part: str, *tags: str) -> Iterator[_Element]:
        """Yield the elements of these tags in a large part, each to be forgotten behind it."""
        with self.opened_part(part) as opened:
            is_strict = _STRICT in opened.read(_HEAD_BYTES)
            opened.seek(0)
            yield from streamed(io.BytesIO(_transitional(opened.read())) if is_strict else opened, *tags)

    def xml(self, part: str) -> _Element:
        """Return the root of a part, in the names of the transitional variant."""
        return parsed(_transitional(self.data(part)))

    def relations(self, part: str) -> dict[str, Relation]:
        """Return what a part names, by the names that it uses for them. The package's own are those of ``""``."""
        if part not in self._relations:
            folder, name = posixpath.split(part)
            described = posixpath.join(folder, "_rels", f"{name}.rels")
            root = self.xml(described) if self.has(described) else ()
            self._relations[part] = {
                one.get("Id", ""): _relation(one, folder) for one in root if one.tag == _RELATIONSHIP
            }
        return self._relations[part]

    def related(self, part: str, kind: str) -> str | None:
        """Return the first part of a kind that a part names, if there is one in the file."""
        return next(iter(self.all_related(part, kind)), None)

    def all_related(self, part: str, kind: str) -> list[str]:
        """Return all parts of a kind that a part names."""
        found = self.relations(part).values()
        return [one.part for one in found if one.kind == kind and one.part is not None and self.has(one.part)]

    def target(self, part: str, relation: str | None) -> str | None:
        """Return the part that a part names so; None for what is outside of the file, or missing."""
        found = self.relations(part).get(relation or "")
        return found.part if found and found.part is not None and self.has(found.part) else None

    def new_target(self, part: str, relation: str | None) -> str | None:
        """Return the part that a part names so; None where it was returned before, as well."""
        found = self.target(part, relation)
        if found is None or found in self._taken:
            return None
        self._taken.add(found)
        return found

    def place_picture(self, draft: Draft, part: str, relation: str | None, said: str = "") -> None:
        """Keep the picture that a part names so; one that lies elsewhere is only counted."""
        found = self.new_target(part, relation)
        if found is not None:
            draft.picture(self.data(found), said)
        elif relation and self.target(part, relation) is None:
            draft.leave_out("picture that lies outside of the file")

    def said(self) -> Extracted:
        """Return title, authors and the like, as the core properties say."""
        part = self.related("", "core-properties")
        if part is None:
            return Extracted()
        root = self.xml(part)
        title = _said(root, f"{_DC}title")
        further = {
            "subject": f"{_DC}subject",
            "description": f"{_DC}description",
            "category": f"{_CORE}category",
        }
        return Extracted(
            title=own_title(title),
            authors=listed(_said(root, f"{_DC}creator"), ";"),
            created=iso_date(_said(root, f"{_TERMS}created")),
            language=_said(root, f"{_DC}language"),
            keywords=listed(_said(root, f"{_CORE}keywords"), ",;"),
            metadata={name: text for name, tag in further.items() if (text := _said(root, tag))},
        )


def _transitional(data: bytes) -> bytes:
    if _STRICT in data[:_HEAD_BYTES]:
        for strict, name in _STRICT_NAMES:
            data = data.replace(strict, name)
    return data


def branch(element: _Element) -> _Element | None:
    """Return the one of the alternatives that is read: what a current program shows, else what an older one does."""
    found = element.find(_CHOICE)
    return found if found is not None else element.find(_FALLBACK)


def own_title(title: str) -> str:
    """Return a title; nothing for one that a program has set."""
    return "" if _PROGRAMS_TITLES.fullmatch(title) else title


def listed(text: str, between: str) -> tuple[str, ...]:
    """Return the parts of a text between any of the signs."""
    return tuple(part.strip() for part in re.split(f"[{between}]", text) if part.strip())


def is_on(element: _Element | None, attribute: str) -> bool:
    """Tell whether a switch is on: an element without its attribute is."""
    return element is not None and element.get(attribute, "1") not in ("0", "false", "off", "none")


def _said(root: _Element, tag: str) -> str:
    return " ".join("".join(root.findtext(tag) or "").split())


def _relation(element: _Element, folder: str) -> Relation:
    kind = element.get("Type", "").rpartition("/")[2]
    if element.get("TargetMode") == "External":
        return Relation(kind, None)
    target = unquote(element.get("Target", "")).replace("\\", "/").partition("#")[0]
    return Relation(kind, posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/"))


def _missing(part: str) -> NoReturn:
    raise FileError("file.damaged", reason=f"{part[:100]} is missing")
