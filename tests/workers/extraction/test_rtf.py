"""RTF, as Word, LibreOffice and older programs write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.document_files import picture
from workers.extraction.extractor import ExtractionLimits
from workers.extraction.output import OutputLimits
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.extractor import Extractor
    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]

FONTS = r"{\fonttbl{\f0\fswiss Arial;}{\f1\fnil\fcharset204 Arial Cyr;}{\f2\fnil\fcharset128 Mincho;}}"
STYLES = (
    r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 Kapitel;}{\s2 heading 2;}{\s3 caption;}{\*\cs10 Font;}}"
)


def rtf(body: str) -> bytes:
    return f"{{\\rtf1\\ansi\\ansicpg1252\\deflang1031{FONTS}{STYLES}{body}}}".encode("latin-1")


def lines(found: Extracted) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, block.text) for block in found.blocks]


def test_headings_rows_and_footnotes_come_in_the_order_of_the_text(extracted: Read) -> None:
    body = (
        r"{\header ACME}\pard\s1 Laufrad\par\pard\s2 Ausbau\par\pard Seite {\footnote In Nm.}eins\line zwei\par "
        r"\trowd\trhdr\pard\intbl Part\cell Number\cell\row\trowd\pard\intbl Seal\par ring\cell S-3\cell\row"
        r"\pard after\par{\listtext 1.\tab}Item"
    )
    assert lines(extracted(rtf(body), "a.rtf")) == [
        ("heading", 1, "Laufrad"),
        ("heading", 2, "Ausbau"),
        ("text", 0, "Seite eins\nzwei"),
        ("text", 0, "In Nm."),
        ("row", 0, "Part: Seal ring | Number: S-3"),
        ("text", 0, "after"),
        ("text", 0, "1. Item"),
    ]


def test_what_the_file_says_of_itself_is_kept(extracted: Read) -> None:
    body = r"{\info{\title Die \'d6lpumpe}{\author Ann; Bo}{\keywords a, b}{\creatim\yr2026\mo3\dy1\hr14\min30}}x"
    found = extracted(rtf(body), "a.rtf")
    assert (found.title, found.authors, found.keywords) == ("Die Ölpumpe", ("Ann", "Bo"), ("a", "b"))
    assert (found.created, found.language) == ("2026-03-01T14:30:00", "de-DE")
    assert lines(found) == [("text", 0, "x")]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"{\f1 \'cf\'f0\'e8}\f0 \'fc", "Приü"),
        (r"{\f2 \'93\'fa\'96{\b\'7b}}", "日本"),
        (r"\u8364?\u-10179?\u-8704? \uc2\u252\'fc\'fcx", "€😀 üx"),
        (r"\{a\\b\}\~c\emdash d", "{a\\b} c—d"),
        (r"{\v hidden}{\deleted gone}shown", "shown"),
        (r"{\field{\*\fldinst DDE cmd '/c calc'}{\fldrslt stored}}", "stored"),
        (r"a{\*\unknown b}{\*\bkmkstart c}{\object{\*\objdata 00ff}{\result d}}", "ad"),
        ("\\ansicpg99999 a\\'e4", "aä"),
    ],
)
def test_a_text_is_what_a_word_processor_shows(extracted: Read, written: str, read: str) -> None:
    assert lines(extracted(rtf(written), "a.rtf")) == [("text", 0, read)]


def test_pictures_are_kept_once_with_their_caption_or_alternative_text(extracted: Read) -> None:
    red, blue = picture("red").hex(), picture("blue").hex("\n", 64)
    named = r"{\*\picprop{\sp{\sn wzDescription}{\sv A seal from above}}}"
    body = (
        rf"{{\*\shppict{{\pict\pngblip{{\*\blipuid 00ff}}{red}}}}}{{\nonshppict{{\pict\wmetafile8 0100}}}}\par "
        rf"\pard\s3 Bild 1: das Laufrad\par\pard {{\pict{named}\pngblip {blue}}}\par{{\pict\wmetafile8 010009000003}}"
    )
    found = extracted(rtf(body), "a.rtf")
    assert lines(found) == [("text", 0, "Bild 1: das Laufrad")]
    assert [(one.caption, one.after) for one in found.figures] == [
        ("Bild 1: das Laufrad", 0),
        ("A seal from above", 1),
    ]
    assert found.notes == ("A drawing in WMF is not shown.",)


def test_drawings_take_no_place_of_pictures_and_all_are_counted(
    extractor: Extractor, extracted: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extractor, "limits", ExtractionLimits(output=OutputLimits(figures=1)))
    drawn = "".join(rf"{{\pict\wmetafile8 010009000003{number}}}" for number in (10, 11, 12))
    found = extracted(rtf(rf"{drawn}{{\pict\pngblip {picture().hex()}}}\par"), "a.rtf")
    assert (len(found.figures), found.notes) == (1, ("3 drawings in WMF are not shown.",))


def test_a_picture_in_binary_is_read_by_its_length(extracted: Read) -> None:
    data = picture()
    head, tail = rtf(r"{\pict\pngblip|}after").split(b"|")
    found = extracted(b"%b\\bin%d %b%b" % (head, len(data), data, tail), "a.rtf")
    assert (len(found.figures), lines(found)) == (1, [("text", 0, "after")])


def test_a_file_that_ends_early_is_read_up_to_there(extracted: Read) -> None:
    found = extracted(rtf(r"{\b The pump}")[:-2], "a.rtf")
    assert (lines(found), found.notes) == ([("text", 0, "The pump")], ("The file ends early.",))


def test_groups_inside_of_groups_and_closing_braces_without_end_do_no_harm(extracted: Read) -> None:
    assert lines(extracted(rtf("{" * 100_000 + "deep"), "a.rtf")) == [("text", 0, "deep")]
    assert lines(extracted(rtf("}" * 100_000 + "behind"), "a.rtf")) == [("text", 0, "behind")]


def test_more_text_than_is_read_is_refused(
    extractor: Extractor, extracted: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extractor, "limits", ExtractionLimits(output=OutputLimits(characters=1_000)))
    with pytest.raises(FileError) as refused:
        extracted(rtf(r"a line\par " * 200), "a.rtf")
    assert refused.value.id == "file.too_much"


def test_a_footnote_where_none_can_be_does_no_harm(extracted: Read) -> None:
    found = extracted(rtf(r"{\fonttbl{\footnote x}}{\footnote\footnote note}text"), "a.rtf")
    assert {text for _, _, text in lines(found)} == {"text", "note"}
