"""Mails as EML and MSG, and pages saved as MHTML."""

from __future__ import annotations

import base64
import io
import struct
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from tests.support.document_files import picture
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.extractor import Extractor
    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]

HTML = """<html lang="de"><body><div style="display:none">preheader</div><p>Hello <b>you</b></p>
<table><tr><td>Order</td><td>12</td></tr></table><img src="cid:pump@example.org" alt="The pump"><blockquote>Old text
</blockquote><img src="https://track.example/1.gif" width="1" height="1"></body></html>"""


def mail(text: str = "Plain text\n\n> quoted\n", **headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"Subject": "Größe", "From": "Ada Löwe <ada@example.org>", **headers}.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def texts(found: Extracted) -> list[str]:
    return [block.text for block in found.blocks]


def outcome(extracted: Read, data: bytes, name: str = "mail.eml") -> str:
    try:
        return "read" if extracted(data, name).blocks else "empty"
    except FileError as error:
        return error.id


def test_a_mails_head_gives_title_sender_recipients_and_date(extracted: Read) -> None:
    message = mail(
        To="Bob <bob@example.org>, carol@example.org", Cc="dan@example.org", Date="Mon, 06 May 2024 10:00:00 +0200",
        Message_ID="<1@example.org>", Keywords="pump, valve",
    )  # fmt: skip
    message["Content-Language"] = "de"
    found = extracted(message.as_bytes(), "mail.eml")
    assert (found.title, found.authors, found.created) == (
        "Größe",
        ("Ada Löwe",),
        "2024-05-06T10:00:00+02:00",
    )
    assert (found.language, found.keywords) == ("de", ("pump", "valve"))
    assert found.metadata == {
        "sender": "Ada Löwe <ada@example.org>",
        "recipients": "Bob <bob@example.org>, carol@example.org, dan@example.org",
        "message_id": "1@example.org",
    }
    assert texts(found) == ["Plain text", "> quoted"]


def test_the_html_of_a_mail_is_read_rather_than_its_plain_text(extracted: Read) -> None:
    message = mail()
    message.add_alternative(HTML, subtype="html")
    message.get_payload()[1].add_related(picture(), "image", "png", cid="<pump@example.org>")
    found = extracted(message.as_bytes(), "mail.eml")
    assert texts(found) == ["Hello you", "Order | 12", "Old text"]
    [figure] = found.figures
    assert (figure.caption, figure.after, bool(figure.file)) == ("The pump", 2, True)
    assert (found.attached, found.language) == ((), "de")


def test_plain_text_is_read_where_the_html_says_nothing(extracted: Read) -> None:
    message = mail()
    message.add_alternative("<html><body><p> </p></body></html>", subtype="html")
    assert texts(extracted(message.as_bytes(), "mail.eml")) == ["Plain text", "> quoted"]


def test_attachments_and_messages_inside_become_files(extractor: Extractor) -> None:
    inner = mail("Inner text é", Subject="The older: mail")
    message = mail()
    message.add_attachment(
        b"%PDF-1.4", maintype="application", subtype="pdf", filename="Übersicht der Pumpe.pdf"
    )
    message.add_attachment("a note", filename="note")
    message.add_attachment(inner)
    message.add_attachment(picture(), maintype="image", subtype="png", filename="photo.png")
    with extractor.reading(io.BytesIO(message.as_bytes()), "mail.eml") as found:
        files = {one.name: found.data(one.file) for one in found.extracted.attached}
    assert list(files) == ["Übersicht der Pumpe.pdf", "note.txt", "The older: mail.eml", "photo.png"]
    assert files["Übersicht der Pumpe.pdf"] == b"%PDF-1.4"
    with extractor.reading(io.BytesIO(files["The older: mail.eml"]), "The older: mail.eml") as found:
        assert (found.extracted.title, texts(found.extracted)) == ("The older: mail", ["Inner text é"])


