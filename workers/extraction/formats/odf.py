"""What OpenDocument's texts, sheets and slides share: the zip, and what is said of the file."""

from __future__ import annotations

import posixpath
import re
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from workers.extraction.dates import iso_date
from workers.extraction.formats.odf_names import DC, FO, MANIFEST, META, OFFICE, STYLE
from workers.extraction.formats.ooxml import listed, own_title
from workers.extraction.formats.xml_parts import parsed
from workers.extraction.types import Extracted
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from lxml.etree import _Element

    from workers.extraction.draft import Draft

_MANIFEST = "META-INF/manifest.xml"


class OdfPackage:
    """The parts of an opened file. Nothing outside of it is ever looked at."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = frozenset(archive.namelist())
        self.content = self.xml("content.xml")
        self.styles = self.xml("styles.xml") if "styles.xml" in self._names else None

    @classmethod
    @contextmanager
    def opened(cls, file: Path) -> Iterator[Self]:
        """Open a file. Raises FileError `file.encrypted`, `file.damaged`."""
        with zipfile.ZipFile(file) as archive:
            refuse_encrypted(archive)
            yield cls(archive)

    def xml(self, name: str) -> _Element:
        """Return the root of a part. Raises FileError `file.damaged`."""
        if name not in self._names:
            raise FileError("file.damaged", reason=f"{name[:100]} is missing")
        return parsed(self._archive.read(name))

    def body(self, kind: str) -> _Element:
        """Return the body of the kind `text`, `spreadsheet` or `presentation`. Raises FileError `file.damaged`."""
        found = self.content.find(f"{OFFICE}body/{OFFICE}{kind}")
        if found is None:
            raise FileError("file.damaged", reason="the document has no body")
        return found

    def embedded(self, reference: str) -> _Element | None:
        """Return the content of an object inside the file, such as a chart."""
        name = posixpath.join(_inner(reference), "content.xml")
        return self.xml(name) if name in self._names else None

    def place_picture(self, draft: Draft, reference: str, said: str) -> None:
        """Keep the picture of an address inside the file; one that lies elsewhere is only counted."""
        name = _inner(reference)
        if name in self._names:
            draft.picture(self._archive.read(name), said)
        elif reference:
            draft.leave_out("picture that lies outside of the file")

    def said(self) -> Extracted:
        """Return title, authors and the like, as the file says."""
        if "meta.xml" not in self._names:
            return Extracted(language=self._language())
        found = self.xml("meta.xml").find(f"{OFFICE}meta")
        if found is None:
            return Extracted(language=self._language())
        further = {"subject": f"{DC}subject", "description": f"{DC}description"}
        keywords = [word.text or "" for word in found.iterfind(f"{META}keyword")]
        return Extracted(
            title=own_title(_said(found, f"{DC}title")),
            authors=listed(_said(found, f"{META}initial-creator") or _said(found, f"{DC}creator"), ";"),
            created=iso_date(_said(found, f"{META}creation-date")),
            language=_said(found, f"{DC}language") or self._language(),
            keywords=listed(";".join(keywords), ",;"),
            metadata={name: text for name, tag in further.items() if (text := _said(found, tag))},
        )

    def _language(self) -> str:
        """Return the language of paragraphs that have no other."""
        if self.styles is None:
            return ""
        for default in self.styles.iterfind(f"{OFFICE}styles/{STYLE}default-style"):
            properties = default.find(f"{STYLE}text-properties")
            if properties is not None and properties.get(f"{FO}language", "none") not in ("none", "zxx"):
                parts = (properties.get(f"{FO}language", ""), properties.get(f"{FO}country", "none"))
                return "-".join(part for part in parts if part and part != "none")
        return ""


def _inner(reference: str) -> str:
    """Return the name of a part by its address; nothing for what is outside."""
    return "" if re.match(r"[A-Za-z][\w+.-]*:|/|\.\./", reference) else unquote(reference).removeprefix("./")


def refuse_encrypted(archive: zipfile.ZipFile) -> None:
    """Raise FileError `file.encrypted` for a file whose manifest says so."""
    if _MANIFEST not in archive.namelist():
        return
    if parsed(archive.read(_MANIFEST)).find(f".//{MANIFEST}encryption-data") is not None:
        raise FileError("file.encrypted")


def _said(root: _Element, tag: str) -> str:
    return " ".join((root.findtext(tag) or "").split())
