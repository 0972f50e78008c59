"""Conditional requests for documents (RFC 9110, 13): who read one version changes no other.

An ETag is `"VERSION.STATE"`. The version changes with what people can set, the state with what jobs add later.
`If-Match` compares versions: a text that a job has split meanwhile is still the one that was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter

from retrieval_site.errors import AppError
from search.services.versions import digest, document_version

if TYPE_CHECKING:
    from rest_framework.request import Request

    from search.models import Document


ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="the document's version"
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="the ETag that was read: only this version is changed, else 412",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="reading: the ETag at hand, then 304 where it still holds; saving: `*` only makes a new document",
)


def etag_of(document: Document) -> str:
    """Return the document's strong ETag; its images must be loaded."""
    sizes = [(image.width, image.height) for image in document.images.all()]
    return f'"{document_version(document)}.{digest(document.split_pending, sizes)[:8]}"'


def unchanged_since(request: Request, document: Document) -> bool:
    """Return whether `If-None-Match` names the document as it is now."""
    given = [tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))]
    return "*" in given or etag_of(document) in given


def check_match(request: Request, stored: Document | None) -> None:
    """Raise AppError `document.changed` or `document.exists` where the request is about another version.

    `stored` must be locked, None where there is no such document.
    """
    wanted = request.headers.get("If-Match")
    if wanted is not None and not _matches(parse_etags(wanted), stored):
        raise AppError("document.changed")
    unwanted = [tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))]
    if request.method == "POST" and stored is not None and _matches(unwanted, stored):
        raise AppError("document.exists", document=stored.pk)


def _matches(wanted: list[str], stored: Document | None) -> bool:
    if stored is None:
        return False
    version = f'"{document_version(stored)}'
    return "*" in wanted or any(tag.rstrip('"').partition(".")[0] == version for tag in wanted)
