"""Outlook's msg: turned into the mail that it was, and read as one."""

from __future__ import annotations

from email.utils import format_datetime, formataddr
from typing import TYPE_CHECKING

from olefile import OleFileIO

from workers.extraction.formats.compressed_rtf import rtf_of
from workers.extraction.formats.eml import read_message
from workers.extraction.formats.mail_making import part_of_type, part_with_data, part_with_file, say
from workers.extraction.formats.mail_parts import DEPTH_MAX, RTF, message_of
from workers.extraction.formats.msg_properties import Folder
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted

_RECIPIENTS_MAX = 500
_TO, _CC = 1, 2
_ATTACHMENT, _RECIPIENT = "__attach_version1.0_#", "__recip_version1.0_#"
_SUBJECT, _HEADERS, _BODY, _RTF, _HTML, _MESSAGE_ID, _SENT, _RECEIVED, _MADE = (
    0x0037, 0x007D, 0x1000, 0x1009, 0x1013, 0x1035, 0x0039, 0x0E06, 0x3007,
)  # fmt: skip
_SENDERS_NAME, _SENDERS_ADDRESS = (0x0C1A, 0x0042), (0x5D01, 0x5D02, 0x0C1F, 0x0065)
_NAME, _ADDRESS, _KIND = 0x3001, (0x39FE, 0x3003), 0x0C15
_DATA, _FILE_NAME, _MIME, _CONTENT_ID, _LOCATION = 0x3701, (0x3707, 0x3704, 0x3001), 0x370E, 0x3712, 0x3713


def read(file: Path, out: Output) -> Extracted:
    """Return what the message holds. Raises FileError `file.encrypted`, `file.too_much`."""
    with OleFileIO(file) as ole:
        folder = Folder(ole, ole.root)
        count = sum(kid.name.startswith(_ATTACHMENT) for kid in ole.root.kids)
        if count > out.limits.attached:
            raise FileError("file.too_much/attached", limit=out.limits.attached)
        message = _mail_of(folder, out.limits.attached, 0)
    return read_message(message, out)


def _mail_of(folder: Folder, parts_max: int, depth: int) -> Message:
    if depth > DEPTH_MAX:
        raise FileError("file.too_much/nesting", limit=DEPTH_MAX)
    mail = part_of_type("multipart/mixed")
    _add_head(mail, folder, parts_max)
    mail.attach(_body(folder))
    for attachment in folder.inside(_ATTACHMENT):
        inner = attachment.message(_DATA)
        part = _attached_mail(inner, parts_max, depth) if inner else _attachment(attachment, parts_max)
        mail.attach(part)
    return mail


def _add_head(mail: Message, folder: Folder, parts_max: int) -> None:
    """Take the head that the message came with, else what Outlook noted of it."""
    head = message_of(folder.text(_HEADERS).encode(errors="replace"), parts_max)
    sent = folder.time(_SENT, _RECEIVED, _MADE)
    noted = {
        "From": _person(folder.text(*_SENDERS_NAME), folder.text(*_SENDERS_ADDRESS)),
        "To": _recipients(folder, _TO),
        "Cc": _recipients(folder, _CC),
        "Date": format_datetime(sent) if sent else "",
        "Message-ID": folder.text(_MESSAGE_ID),
    }
    for name, value in noted.items():
        say(mail, name, str(head.get(name, "")) or value)
    say(mail, "Subject", folder.text(_SUBJECT) or str(head.get("Subject", "")))


def _recipients(folder: Folder, kind: int) -> str:
    people = [one for _, one in zip(range(_RECIPIENTS_MAX), folder.inside(_RECIPIENT), strict=False)]
    return ", ".join(
        _person(one.text(_NAME), one.text(*_ADDRESS)) for one in people if one.number(_KIND) == kind
    )


def _body(folder: Folder) -> Message:
    both = part_of_type("multipart/alternative")
    texts = (
        ("text/plain", folder.text(_BODY).encode(errors="replace"), "utf-8"),
        ("text/html", folder.text(_HTML).encode(errors="replace"), "utf-8"),
        ("text/html", folder.binary(_HTML), folder.code_page),
    )
    shown: list[Message | str] = [part_with_data(*text) for text in texts if text[1]]
    if not shown and (rtf := rtf_of(folder.binary(_RTF))):
        shown = [part_with_data(RTF, rtf)]
    both.set_payload(shown)
    return both


def _attachment(attachment: Folder, parts_max: int) -> Message:
    data = attachment.binary(_DATA)
    content_type = attachment.text(_MIME).strip().lower() or "application/octet-stream"
    if content_type == "multipart/signed":  # the whole message, as it was signed
        return message_of(data, parts_max)
    content_id = attachment.text(_CONTENT_ID).strip("<>")
    part = part_with_file(content_type, data, attachment.text(*_FILE_NAME), content_id)
    say(part, "Content-Location", attachment.text(_LOCATION))
    return part


def _attached_mail(inner: Folder, parts_max: int, depth: int) -> Message:
    part = part_of_type("message/rfc822")
    part.attach(_mail_of(inner, parts_max, depth + 1))
    return part


def _person(name: str, address: str) -> str:
    return formataddr((name, address.encode("ascii", "replace").decode())) if name or address else ""
