"""XML from inside of documents' files: parsed without external entities, and refused where it declares any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from lxml.etree import _Element

_SAFELY = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "dtd_validation": False,
    "huge_tree": False,  # so libxml2 refuses a depth of more than 256
    "remove_comments": True,
    "remove_pis": True,
}


def parsed(data: bytes) -> _Element:
    """Return the root. Raises FileError `file.damaged` for what is no XML, or declares entities."""
    try:
        root = etree.fromstring(data, etree.XMLParser(**_SAFELY))
    except etree.XMLSyntaxError as error:
        raise FileError("file.damaged", reason=f"a part is no XML ({error.msg})"[:200]) from error
    _refuse_declarations(root)
    return root


def streamed(file: IO[bytes], *tags: str) -> Iterator[_Element]:
    """Yield the elements of these tags as they end, and forget each behind it. Raises as `parsed` does."""
    try:
        for _, element in etree.iterparse(file, tag=tags, **_SAFELY):
            _refuse_declarations(element)
            yield element
            element.clear()
            while (before := element.getprevious()) is not None:
                before.getparent().remove(before)
    except etree.XMLSyntaxError as error:
        raise FileError("file.damaged", reason=f"a part is no XML ({error.msg})"[:200]) from error


def text_within(element: _Element, tag: str) -> str:
    """Return the texts of all elements of a tag, one behind the other."""
    return "".join(one.text or "" for one in element.iter(tag))


def _refuse_declarations(element: _Element) -> None:
    """Office's programs never write a document type; entities that expand, or name other files, are declared there."""
    if element.getroottree().docinfo.internalDTD is not None:
        raise FileError("file.damaged", reason="a part declares a document type")