def test_a_picture_shown_between_texts_is_a_figure_there(extracted: Read) -> None:
    message = mail("Before")
    message.add_attachment(picture(), maintype="image", subtype="png", disposition="inline", filename="x.png")
    message.add_attachment("After", disposition="inline")
    found = extracted(message.as_bytes(), "mail.eml")
    assert texts(found) == ["Before", "After"]
    assert [figure.after for figure in found.figures] == [1]


RAW = {
    "bare bytes": b"Subject: Gr\xf6\xdfe der \xd6lpumpe f\xfcr die D\xfcse\r\n\r\nText",
    "utf-8 bytes": "Subject: Größe der Ölpumpe für die Düse\r\n\r\nText".encode(),
    "encoded words": b"Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe_der?=\r\n =?iso-8859-1?b?INZscHVtcGUg?="
    b"\r\n =?x-none?q?f=C3=BCr?= die =?utf-8?b?RMO8c2U=?=\r\n\r\nText",
}


@pytest.mark.parametrize("name", RAW)
def test_subjects_are_read_in_any_encoding(extracted: Read, name: str) -> None:
    found = extracted(RAW[name], "mail.eml")
    assert (found.title, texts(found)) == ("Größe der Ölpumpe für die Düse", ["Text"])


@pytest.mark.parametrize(
    "said",
    [
        b'attachment; filename="=?utf-8?q?=C3=9Cbersicht.pdf?="',
        b"attachment; filename*=utf-8''%C3%9Cbersicht.pdf",
        b"attachment; filename*0*=utf-8''%C3%9Cber; filename*1=sicht.pdf",
        "attachment; filename=Übersicht.pdf".encode(),
    ],
)
def test_names_of_attachments_are_read_however_they_are_written(extracted: Read, said: bytes) -> None:
    data = b"Subject: x\r\nContent-Type: application/pdf\r\nContent-Disposition: " + said + b"\r\n\r\n%PDF-"
    assert [one.name for one in extracted(data, "mail.eml").attached] == ["Übersicht.pdf"]


def test_lines_that_were_wrapped_for_the_way_are_whole_again(extracted: Read) -> None:
    data = b"Subject: x\r\nContent-Type: text/plain; format=flowed\r\n\r\nOne \r\nline.\r\n"
    data += b">> old \r\n>> line\r\n> older\r\n"
    assert texts(extracted(data, "mail.eml")) == ["One line.\n>> old line\n> older"]


def multipart(kind: str, *parts: bytes, head: bytes = b"Subject: x\r\n") -> bytes:
    between = b"\r\n--b1\r\n"
    start = head + b"Content-Type: multipart/" + kind.encode() + b'; boundary="b1"\r\n'
    return start + between + between.join(parts) + b"\r\n--b1--\r\n"


def test_a_signed_mail_is_read_and_its_signature_noted(extracted: Read) -> None:
    data = multipart(
        "signed", b"\r\nText", b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nx"
    )
    found = extracted(data, "mail.eml")
    assert (texts(found), found.attached) == (["Text"], ())
    assert found.notes == ("The message is signed; whether the signature is right was not looked at.",)


