"""A part of a stored file, for browsers that go on with a broken download or look into a large one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from django.http import FileResponse, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.base import File
    from django.http import HttpRequest, HttpResponseBase

CHUNK_BYTES = 1 << 16
_ONE_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")


def ranged(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return the answer, or the part of its file that `Range` asks for; with 416 where there is no such part.

    Call it after the answer has its ETag. Several ranges at once, which nobody needs, and one of another version
    (`If-Range`) give the whole file, as the standard allows.
    """
    if not isinstance(response, FileResponse):
        return response
    response["Accept-Ranges"] = "bytes"
    found = _ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or request.method != "GET" or not _is_this_version(request, response):
        return response
    size = int(response["Content-Length"])
    span, file = _span(found[1], found[2], size), cast("File[bytes]", response.file_to_stream)
    if span is None:
        file.close()  # not the answer: closing that ends the request
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    first, last = span
    response.streaming_content = _part(file, first, last - first + 1)
    response.status_code = 206
    response["Content-Range"] = f"bytes {first}-{last}/{size}"
    response["Content-Length"] = str(last - first + 1)
    return response


def _is_this_version(request: HttpRequest, response: HttpResponseBase) -> bool:
    wanted = request.headers.get("If-Range")
    return wanted is None or wanted == response.headers.get("ETag")


def _span(first: str, last: str, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte that are meant, None where there are none."""
    if first:
        start, end = int(first), min(int(last or size), size - 1)
    else:
        start, end = max(size - int(last or 0), 0), size - 1
    return (start, end) if start <= end else None


def _part(file: File[bytes], first: int, left: int) -> Iterator[bytes]:
    file.seek(first)
    while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
        left -= len(chunk)
        yield chunk
