"""From a record in Dublin Core to a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from search.importers.document_files import external_id_of
from search.services.document_fields import check_record
from search.services.documents import DocumentRecord
from search.sources.fitting import fitted, web_address
from search.sources.xml import local, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

Fields: TypeAlias = list[tuple[str, str]]
"""Elements with their values, in the record's order."""

ELEMENTS = (
    "title", "creator", "subject", "description", "publisher", "contributor", "date", "type", "format", "identifier",
    "source", "language", "relation", "coverage", "rights",
)  # fmt: skip
USUAL = {
    "title": "title",
    "description": "body",
    "subject": "tags",
    "identifier": "url",
    **{
        name: f"metadata.{name}"
        for name in ELEMENTS
        if name not in ("title", "description", "subject", "identifier")
    },
}
"""What becomes of each element. An identifier that is no web address becomes metadata."""


def elements_of(metadata: Element | None) -> Fields:
    """Return the elements of a record's Dublin Core that say something."""
    container = next(iter(metadata), None) if metadata is not None else None
    found = [(local(each), text(each)) for each in (() if container is None else container)]
    return [(name, value) for name, value in found if name in ELEMENTS and value]


def to_record(key: str, elements: Fields, changed: Mapping[str, str] | None) -> DocumentRecord:
    """Return the document; `changed` says where an element goes that does not go the usual way.

    Raises AppError `document.*`.
    """
    fields = USUAL | dict(changed or {})
    said: dict[str, list[str]] = {}
    for name, value in elements:
        field = fields[name]
        if field == "url" and not web_address(value):
            field = f"metadata.{name}"
        if field:
            said.setdefault(field, []).append(value)
    found = fitted(said)
    check_record(external_id_of(key), found, ())
    return DocumentRecord(external_id_of(key), found, ())