ENCRYPTED = {
    "smime": b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n\r\nMIAG",
    "pgp": multipart("encrypted", b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1", b"\r\nx"),
    "pgp in text": b"Subject: x\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n-----END PGP MESSAGE-----",
}


@pytest.mark.parametrize("name", ENCRYPTED)
def test_an_encrypted_mail_is_said_to_be_encrypted(extracted: Read, name: str) -> None:
    assert outcome(extracted, ENCRYPTED[name]) == "file.encrypted"


def padded(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value + b"\0" * (-len(value) % 4)


def properties(*held: tuple[int, int, bytes]) -> bytes:
    """MAPI properties by number and type, each with one value of any length."""
    packed = [struct.pack("<HHI", kind, number, 1) + padded(value) for number, kind, value in held]
    return struct.pack("<I", len(held)) + b"".join(packed)


def tnef(*attributes: tuple[int, bytes]) -> bytes:
    """A `winmail.dat` of these attributes."""
    packed = b"".join(
        struct.pack("<BII", 1, name, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)
        for name, value in attributes
    )
    return struct.pack("<IH", 0x223E9F78, 1) + packed


def winmail(*attributes: tuple[int, bytes]) -> bytes:
    """A mail whose second part is a `winmail.dat` of these attributes."""
    whole = base64.encodebytes(tnef(*attributes))
    head = b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return multipart("mixed", b"Content-Type: text/plain\r\n\r\n", head + whole)


BEGINS, TITLE, DATA, OF_ATTACHMENT, OF_MESSAGE = 0x69002, 0x18010, 0x6800F, 0x69005, 0x69003
OBJECT = bytes.fromhex("0b00000000000000c000000000000046")
MESSAGE = bytes.fromhex("0703020000000000c000000000000046")


def test_what_is_packed_in_a_winmail_file_is_read(extracted: Read) -> None:
    data = winmail(
        (OF_MESSAGE, properties((0x1013, 0x102, b"<p>The seal leaks.</p>"))),
        (BEGINS, b""), (TITLE, b"UEBERS~1.TXT\0"), (DATA, b"A list."),
        (OF_ATTACHMENT, properties((0x3707, 0x1F, "Übersicht.txt\0".encode("utf-16-le")))),
        (BEGINS, b""), (OF_ATTACHMENT, properties((0x3707, 0x1E, b"b.txt\0"), (0x3701, 0xD, OBJECT + b"More."))),
        (BEGINS, b""), (OF_ATTACHMENT, properties((0x3701, 0xD, MESSAGE + b"x"))),
    )  # fmt: skip
    found = extracted(data, "mail.eml")
    assert texts(found) == ["The seal leaks."]
    assert [one.name for one in found.attached] == ["Übersicht.txt", "b.txt"]
    assert found.notes == ("A message that is attached in a winmail.dat (TNEF) was not opened.",)


def test_the_plain_text_of_a_winmail_file_is_read_where_the_mail_has_no_other(extracted: Read) -> None:
    assert texts(extracted(winmail((0x2800C, b"The seal leaks.\0")), "mail.eml")) == ["The seal leaks."]


def test_a_winmail_file_that_came_alone_is_read_as_the_mail_that_it_was_packed_for(extracted: Read) -> None:
    data = tnef(
        (0x18004, b"The pump\0"), (0x2800C, b"The seal leaks.\0"),
        (BEGINS, b""), (TITLE, b"list.txt\0"), (DATA, b"A list."),
    )  # fmt: skip
    for name in ("winmail.dat", "mail.tnef", "unnamed"):
        found = extracted(data, name)
        assert (found.title, texts(found)) == ("The pump", ["The seal leaks."])
        assert [one.name for one in found.attached] == ["list.txt"]
    with pytest.raises(FileError) as refused:
        extracted(data[:-5], "winmail.dat")
    assert refused.value.id == "file.damaged"


def test_a_winmail_file_that_is_damaged_is_noted_and_the_text_read(extracted: Read) -> None:
    whole = b"Content-Type: application/ms-tnef; name=winmail.dat\r\n\r\n"
    for cut in (b"x", struct.pack("<IHBII", 0x223E9F78, 1, 2, DATA, 2**31) + b"y"):
        found = extracted(multipart("mixed", b"\r\nText", whole + cut), "mail.eml")
        assert (texts(found), found.attached, len(found.notes)) == (["Text"], (), 1)


def test_a_mail_of_ten_thousand_parts_is_refused(extracted: Read) -> None:
    with pytest.raises(FileError) as refused:
        extracted(multipart("mixed", *[b"\r\nx"] * 10_000), "mail.eml")
    assert refused.value.message == "The file has more than 2000 files inside it."


def nested(depth: int, kind: str = "multipart/mixed") -> bytes:
    lines = [b"Subject: x\r\n"]
    for level in range(depth):
        lines.append(f'Content-Type: {kind}; boundary="b{level}"\r\n\r\n--b{level}\r\n'.encode())
    return b"".join([*lines, b"\r\nText"])


def test_parts_inside_parts_are_read_or_refused(extracted: Read) -> None:
    assert texts(extracted(nested(50), "mail.eml")) == ["Text"]
    for kind in ("multipart/mixed", "multipart/alternative", "multipart/related"):
        assert outcome(extracted, nested(300, kind)) == "file.too_much"
    assert outcome(extracted, nested(1_900)) == "file.too_much"
    assert outcome(extracted, b"Content-Type: message/rfc822\r\n\r\n" * 1_500) == "file.too_much"


HOSTILE = {
    "no head": b"Text only",
    "no body": b"Subject: x\r\n",
    "blank lines first": b"\r\n\r\nSubject: x\r\n\r\nText",
    "from line": b"From ada Mon May  6 10:00:00 2024\r\nSubject: x\r\n\r\nText",
    "unknown charset": b"Subject: x\r\nContent-Type: text/plain; charset=no-such\r\n\r\nText \xf6",
    "codec that is none": b"Subject: x\r\nContent-Type: text/plain; charset=base64\r\n\r\nText",
    "bad base64": b"Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\nVGV4dA=x==!",
    "no boundary": b"Subject: x\r\nContent-Type: multipart/mixed\r\n\r\nText",
    "lost end": b'Subject: x\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nText',
    "bad date": b"Subject: x\r\nDate: 99 Foo 99999 99:99:99 +9999999\r\n\r\nText",
    "encoded words": b"Subject: " + b"=?a?q?" * 200_000 + b"\r\n\r\nText",
    "comments": b"From: " + b"(" * 200_000 + b"\r\n\r\nText",
    "quotes": b"Content-Type: text/plain; " + b';"' * 200_000 + b"\r\n\r\nText",
    "names": b"Content-Disposition: inline; "
    + b"".join(b"filename*%d=a;" % n for n in range(20_000))
    + b"\r\n\r\nText",
    "addresses": b"To: " + b"a@example.org, " * 100_000 + b"\r\n\r\nText",
    "heads": b"X-A: 1\r\n" * 200_000 + b"\r\nText",
    "boundary": b'Content-Type: multipart/mixed; boundary="' + b"(.*)*" * 20 + b'"\r\n\r\n' + b"--" * 100_000,
    "flowed": b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"x \r\n" * 300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_damaged_and_hostile_mails_are_read(extracted: Read, name: str) -> None:
    assert outcome(extracted, HOSTILE[name]) in ("read", "empty")


PAGE = """<html><head><title>Pumps</title></head><body><nav>Menu</nav><main><p>Text</p><img src="img/a.png" alt="A">
<img src="cid:b@mhtml" alt="B"><img src="https://example.org/lost.png" alt="C"></main></body></html>"""


def test_a_page_saved_as_mhtml_is_a_page_with_its_pictures(extracted: Read) -> None:
    data = multipart(
        'related; type="text/html"',
        b"Content-Type: text/html; charset=utf-8\r\nContent-Location: https://example.org/pumps/\r\n\r\n"
        + PAGE.encode(),
        b"Content-Type: image/png\r\nContent-Location: https://example.org/pumps/img/a.png\r\n\r\n"
        + picture("red"),
        b"Content-Type: image/png\r\nContent-ID: <b@mhtml>\r\n\r\n" + picture("blue"),
        b"Content-Type: text/css\r\nContent-Location: https://example.org/x.css\r\n\r\np {}",
        head=b"From: <Saved by Blink>\r\nSubject: Pumps\r\nDate: Mon, 06 May 2024 10:00:00 +0200\r\n",
    )
    found = extracted(data, "page.mhtml")
    assert (found.title, found.authors, found.attached) == ("Pumps", (), ())
    assert found.metadata == {"address": "https://example.org/pumps/", "saved": "2024-05-06T10:00:00+02:00"}
    assert texts(found) == ["Text", "C"]
    assert [figure.caption for figure in found.figures] == ["A", "B"]
