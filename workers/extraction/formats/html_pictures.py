"""Pictures by their addresses: in a page, in its archive, in its message, beside it. None is ever fetched."""

from __future__ import annotations

import base64
import binascii
import posixpath
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from workers.extraction.formats.html_pieces import HtmlPicture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers.extraction.draft import Draft

_DATA = "data:"
_PLACEHOLDER_CHARACTERS_MAX = 300
"""A `data:` address as short as this is the empty picture that stands there until the real one is fetched."""
_INSTEAD = ("data-src", "data-original", "data-lazy-src", "data-srcset", "srcset")
_REMOTE = "picture on the web, which is never fetched"
_MISSING = "picture that is not in the file"


class Pictures:
    """Finds the picture that an `img` names.

    `inside` gives the bytes of a picture that comes in the same archive or message, by its address. `beside`: the
    page may be a file in a folder, with its pictures in other files of it.
    """

    def __init__(
        self, draft: Draft, inside: Callable[[str], bytes | None] | None = None, *, beside: bool = False
    ) -> None:
        self._draft = draft
        self._inside = inside
        self.beside = beside

    def found(self, attributes: Mapping[str, str], said: str) -> HtmlPicture | None:
        """Return the picture of an `img`; None where only its words can be shown."""
        if any(attributes.get(side, "").strip(" px") in ("0", "1") for side in ("width", "height")):
            return None  # it counts who reads
        address = _address(attributes)
        if address[:5].lower() == _DATA:
            written = _data(address)
            return HtmlPicture(written, "", said) if written else None
        data = self._inside(address) if self._inside and address else None
        if data is not None:
            return HtmlPicture(data, "", said)
        source = _path(address)
        if source and self.beside:
            return HtmlPicture(b"", source, said)
        if address:
            self._draft.leave_out(_MISSING if source or address.lower().startswith("cid:") else _REMOTE)
        return None


def _address(attributes: Mapping[str, str]) -> str:
    """Return an `img`'s address; that of the real picture where a script would put it in."""
    address = attributes.get("src", "").strip()
    if address and not (address[:5].lower() == _DATA and len(address) <= _PLACEHOLDER_CHARACTERS_MAX):
        return address
    others = (attributes.get(name, "").strip().split(",")[0].split() for name in _INSTEAD)
    return next((words[0] for words in others if words and words[0][:5].lower() != _DATA), address)


def _data(address: str) -> bytes:
    """Return what a `data:` address holds; nothing where it is damaged."""
    head, _, body = address.partition(",")
    if not head.lower().rstrip().endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(unquote(body), validate=False)
    except (binascii.Error, ValueError):
        return b""


def _path(address: str) -> str:
    """Return the path of an address that names a file beside the page; empty for others."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    path = unquote(parts.path)
    if parts.scheme or parts.netloc or not path or "\0" in path or "\\" in path:
        return ""
    return posixpath.normpath(path)
