"""Books as EPUB: chapters in the order of reading, called as in the table of contents where they have no heading."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from workers.extraction.draft import Draft
from workers.extraction.encodings import decoded
from workers.extraction.formats.epub_contents import labels_of
from workers.extraction.formats.epub_package import check_encryption, member, package_of, path_from
from workers.extraction.formats.html import declared_charset
from workers.extraction.formats.html_blocks import read_xhtml
from workers.extraction.formats.html_pictures import Pictures
from workers.extraction.formats.html_walk import Mode

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted

_LOST = "chapter that is not in the file"


def read(file: Path, out: Output) -> Extracted:
    """Return what the book holds. Raises FileError `file.encrypted`, `file.damaged`, `file.too_much`."""
    draft = Draft(out)
    with zipfile.ZipFile(file) as archive:
        check_encryption(archive)
        package = package_of(archive)
        cover = member(archive, package.cover)
        if cover:
            draft.picture(cover, package.said.title)
        labels = labels_of(archive, package)
        for path in package.chapters:
            _read_chapter(archive, path, labels.get(path, ""), draft)
    return draft.finished(package.said)


def _read_chapter(archive: zipfile.ZipFile, path: str, label: str, draft: Draft) -> None:
    data = member(archive, path)
    if data is None:
        draft.leave_out(_LOST)
        return
    pictures = Pictures(draft, lambda address: member(archive, path_from(path, address)))
    read_xhtml(decoded(data, declared_charset(data)), draft, pictures, Mode.BOOK, label)
