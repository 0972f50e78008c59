"""Files that are written while they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import StreamingHttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable


def download(lines: Iterable[str], name: str, content_type: str = "text/csv") -> StreamingHttpResponse:
    """Return lines of text as a file of this name, which browsers keep and do not show."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type=f"{content_type}; charset=utf-8", headers=headers)
