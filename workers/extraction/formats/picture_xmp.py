"""XMP: Dublin Core, Photoshop's and IPTC Core's fields as RDF (ISO 16684-1). Entities and DTDs are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from defusedxml.ElementTree import fromstring

from workers.extraction.formats.picture_said import KEYWORDS_MAX, Said, clean, iso_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

XMP_BYTES_MAX = 4 << 20
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_CORE = "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_DEFAULT = "x-default"
_METADATA = {
    f"{_PHOTOSHOP}Headline": "headline",
    f"{_PHOTOSHOP}City": "city",
    f"{_CORE}Location": "place",
    f"{_PHOTOSHOP}State": "state",
    f"{_PHOTOSHOP}Country": "country",
    f"{_PHOTOSHOP}Credit": "credit",
    f"{_PHOTOSHOP}Source": "source",
    f"{_DC}rights": "rights",
}


def said_by_xmp(data: bytes) -> Said:
    """Return what a packet of XMP says; raises what damaged and hostile ones make the parser raise."""
    if len(data) > XMP_BYTES_MAX:
        raise ValueError("the XMP is too long")
    fields = dict(_fields(fromstring(data.strip(b" \t\r\n\0"), forbid_dtd=True)))

    def texts(name: str) -> tuple[str, ...]:
        return tuple(text for _, text in fields.get(name, []))

    def text(name: str) -> str:
        return _main(fields.get(name, []))

    metadata = {short: text(name) for name, short in _METADATA.items() if text(name)}
    return Said(
        title=text(f"{_DC}title") or text(f"{_PHOTOSHOP}Headline"),
        captions=_by_language(
            [*fields.get(f"{_DC}description", []), *fields.get(f"{_CORE}AltTextAccessibility", [])]
        ),
        authors=texts(f"{_DC}creator"),
        keywords=texts(f"{_DC}subject"),
        created=iso_time(text(f"{_PHOTOSHOP}DateCreated") or text(f"{_XMP}CreateDate")),
        metadata=metadata,
    )


def _fields(root: Element) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each property's name and its values, each with its language: elements or attributes of descriptions."""
    for description in root.iter(f"{_RDF}Description"):
        for name, value in description.attrib.items():
            yield name, [("", clean(value))]
        for element in description:
            if values := [(language, text) for language, text in _values(element) if text]:
                yield element.tag, values


def _values(element: Element) -> list[tuple[str, str]]:
    items = list(element.iter(f"{_RDF}li"))[:KEYWORDS_MAX]
    return [(one.get(_LANGUAGE, ""), clean(one.text or "")) for one in items or [element]]


def _main(values: list[tuple[str, str]]) -> str:
    """Return the default among language alternatives, else the first."""
    return next((text for language, text in values if language == _DEFAULT), values[0][1] if values else "")


def _by_language(values: list[tuple[str, str]]) -> dict[str, str]:
    """Return texts by language, the main one first; the default's language is that of its equal, if it has one."""
    main = _main(values)
    named = {text: language for language, text in values if language not in ("", _DEFAULT)}
    first = {named.get(main, ""): main} if main else {}
    others = {language: text for text, language in named.items() if text != main}
    return first | {language: text for language, text in others.items() if language not in first}
