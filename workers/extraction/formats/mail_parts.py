"""The parts of a mail: what is its text, what belongs into the text, what is attached, what cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from typing import TYPE_CHECKING

from workers.extraction.formats.mail_headers import MailPolicy, file_name
from workers.extraction.formats.mail_making import part_with_data, part_with_file
from workers.extraction.formats.tnef import TnefError, tnef_of
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.policy import Policy

    from workers.extraction.formats.tnef import Tnef

DEPTH_MAX = 100
_SIGNATURES = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)
_SECURE = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
RTF = "text/rtf"
_READ = frozenset({"text/plain", "text/html", "text/rfc822-headers", "text/enriched", RTF})
_REPORTS = frozenset({"message/delivery-status", "message/disposition-notification"})
_OF_PAGES = ("text/css", "text/javascript", "application/javascript", "font/", "application/font")
NOTE_SIGNED = "The message is signed; whether the signature is right was not looked at."
NOTE_PACKED = "The message's text is packed into its signature (S/MIME), which is not opened."
NOTE_TNEF = "A winmail.dat (TNEF) is damaged: attachments may be missing."
NOTE_TNEF_MESSAGE = "A message that is attached in a winmail.dat (TNEF) was not opened."
TNEF_FILES_MAX = 2000
NOTE_ENCRYPTED = "A part of the message is encrypted."
NOTE_ELSEWHERE = "A part of the message is elsewhere and was not fetched."


@dataclass(frozen=True)
class ShownPart:
    """A part that is shown: HTML, plain text, a picture; `otherwise` where it turns out to say nothing."""

    part: Message
    otherwise: Message | None = None


@dataclass
class Parts:
    """A mail's parts by what becomes of them. `packed`: the text of a `winmail.dat`, for mails that have no other."""

    bodies: list[ShownPart] = field(default_factory=list)
    related: list[Message] = field(default_factory=list)
    attached: list[Message] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    packed: Message | None = None

    @property
    def is_encrypted(self) -> bool:
        """Whether there is nothing to read but what is encrypted."""
        return NOTE_ENCRYPTED in self.notes and not self.bodies and not self.attached


@dataclass
class _Counted:
    """Makes the parts of a message, so many and no more."""

    limit: int
    count: int = 0

    def __call__(self, policy: Policy | None = None) -> Message:
        self.count += 1
        if self.count > self.limit:
            raise FileError("file.too_much/attached", limit=self.limit)
        return Message(policy=policy or MailPolicy())


def message_of(data: bytes, parts_max: int) -> Message:
    """Parse a mail. Raises FileError `file.too_much` for one of too many parts, or parts too deep in others."""
    parser = BytesParser(_Counted(parts_max), policy=MailPolicy())
    try:
        return parser.parsebytes(data.lstrip(b"\xef\xbb\xbf \t\r\n"))
    except RecursionError as error:
        raise FileError("file.too_much/nesting", limit=DEPTH_MAX) from error


def parts_of(message: Message) -> Parts:
    """Sort a message's parts. Raises FileError `file.too_much` for parts too deep in others."""
    parts = Parts()
    _sort(message, parts, 0)
    if parts.packed is not None and not any(payload(body.part).strip() for body in parts.bodies):
        parts.bodies.append(ShownPart(parts.packed))
    return parts


