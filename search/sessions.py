"""Naming an anonymous person by a keyed hash of their session key: whoever reads the hash cannot act as that person."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from rest_framework.request import Request

SALT = "search.exports.rater"
"""Of the pseudonyms in exports, which were the start of this hash before it was all that is stored."""
PSEUDONYM_CHARACTERS = 12


def session_hash(key: str) -> str:
    """Return the HMAC of a session key in hex, under a key derived from SECRET_KEY; "" for no session."""
    return salted_hmac(SALT, key).hexdigest() if key else ""


def pseudonym(hashed: str) -> str:
    """Return the name under which an anonymous person is shown: the same for the same session, and no secret."""
    return f"anonymous:{hashed[:PSEUDONYM_CHARACTERS]}"


def session_of(request: HttpRequest | Request) -> str:
    """Return the hash of an anonymous person's session, "" where there is none or nobody is anonymous.

    The session is loaded first, so that a key that somebody made up is not taken for one.
    """
    session: Any = request.session
    if request.user.is_authenticated or not session.session_key:
        return ""
    session.get("_", None)
    return session_hash(session.session_key or "")


@contextmanager
def session_for(request: HttpRequest) -> Iterator[str]:
    """Give `session_of`, beginning a session for an anonymous person who has none.

    One that began here ends again where what it was begun for is refused.
    """
    if request.user.is_authenticated:
        yield ""
        return
    begins = not session_of(request)
    if begins:
        request.session.create()
    try:
        yield session_hash(request.session.session_key or "")
    except Exception:
        if begins:
            request.session.flush()
        raise
