"""Files that are written while they are sent, and what the audit log says of them."""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from django.http import StreamingHttpResponse

from retrieval_site.audit import export_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def download(
    lines: Iterable[str], name: str, content_type: str = "text/csv", *, count: int, **detail: Any
) -> StreamingHttpResponse:
    """Return lines of text as a file of this name, which browsers keep and do not show.

    Noted in the audit log with `count`, of the things that it tells of, and `detail`.
    """
    export_note(name, count=count, **detail)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    kind = f"{content_type}; charset=utf-8"
    return StreamingHttpResponse(_as_asked(lines), content_type=kind, headers=headers)


def _as_asked(lines: Iterable[str]) -> Iterator[str]:
    """Return the lines, each made in the context of the request, which is answered before the first one is.

    So a replica is read only where it has what this person wrote, and log lines have the request's id.
    """
    context, made = copy_context(), iter(lines)

    def each() -> Iterator[str]:
        while (line := context.run(next, made, None)) is not None:
            yield line

    return each()
