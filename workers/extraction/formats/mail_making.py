"""Parts of a mail made of what Outlook keeps otherwise."""

from __future__ import annotations

import base64
from email.header import Header
from email.message import Message

from workers.extraction.formats.mail_headers import MailPolicy


def part_of_type(content_type: str) -> Message:
    """Return a part without content."""
    part = Message(policy=MailPolicy())
    say(part, "Content-Type", content_type)
    return part


def part_with_data(content_type: str, data: bytes, charset: str = "") -> Message:
    """Return a part that holds these bytes."""
    part = part_of_type(f"{content_type}; charset={charset}" if charset else content_type)
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(base64.encodebytes(data).decode())
    return part


def part_with_file(content_type: str, data: bytes, name: str, content_id: str) -> Message:
    """Return a part that is a file, shown in the text where it has a content id."""
    part = part_with_data(content_type or "application/octet-stream", data)
    say(part, "Content-ID", f"<{content_id}>" if content_id else "")
    disposition = "inline" if content_id else "attachment"
    part.add_header("Content-Disposition", disposition, filename=("utf-8", "", name))
    return part


def say(part: Message, name: str, value: str) -> None:
    """Add a header in one line, encoded where it needs that; an empty one is left out."""
    line = " ".join(value.split())
    if line:
        part[name] = line if line.isascii() else Header(line, "utf-8").encode()
