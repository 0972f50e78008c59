"""Where the next page begins: signed, so that nobody reads or makes one up."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.core.signing import BadSignature, Signer

from retrieval_site.errors import AppError

_signer = Signer(salt="search.cursor")


@dataclass(frozen=True)
class Cursor:
    """The query, how many entries of its kept answer were passed, and how many hits were shown of them."""

    query_id: uuid.UUID
    passed: int = 0
    shown: int = 0


def cursor_write(cursor: Cursor) -> str:
    """Return the cursor as an opaque string."""
    return _signer.sign_object([cursor.query_id.hex, cursor.passed, cursor.shown])


def cursor_read(text: str) -> Cursor:
    """Return the cursor; raises AppError `cursor.invalid` for anything that was not given out here."""
    try:
        query_id, passed, shown = _signer.unsign_object(text)
    except (BadSignature, ValueError) as error:
        raise AppError("cursor.invalid", "This page link is not valid. Search again.") from error
    return Cursor(uuid.UUID(query_id), passed, shown)
