"""Books as EPUB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.document_files import ENTITIES, picture, zipped
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]

CONTAINER = """<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">
<dc:title>The Pump</dc:title>
<dc:creator opf:role="aut">Ada Lovelace</dc:creator><dc:creator opf:role="ill">Not she</dc:creator>
<dc:language>en-GB</dc:language><dc:date>2024-05-06</dc:date><dc:subject>Pumps</dc:subject><dc:publisher>Press</dc:publisher>
<dc:identifier id="id">urn:isbn:978-0-306-40615-7</dc:identifier><meta name="cover" content="front"/></metadata>
<manifest><item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="front" href="img/cover%201.png" media-type="image/png"/>
<item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="out" href="../../../../../etc/hostname" media-type="application/xhtml+xml"/>
<item id="file" href="file:///etc/hostname" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/><itemref idref="one"/>
<itemref idref="out"/><itemref idref="file"/></spine></package>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">
<body><nav epub:type="toc">
<ol><li><a href="text/one.xhtml">Beginning</a></li><li><a href="text/two.xhtml#a">How it turns</a></li></ol></nav>
</body></html>"""
ONE = """<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>
<h1>One</h1><p>First&#160;text.<a id="x"/></p><img src="../img/cover%201.png" alt="The cover"/>
<figure><img src="../img/wheel.png" alt=""/><figcaption>The wheel</figcaption></figure><img src="../../../etc/passwd"/>
<script>alert(1)</script></body></html>"""
TWO = '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>Second text.</p></body></html>'


def book(**changed: str | bytes | None) -> bytes:
    """A book of two chapters, with some of its files changed, or gone where they are None."""
    members: dict[str, bytes | str | None] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": PACKAGE,
        "OEBPS/nav.xhtml": NAV,
        "OEBPS/text/one.xhtml": ONE,
        "OEBPS/text/two.xhtml": TWO,
        "OEBPS/img/cover 1.png": picture("red"),
        "OEBPS/img/wheel.png": picture("blue"),
    }
    members.update({name.replace("__", "/").replace("_xml", ".xml"): data for name, data in changed.items()})
    return zipped({name: data for name, data in members.items() if data is not None})


def outcome(extracted: Read, data: bytes) -> str:
    try:
        return "read" if extracted(data, "book.epub").blocks else "empty"
    except FileError as error:
        return error.id


def test_a_books_chapters_come_in_the_order_of_reading_with_their_headings(extracted: Read) -> None:
    found = extracted(book(), "book.epub")
    assert [(block.kind, block.text) for block in found.blocks] == [
        ("heading", "One"),
        ("text", "First text."),
        ("text", "The wheel"),
        ("heading", "How it turns"),
        ("text", "Second text."),
    ]


def test_a_book_says_its_title_authors_language_date_subjects_and_isbn(extracted: Read) -> None:
    found = extracted(book(), "book.epub")
    assert (found.title, found.authors, found.language) == ("The Pump", ("Ada Lovelace",), "en-GB")
    assert (found.created, found.keywords) == ("2024-05-06", ("Pumps",))
    assert found.metadata == {"publisher": "Press", "isbn": "978-0-306-40615-7"}


def test_a_books_cover_and_figures_are_kept_once_each(extracted: Read) -> None:
    found = extracted(book(), "book.epub")
    assert [(figure.caption, figure.after) for figure in found.figures] == [("The Pump", 0), ("The wheel", 2)]
    assert all(figure.file and not figure.source for figure in found.figures)


def test_what_is_not_in_the_book_is_noted_and_never_looked_for_outside(extracted: Read) -> None:
    found = extracted(book(), "book.epub")
    assert found.notes == (
        "Left out: 2 × chapter that is not in the file.",
        "Left out: 1 × picture that is not in the file.",
    )


def test_chapters_of_old_books_are_called_as_in_their_table_of_contents(extracted: Read) -> None:
    ncx = """<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN"
        "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd"><ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint>
        <navLabel><text>Turning</text></navLabel><content src="text/two.xhtml"/></navPoint></navMap></ncx>"""
    package = PACKAGE.replace('href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"',
                              'href="toc.ncx" media-type="application/x-dtbncx+xml"')  # fmt: skip
    found = extracted(book(**{"OEBPS/book.opf": package, "OEBPS/toc.ncx": ncx}), "book.epub")
    assert [block.text for block in found.blocks if block.kind == "heading"] == ["One", "Turning"]


@pytest.mark.parametrize(
    ("algorithm", "is_refused"),
    [("http://www.w3.org/2001/04/xmlenc#aes256-cbc", True), ("http://www.idpf.org/2008/embedding", False)],
)
def test_a_book_with_encrypted_text_is_refused_and_one_with_scrambled_fonts_read(
    extracted: Read, algorithm: str, is_refused: bool
) -> None:
    encryption = f"""<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData
        xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="{algorithm}"/></EncryptedData>
        </encryption>"""
    data = book(**{"META-INF/encryption.xml": encryption})
    assert outcome(extracted, data) == ("file.encrypted" if is_refused else "read")


@pytest.mark.parametrize("name", ["META-INF/container.xml", "OEBPS/book.opf"])
def test_entities_in_a_books_own_xml_are_refused(extracted: Read, name: str) -> None:
    xml = {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": PACKAGE}[name].replace(
        '<?xml version="1.0"?>', ENTITIES
    )
    assert outcome(extracted, book(**{name: xml.replace("The Pump", "&file;&c;")})) == "file.damaged"


def test_entities_in_a_chapter_are_neither_expanded_nor_read(extracted: Read) -> None:
    chapter = ENTITIES.replace("x [", "html [") + TWO.replace("Second text.", "Second &c; &file; text.")
    found = extracted(book(**{"OEBPS/text/two.xhtml": chapter}), "book.epub")
    assert found.blocks[-1].text == "Second &c; &file; text."


@pytest.mark.parametrize(
    "name", ["OEBPS/book.opf", "META-INF/container.xml", "OEBPS/text/two.xhtml", "OEBPS/nav.xhtml"]
)
@pytest.mark.parametrize("data", [None, b"", b"\0\1", b"<a" * 100_000, b"<a>" * 100_000])
def test_a_book_with_a_part_that_is_lost_or_damaged_is_read_or_refused(
    extracted: Read, name: str, data: bytes | None
) -> None:
    assert outcome(extracted, book(**{name: data})) in ("read", "file.damaged", "file.too_much")


def test_a_book_that_unpacks_to_too_much_is_refused(extracted: Read) -> None:
    assert outcome(extracted, book(**{"OEBPS/text/two.xhtml": b"<p>" + b" " * (20 << 20)})) == "file.too_much"
