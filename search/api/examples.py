"""Requests that the schema and its page show, as they can be sent: a test sends each of them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

JSON, FORM = "application/json", "multipart/form-data"
COLLECTION = "pumps"
"""The collection that the examples are about; also the sample of every slug."""


def _request(name: str, value: dict[str, Any], media_type: str = JSON) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True, media_type=media_type)


BY_WORDS = _request("by words", {"text": "a leaking pump"})
NEW_COLLECTION = _request("a collection", {"slug": "valves", "name": "Valves", "visibility": "private"})
NEW_DOCUMENT = _request(
    "a document",
    {
        "collection": COLLECTION,
        "external_id": "p-2",
        "title": "Circulation pump",
        "body": "The pump leaks at the seal.",
        "url": "https://example.com/p-2",
        "tags": ["pump"],
        "metadata": {"kind": "pump"},
    },
)
NEW_JUDGEMENT = _request(
    "a relevant hit", {"query": "3f9c0000-0000-4000-8000-000000000000", "document": 7, "grade": 2}
)
NEW_SAVED_SEARCH = _request(
    "a name for it", {"query": "3f9c0000-0000-4000-8000-000000000000", "name": "Leaking pumps"}
)
UPLOADED = _request(
    "files that were sent in pieces",
    {"batch": "5b1d0000-0000-4000-8000-000000000000", "collection": COLLECTION},
)
IMPORTED = _request(
    "a table, only looked at",
    {"collection": COLLECTION, "file": "external_id,title\np-3,Gear pump\n", "dry_run": True},
    FORM,
)
