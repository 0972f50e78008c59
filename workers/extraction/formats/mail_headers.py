"""Lines of a mail's head as plain text, whatever was done to them on the way."""

from __future__ import annotations

import binascii
import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.policy import Compat32
from email.utils import getaddresses
from typing import TYPE_CHECKING

from workers.extraction.dates import iso_date
from workers.extraction.encodings import decoded
from workers.extraction.types import Extracted

if TYPE_CHECKING:
    from email.message import Message
    from typing import Any

HEADER_CHARACTERS_MAX = 16_000
"""What is behind that is left out: the standard library looks again and again through what has thousands of words."""
NAME_CHARACTERS_MAX = 1_000
ADDRESSES_MAX = 500
_LINE_ENDS = re.compile(r"[\r\n]+[ \t]*")
_CONTROLS = re.compile(r"[\0-\x1f\x7f]+")


class MailPolicy(Compat32):
    """The policy that forgives most, with bounded headers that are plain text even where they are bare bytes."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Return a header's name and value as they stand in the file."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:HEADER_CHARACTERS_MAX]

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """Return a header's value in one line."""
        is_bytes = all(sign.isascii() or "\udc80" <= sign <= "\udcff" for sign in value)
        text = decoded(value.encode("ascii", "surrogateescape")) if is_bytes else value
        return _LINE_ENDS.sub(" ", text)


def words_of(value: str) -> str:
    """Return a header's text with its encoded words read (RFC 2047)."""
    try:
        parts = decode_header(value[:HEADER_CHARACTERS_MAX])
    except (HeaderParseError, binascii.Error, ValueError):
        parts = [(value, None)]
    texts = (part if isinstance(part, str) else decoded(part, charset or "") for part, charset in parts)
    return " ".join(_CONTROLS.sub(" ", "".join(texts)).split())


def file_name(part: Message) -> str:
    """Return what a part is called as a file, in any of the ways to say so; empty where it has no name."""
    try:
        name = part.get_filename() or ""
    except (LookupError, ValueError, TypeError):
        name = ""
    return words_of(name[:NAME_CHARACTERS_MAX])


def said_of(message: Message) -> Extracted:
    """Return subject, sender, recipients and date."""
    senders = _addresses(message, "from") or _addresses(message, "sender")
    recipients = [*_addresses(message, "to"), *_addresses(message, "cc")]
    metadata = {
        "sender": ", ".join(map(_written, senders)),
        "recipients": ", ".join(map(_written, recipients)),
        "message_id": _first(message, "message-id").strip("<> "),
    }
    return Extracted(
        title=words_of(_first(message, "subject")),
        authors=tuple(name or address for name, address in senders),
        created=iso_date(_first(message, "date")),
        language=_first(message, "content-language").partition(",")[0].strip()[:NAME_CHARACTERS_MAX],
        keywords=tuple(filter(None, map(words_of, _first(message, "keywords").split(",")))),
        metadata={name: value for name, value in metadata.items() if value},
    )


def _first(message: Message, name: str) -> str:
    return str(message.get(name, ""))


def _addresses(message: Message, name: str) -> list[tuple[str, str]]:
    """Return pairs of a person's name and address; a line that makes no sense is a name."""
    values = [str(value) for value in message.get_all(name, [])]
    try:
        found = getaddresses(values)
    except RecursionError:
        found = []
    read = [(words_of(person), address) for person, address in found if person or address]
    return read[:ADDRESSES_MAX] or [(words_of(value), "") for value in values[:1] if value.strip()]


def _written(person: tuple[str, str]) -> str:
    name, address = person
    return f"{name} <{address}>" if name and address and name != address else name or address