def payload(part: Message) -> bytes:
    """Return a part's content, decoded; nothing where it has parts itself."""
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _sort(part: Message, parts: Parts, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise FileError("file.too_much/nesting", limit=DEPTH_MAX)
    inner = part.get_payload()
    if part.get_content_maintype() == "multipart" and isinstance(inner, list):
        _sort_multipart(part, [one for one in inner if isinstance(one, Message)], parts, depth + 1)
    elif _is_tnef(part):
        _unpack(part, parts)
    elif not _is_unreadable(part, parts):
        _sort_leaf(part, parts)


def _sort_multipart(part: Message, inner: list[Message], parts: Parts, depth: int) -> None:
    kind = part.get_content_subtype()
    if kind == "encrypted":
        parts.notes[NOTE_ENCRYPTED] = None
    elif kind == "alternative" and inner:
        _sort_alternative(inner, parts, depth)
    elif kind == "related" and inner:
        root = _root(part, inner)
        _sort(root, parts, depth)
        for one in inner:
            if one is not root:
                _sort_related(one, parts, depth)
    else:
        for one in inner:
            _sort(one, parts, depth)


def _sort_alternative(inner: Sequence[Message], parts: Parts, depth: int) -> None:
    """Take the HTML, with what belongs to it; plain text only where there is none or it says nothing."""
    rich = [one for one in inner if _holds(one, "text/html")]
    plain = [one for one in inner if _holds(one, "text/plain")]
    before = len(parts.bodies)
    _sort((rich or plain or list(inner))[-1], parts, depth)
    if rich and plain and plain[-1] is not rich[-1] and len(parts.bodies) > before:
        otherwise = next(one for one in plain[-1].walk() if one.get_content_type() == "text/plain")
        parts.bodies[before] = ShownPart(parts.bodies[before].part, otherwise)


def _holds(part: Message, content_type: str) -> bool:
    return any(one.get_content_type() == content_type for one in part.walk())


def _root(part: Message, inner: Sequence[Message]) -> Message:
    start = part.get_param("start")
    named = (one for one in inner if start and str(one.get("content-id", "")).strip() == start)
    return next(named, inner[0])


def _sort_related(part: Message, parts: Parts, depth: int) -> None:
    if part.is_multipart():
        _sort(part, parts, depth)
    elif not part.get_content_type().startswith(_OF_PAGES):
        parts.related.append(part)


def _is_tnef(part: Message) -> bool:
    named = file_name(part).lower() == "winmail.dat"
    return named or part.get_content_type() in ("application/ms-tnef", "application/vnd.ms-tnef")


def _unpack(part: Message, parts: Parts) -> None:
    """Sort what is packed in a `winmail.dat`."""
    try:
        found = tnef_of(payload(part), TNEF_FILES_MAX)
    except TnefError:
        parts.notes[NOTE_TNEF] = None
        return
    for file in found.files:
        if file.is_message:
            parts.notes[NOTE_TNEF_MESSAGE] = None
        else:
            _sort_leaf(part_with_file(file.content_type, file.data, file.name, file.content_id), parts)
    parts.packed = parts.packed or _packed_text(found)


def _packed_text(found: Tnef) -> Message | None:
    if found.html or found.rtf:
        return part_with_data("text/html", found.html) if found.html else part_with_data(RTF, found.rtf)
    return part_with_data("text/plain", found.text.encode(errors="replace"), "utf-8") if found.text else None


def _is_unreadable(part: Message, parts: Parts) -> bool:
    """Take note of what is signed, encrypted, packed or elsewhere; tell whether the part is that alone."""
    content_type = part.get_content_type()
    note = ""
    if content_type in _SIGNATURES:
        note = NOTE_SIGNED
    elif content_type in _SECURE:
        note = NOTE_PACKED if part.get_param("smime-type") == "signed-data" else NOTE_ENCRYPTED
    elif content_type in ("message/external-body", "message/partial"):
        note = NOTE_ELSEWHERE
    if note:
        parts.notes[note] = None
    return bool(note)


def _sort_leaf(part: Message, parts: Parts) -> None:
    content_type = part.get_content_type()
    is_shown = part.get_content_disposition() != "attachment"
    is_text = (content_type in _READ and not file_name(part)) or content_type in _REPORTS
    is_picture = content_type.startswith("image/")
    if is_shown and is_picture and part.get("content-id"):
        parts.related.append(part)
    elif is_shown and (is_text or is_picture):
        parts.bodies.append(ShownPart(part))
    else:
        parts.attached.append(part)
