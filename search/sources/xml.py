"""XML of other servers: no document type, so no entities, and no more elements and depth than such answers have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterator

ELEMENTS_MAX = 300_000
DEPTH_MAX = 60


class _Bounded(TreeBuilder):
    """Builds a tree up to a size."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Begin an element; raises AppError `source.answer_too_large`."""
        self._elements += 1
        self._depth += 1
        if self._elements > ELEMENTS_MAX or self._depth > DEPTH_MAX:
            raise AppError("source.answer_too_large/elements", limit=ELEMENTS_MAX)
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        """End an element."""
        self._depth -= 1
        return super().end(tag)


def read_xml(data: bytes) -> Element:
    """Return the root; raises AppError `source.not_xml`, `source.answer_too_large`."""
    parser: Any = DefusedXMLParser(target=_Bounded(), forbid_dtd=True)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise AppError("source.not_xml") from error
    return root


def local(element: Element) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: Element | None, name: str) -> Iterator[Element]:
    """Yield the children of this name, in whichever namespace."""
    return (each for each in (() if element is None else element) if local(each) == name)


def child(element: Element | None, name: str) -> Element | None:
    """Return the first child of this name."""
    return next(children(element, name), None)


def text(element: Element | None) -> str:
    """Return an element's own text without blanks around it."""
    return "" if element is None or element.text is None else element.text.strip()
