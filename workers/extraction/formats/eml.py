"""Mails as EML, and pages saved as MHTML, which are built alike."""

from __future__ import annotations

import io
from dataclasses import replace
from email.generator import BytesGenerator
from email.message import Message
from pathlib import PurePath
from typing import TYPE_CHECKING

from workers.extraction.draft import Draft
from workers.extraction.formats.html_walk import Mode
from workers.extraction.formats.mail_bodies import Enclosed, add_body, add_page
from workers.extraction.formats.mail_headers import file_name, said_of, words_of
from workers.extraction.formats.mail_parts import message_of, parts_of, payload
from workers.extraction.types import Attached, Extracted
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.formats.mail_parts import Parts
    from workers.extraction.output import Output

SUFFIXES = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/calendar": ".ics",
    "message/rfc822": ".eml",
}
"""What a file's name must end in where its content does not say its kind."""
_NOT_WRITTEN = (UnicodeError, LookupError, ValueError, TypeError, AttributeError)
"""What the standard library raises for messages that it read but cannot write."""
_DAMAGED = "attached message that is damaged"


def read(file: Path, out: Output) -> Extracted:
    """Return what the mail or the saved page holds. Raises FileError `file.encrypted`, `file.too_much`."""
    return read_message(message_of(file.read_bytes(), out.limits.attached), out)


def read_message(message: Message, out: Output) -> Extracted:
    """Do the same for a message that is parsed already."""
    parts = parts_of(message)
    if parts.is_encrypted:
        raise FileError("file.encrypted")
    page = _page_in(message, parts)
    return _saved_page(message, page, parts, out) if page is not None else _mail(message, parts, out)


def _mail(message: Message, parts: Parts, out: Output) -> Extracted:
    draft = Draft(out)
    enclosed = Enclosed(parts.related)
    facts = [add_body(body, enclosed, draft, Mode.HIDDEN) for body in parts.bodies]
    languages = [said_of(message).language, *(one.extracted().language for one in facts)]
    rest = [part for part in parts.related if id(part) not in enclosed.used]
    attached = [_attached(part, number, draft) for number, part in enumerate([*rest, *parts.attached], 1)]
    for note in parts.notes:
        draft.note(note)
    said = replace(said_of(message), language=next(filter(None, languages), ""))
    return replace(draft.finished(said), attached=tuple(filter(None, attached)))


def _attached(part: Message, number: int, draft: Draft) -> Attached | None:
    """Keep an attachment; a message inside the message as a file of its own."""
    content_type = part.get_content_type()
    name = file_name(part)
    data: bytes | None = payload(part)
    inner = part.get_payload(0) if part.is_multipart() else None
    if isinstance(inner, Message):
        name = name or words_of(str(inner.get("subject", "")))
        data = _written(inner)
    if data is None:
        draft.leave_out(_DAMAGED)
        return None
    return Attached(_with_suffix(name or f"attachment-{number}", content_type), draft.out.put(data))


def _with_suffix(name: str, content_type: str) -> str:
    own, suffix = PurePath(name).suffix.lower(), SUFFIXES.get(content_type, "")
    is_whole = own == suffix or (own and content_type != "message/rfc822")
    return name if is_whole else name + suffix


def _written(message: Message) -> bytes | None:
    kept = io.BytesIO()
    try:
        BytesGenerator(kept, mangle_from_=False, maxheaderlen=0).flatten(message)
    except _NOT_WRITTEN:
        return None
    return kept.getvalue()


def _page_in(message: Message, parts: Parts) -> Message | None:
    """Return the page of a file that a browser saved: it says where it came from, and was sent to nobody."""
    first = parts.bodies[0].part if parts.bodies else message
    is_sent = any(message.get(name) for name in ("to", "received", "message-id"))
    is_page = first.get_content_type() == "text/html" and first.get("content-location")
    return first if is_page and not is_sent else None


def _saved_page(message: Message, page: Message, parts: Parts, out: Output) -> Extracted:
    draft = Draft(out)
    enclosed = Enclosed([*parts.related, *parts.attached, *(body.part for body in parts.bodies[1:])])
    said = add_page(page, enclosed, draft, Mode.PAGE).extracted()
    of_file = said_of(message)
    metadata = {"address": str(page.get("content-location", "")), "saved": of_file.created, **said.metadata}
    title = said.title or of_file.title
    return draft.finished(
        replace(said, title=title, metadata={name: text for name, text in metadata.items() if text})
    )
