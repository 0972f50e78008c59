"""A mail's text into a draft: HTML with the pictures that come with it, or plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin

from workers.extraction.encodings import decoded
from workers.extraction.formats.html import declared_charset
from workers.extraction.formats.html_blocks import read_html
from workers.extraction.formats.html_facts import PageFacts
from workers.extraction.formats.html_pictures import Pictures
from workers.extraction.formats.mail_headers import file_name
from workers.extraction.formats.mail_parts import RTF, payload
from workers.extraction.formats.rtf_reader import RtfReader
from workers.extraction.formats.text import paragraphs
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import Message

    from workers.extraction.draft import Draft
    from workers.extraction.formats.html_walk import Mode
    from workers.extraction.formats.mail_parts import ShownPart

_ENCRYPTED = "-----BEGIN PGP MESSAGE-----"
_SIGNATURE = "-- "


class Enclosed:
    """The files that come with a mail's or saved page's HTML, by their `cid:` or address."""

    def __init__(self, parts: Sequence[Message]) -> None:
        self._parts: dict[str, Message] = {}
        self.used: set[int] = set()
        for part in parts:
            content_id = str(part.get("content-id", "")).strip().strip("<>")
            for name in (
                f"cid:{content_id}" if content_id else "",
                str(part.get("content-location", "")).strip(),
            ):
                self._parts.setdefault(name, part)

    def data(self, address: str, base: str = "") -> bytes | None:
        """Return the file that an address in a page at `base` means; None where none was sent with it."""
        part = self._parts.get(address) or self._parts.get(unquote(address)) or self._joined(base, address)
        if part is None or not address:
            return None
        self.used.add(id(part))
        return payload(part)

    def _joined(self, base: str, address: str) -> Message | None:
        try:
            return self._parts.get(urljoin(base, address)) if base else None
        except ValueError:
            return None


def add_body(body: ShownPart, enclosed: Enclosed, draft: Draft, mode: Mode) -> PageFacts:
    """Add a part that is shown; what stands in for it, where it says nothing. Raises FileError `file.encrypted`."""
    before = len(draft.blocks)
    facts = PageFacts()
    if body.part.get_content_type() == "text/html":
        facts = add_page(body.part, enclosed, draft, mode)
    elif body.part.get_content_type() == RTF:
        RtfReader(draft).read(payload(body.part))
    elif body.part.get_content_maintype() == "image":
        draft.picture(payload(body.part), file_name(body.part))
    else:
        add_plain(text_in(body.part), draft)
    if body.otherwise is not None and len(draft.blocks) == before:
        add_plain(text_in(body.otherwise), draft)
    return facts


def add_page(part: Message, enclosed: Enclosed, draft: Draft, mode: Mode) -> PageFacts:
    """Add a part that is HTML, with its pictures."""
    data, base = payload(part), str(part.get("content-location", "")).strip()
    text = decoded(data, part.get_content_charset() or declared_charset(data))
    return read_html(text, draft, Pictures(draft, lambda address: enclosed.data(address, base)), mode)


def add_plain(text: str, draft: Draft) -> None:
    """Add plain text, paragraph by paragraph. Raises FileError `file.encrypted` where it is one encrypted message."""
    if text.lstrip().startswith(_ENCRYPTED):
        raise FileError("file.encrypted")
    for paragraph in paragraphs(text):
        draft.text(paragraph)


def text_in(part: Message) -> str:
    """Return a part's plain text; lines that were wrapped for the way are whole again (RFC 3676)."""
    if part.is_multipart():  # a report on a delivery has heads as parts
        return "\n\n".join(str(one) for one in part.get_payload())
    text = decoded(payload(part), part.get_content_charset() or "")
    is_flowed = str(part.get_param("format", "")).lower() == "flowed"
    return (
        _unwrapped(text, is_spaced=str(part.get_param("delsp", "")).lower() == "yes") if is_flowed else text
    )


def _unwrapped(text: str, *, is_spaced: bool) -> str:
    """Join the lines that end in a space with the next of as many quotation marks; `is_spaced`: that space is extra."""
    pieces: list[str] = []
    goes_on, before = False, ""
    for line in text.split("\n"):
        rest = line.lstrip(">")
        marks = line[: len(line) - len(rest)]
        rest = rest.removeprefix(" ")
        if not goes_on or marks != before:
            pieces.append(f"\n{marks} " if marks else "\n")
        goes_on, before = rest.endswith(" ") and rest != _SIGNATURE, marks
        pieces.append(rest[:-1] if goes_on and is_spaced else rest)
    return "".join(pieces)
