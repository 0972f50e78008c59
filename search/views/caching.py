"""Answers that a browser may keep but must ask about each time, for who may see them can change at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponseNotModified
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.http import parse_etags

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

_DIGEST_CHARACTERS = 32


def etag_of(sha256: str, form: object) -> str:
    """Return the ETag of a stored file in one of its forms."""
    return f'"{sha256[:_DIGEST_CHARACTERS]}-{form}"'


def not_modified(request: HttpRequest, etag: str) -> HttpResponseNotModified | None:
    """Return the answer for a browser that has it; call it after the check of what the caller may see."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    plain = {tag.removeprefix("W/") for tag in known}
    return HttpResponseNotModified() if etag in plain else None


def revalidated(response: HttpResponseBase, etag: str) -> None:
    """Let this caller's browser keep the answer, and nobody else; it asks again before each use."""
    patch_cache_control(response, private=True, no_cache=True)
    patch_vary_headers(response, ["Cookie"])
    response["ETag"] = etag
