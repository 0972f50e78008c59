"""The words of a book's table of contents, by chapter: as EPUB 3 has it, else as EPUB 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.extraction.formats.epub_package import member, named, path_from, xml_of
from workers.inference.errors import FileError

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from workers.extraction.formats.epub_package import Package

_LABEL_CHARACTERS_MAX = 300


def labels_of(archive: zipfile.ZipFile, package: Package) -> dict[str, str]:
    """Return what each chapter is called, by its path; nothing of a table that cannot be read."""
    for path, entries in ((package.contents, _links), (package.contents_of_old, _points)):
        try:
            root = xml_of(member(archive, path), "table of contents")
        except FileError:
            continue
        labels: dict[str, str] = {}
        for address, text in entries(root):
            label = " ".join(text.split())[:_LABEL_CHARACTERS_MAX]
            labels.setdefault(path_from(path, address), label)
        return labels
    return {}


def _links(root: Element) -> Iterator[tuple[str, str]]:
    for nav in named(root, "nav"):
        if any(value == "toc" for value in nav.attrib.values()):
            yield from ((one.get("href", ""), "".join(one.itertext())) for one in named(nav, "a"))


def _points(root: Element) -> Iterator[tuple[str, str]]:
    for point in named(root, "navPoint"):
        label = next((one.text or "" for one in named(point, "text")), "")
        content = next(named(point, "content"), None)
        if content is not None:
            yield content.get("src", ""), label
