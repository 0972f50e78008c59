"""Mails as Outlook keeps them: msg."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest

from tests.support.document_files import picture
from tests.support.outlook import Folder, msg_of
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.extractor import Extractor
    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]

SUBJECT, HEADERS, BODY, HTML, SENT, CODE_PAGE = 0x0037, 0x007D, 0x1000, 0x1013, 0x0039, 0x3FDE
SENDERS_NAME, SENDERS_ADDRESS, NAME, ADDRESS, KIND = 0x0C1A, 0x5D01, 0x3001, 0x39FE, 0x0C15
DATA, FILE_NAME, MIME, CONTENT_ID = 0x3701, 0x3707, 0x370E, 0x3712
TICKS = 133594560000000000
"""Of 100 nanoseconds, from 1601 to 6 May 2024, 8:00."""


def attachment(name: str, data: bytes, **others: str) -> Folder:
    properties = {
        FILE_NAME: name,
        DATA: data,
        **{{"mime": MIME, "cid": CONTENT_ID}[key]: v for key, v in others.items()},
    }
    return Folder(properties, head_bytes=8)


def message(**changed: str | bytes | int) -> Folder:
    return Folder(
        {
            SUBJECT: "Größe der Pumpe", BODY: "Plain text", SENDERS_NAME: "Ada Löwe",
            SENDERS_ADDRESS: "ada@example.org", SENT: TICKS, **{int(key[1:], 16): v for key, v in changed.items()},
        },
        {
            "__recip_version1.0_#00000000": Folder({NAME: "Bob", ADDRESS: "bob@example.org", KIND: 1}, head_bytes=8),
            "__recip_version1.0_#00000001": Folder({NAME: "Carol", ADDRESS: "c@example.org", KIND: 2}, head_bytes=8),
        },
    )  # fmt: skip


def attached(root: Folder, *attachments: Folder) -> Folder:
    root.folders |= {f"__attach_version1.0_#{index:08X}": one for index, one in enumerate(attachments)}
    return root


def test_a_messages_subject_sender_recipients_date_and_text_are_read(extracted: Read) -> None:
    found = extracted(msg_of(message()), "mail.msg")
    assert (found.title, found.authors, found.created) == (
        "Größe der Pumpe",
        ("Ada Löwe",),
        "2024-05-06T08:00:00+00:00",
    )
    assert found.metadata == {
        "sender": "Ada Löwe <ada@example.org>",
        "recipients": "Bob <bob@example.org>, Carol <c@example.org>",
    }
    assert [block.text for block in found.blocks] == ["Plain text"]


def test_the_html_of_a_message_is_read_in_its_code_page_with_its_pictures(extracted: Read) -> None:
    html = '<p>Die Düse läuft</p><img src="cid:pump" alt="The pump">'.encode("cp1252")
    root = attached(
        message(x1013=html, x3fde=1252), attachment("pump.png", picture(), mime="image/png", cid="pump")
    )
    found = extracted(msg_of(root), "mail.msg")
    assert [block.text for block in found.blocks] == ["Die Düse läuft"]
    assert [figure.caption for figure in found.figures] == ["The pump"]
    assert found.attached == ()


def test_attachments_and_messages_inside_become_files(extractor: Extractor) -> None:
    inner = message(x0037="Older – mail", x1000="Inner text é")
    inner.head_bytes = 24
    holder = Folder({NAME: "Older"}, {"__substg1.0_3701000D": inner}, head_bytes=8)
    root = attached(message(), attachment("Übersicht.pdf", b"%PDF-" + bytes(range(256)) * 40), holder)
    with extractor.reading(io.BytesIO(msg_of(root)), "mail.msg") as found:
        files = {one.name: found.data(one.file) for one in found.extracted.attached}
    assert list(files) == ["Übersicht.pdf", "Older – mail.eml"]
    assert files["Übersicht.pdf"] == b"%PDF-" + bytes(range(256)) * 40
    with extractor.reading(io.BytesIO(files["Older – mail.eml"]), "Older – mail.eml") as found:
        assert (found.extracted.title, found.extracted.authors) == ("Older – mail", ("Ada Löwe",))
        assert [block.text for block in found.extracted.blocks] == ["Inner text é"]


def test_an_encrypted_message_is_said_to_be_encrypted(extracted: Read) -> None:
    root = attached(message(x1000=""), attachment("smime.p7m", b"\x30\x80", mime="application/pkcs7-mime"))
    with pytest.raises(FileError) as refused:
        extracted(msg_of(root), "mail.msg")
    assert refused.value.id == "file.encrypted"


def test_a_message_that_is_cut_anywhere_is_read_or_refused(extracted: Read) -> None:
    data = msg_of(attached(message(), attachment("x.pdf", bytes(10_000))))
    outcomes = {outcome(extracted, data[:length]) for length in range(600, len(data), 1_500)}
    assert outcomes <= {"read", "file.damaged", "file.old_office"}


def outcome(extracted: Read, data: bytes) -> str:
    try:
        extracted(data, "mail.msg")
    except FileError as error:
        return error.id
    return "read"


PACKED_RTF = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
"""The first example of [MS-OXRTFCP]."""


def test_a_text_that_is_kept_as_rtf_alone_is_read(extracted: Read) -> None:
    found = extracted(msg_of(message(x1000="", x1009=PACKED_RTF)), "mail.msg")
    assert [block.text for block in found.blocks] == ["hello world"]


def test_html_inside_rtf_is_read_as_its_text(extracted: Read) -> None:
    rtf = rb"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 "
    rtf += rb"Seal the pump{\*\htmltag72 </p>}\htmlrtf\par}\htmlrtf0}"
    plain = struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf
    found = extracted(msg_of(message(x1000="", x1009=plain)), "mail.msg")
    assert [block.text for block in found.blocks] == ["Seal the pump"]


@pytest.mark.parametrize("data", [b"", b"x", PACKED_RTF[:20], PACKED_RTF[:12] + b"\0\0\0\0" + b"\xff" * 5000])
def test_rtf_that_ends_early_or_refers_to_nothing_does_not_stop_the_message(
    extracted: Read, data: bytes
) -> None:
    assert extracted(msg_of(message(x1000="", x1009=data)), "mail.msg").title == "Größe der Pumpe"
