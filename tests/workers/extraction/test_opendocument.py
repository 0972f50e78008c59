"""OpenDocument's odt, ods and odp, written by odfpy or as raw parts."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from odf import dc, draw, meta, presentation, style, svg, table, text
from odf.opendocument import OpenDocumentPresentation, OpenDocumentSpreadsheet, OpenDocumentText

from tests.support.document_files import ENTITIES, picture, unzipped, zipped
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]


def written(document) -> bytes:
    made = io.BytesIO()
    document.write(made)
    return made.getvalue()


def within(kind, *children, **attributes):
    """An element with its children; a text stands as it is, or in a paragraph where no text may be."""
    made = kind(**attributes)
    for child in children:
        if isinstance(child, str):
            made.addText(child)
        else:
            made.addElement(child)
    return made


def paragraph(words: str, **attributes):
    return within(text.P, words, **attributes)


def rows_of(*rows, **attributes):
    return within(
        table.Table,
        *(
            within(table.TableRow, *(within(table.TableCell, paragraph(cell)) for cell in row))
            for row in rows
        ),
        **attributes,
    )


def drawn(document, data: bytes, *said, **attributes):
    address = document.addPictureFromString(data, "image/png")
    return within(
        draw.Frame, within(draw.Image, href=address), *said, width="3cm", height="3cm", **attributes
    )


def lines(found: Extracted) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in found.blocks]


def test_a_text_is_read_in_its_order_with_headings_lists_notes_and_rows(extracted: Read) -> None:
    made = OpenDocumentText()
    for tag, words in ((dc.Title, "Pump"), (meta.InitialCreator, "Ann Lee"), (dc.Language, "de-DE")):
        made.meta.addElement(within(tag, words))
    for word in ("pump", "seal"):
        made.meta.addElement(within(meta.Keyword, word))
    listed = within(
        text.ListStyle, text.ListLevelStyleNumber(level="1", numformat="a", numsuffix=")"), name="Steps"
    )
    made.automaticstyles.addElement(listed)
    note = within(
        text.Note,
        within(text.NoteCitation, "1"),
        within(text.NoteBody, paragraph("In Nm.")),
        noteclass="footnote",
    )
    for element in (
        within(text.H, "Impeller", outlinelevel=2),
        within(
            text.P, "Torque", text.S(c=3), "12", note, " and", text.Tab(), "more", text.LineBreak(), "below."
        ),
        within(
            text.List, *(within(text.ListItem, paragraph(w)) for w in ("Open", "Close")), stylename="Steps"
        ),
        rows_of(("Part", "Number"), ("Seal", "S-3")),
        rows_of(("Caution: hot.",)),
    ):
        made.text.addElement(element)
    found = extracted(written(made), "a.odt")
    assert (found.title, found.authors, found.language, found.keywords) == (
        "Pump",
        ("Ann Lee",),
        "de-DE",
        ("pump", "seal"),
    )
    assert found.blocks[0].level == 2
    assert lines(found) == [
        ("heading", "Impeller"),
        ("text", "Torque 12 and more\nbelow."),
        ("text", "In Nm."),
        ("text", "a) Open"),
        ("text", "b) Close"),
        ("row", "Part: Seal | Number: S-3"),
        ("text", "Caution: hot."),
    ]


def test_a_picture_in_its_caption_and_one_with_an_alternative_text_are_figures(extracted: Read) -> None:
    made = OpenDocumentText()
    made.styles.addElement(style.Style(name="Illustration", family="paragraph"))
    made.automaticstyles.addElement(
        style.Style(name="P1", family="paragraph", parentstylename="Illustration")
    )
    inner = within(text.P, drawn(made, picture()), "Illustration 1: a worn impeller", stylename="P1")
    box = within(draw.Frame, within(draw.TextBox, inner), width="4cm")
    made.text.addElement(within(text.P, "See below.", box))
    made.text.addElement(within(text.P, drawn(made, picture("blue"), within(svg.Desc, "A seal from above"))))
    made.text.addElement(within(text.P, drawn(made, picture("green", side=20))))
    found = extracted(written(made), "a.odt")
    assert lines(found) == [("text", "See below."), ("text", "Illustration 1: a worn impeller")]
    assert [(one.caption, one.after) for one in found.figures] == [
        ("Illustration 1: a worn impeller", 1),
        ("A seal from above", 2),
    ]


def test_deleted_text_comments_and_directories_are_left_out(extracted: Read) -> None:
    members = unzipped(written(OpenDocumentText()))
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>deleted</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes><text:table-of-content><text:index-body><text:p>Impeller 7"
        "</text:p></text:index-body></text:table-of-content><text:section><text:p>Kept"
        "<office:annotation><text:p>comment</text:p></office:annotation></text:p></text:section>"
    )
    assert lines(extracted(with_body(members, "text", body), "a.odt")) == [("text", "Kept")]


def with_body(members: dict[str, bytes], kind: str, body: str, declared: str = "") -> bytes:
    names = "".join(
        f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in (("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"))
    )
    content = (
        f'{declared}<office:document-content{names} xmlns:xlink="http://www.w3.org/1999/xlink"><office:body>'
        f"<office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    return zipped({**members, "content.xml": content})


def test_each_sheet_is_a_heading_and_cells_are_as_they_are_shown(extracted: Read) -> None:
    made = OpenDocumentSpreadsheet()
    hidden = within(style.Style, style.TableProperties(display="false"), name="ta2", family="table")
    made.automaticstyles.addElement(hidden)
    sheet = rows_of(("Part", "Price"), ("Seal", "12,50 €"), name="Stock")
    sheet.addElement(
        within(table.TableRow, table.TableCell(numbercolumnsrepeated=16000), numberrowsrepeated=1000)
    )
    bare = table.TableCell(valuetype="float", value="7")
    shown = within(table.TableCell, paragraph("Bolt"), drawn(made, picture()))
    sheet.addElement(within(table.TableRow, shown, bare, numberrowsrepeated=1000000))
    made.spreadsheet.addElement(sheet)
    made.spreadsheet.addElement(rows_of(("secret", "x"), name="Lists", stylename=hidden))
    found = extracted(written(made), "a.ods")
    assert lines(found) == [
        ("heading", "Stock"),
        ("row", "Part: Seal | Price: 12,50 €"),
        ("row", "Part: Bolt | Price: 7"),
    ]
    assert found.notes == ("The hidden sheet “Lists” was left out.",)
    assert [one.near for one in found.figures] == ["Part: Bolt | Price: 7"]


def test_a_slide_is_a_page_with_title_table_notes_and_pictures(extracted: Read) -> None:
    made = OpenDocumentPresentation()
    made.automaticstyles.addElement(
        within(style.PageLayout, style.PageLayoutProperties(pagewidth="28cm", pageheight="21cm"), name="PM1")
    )
    made.masterstyles.addElement(style.MasterPage(name="Default", pagelayoutname="PM1"))
    slide = draw.Page(masterpagename="Default")
    box = within(draw.TextBox, paragraph("Change it."))
    for element in (
        within(draw.Frame, box),
        within(draw.Frame, within(draw.TextBox, paragraph("Impeller")), **{"class": "title"}),
        within(draw.Frame, within(draw.TextBox, paragraph("7")), **{"class": "page-number"}),
        within(draw.Frame, rows_of(("Part", "Number"), ("Seal", "S-3"))),
        within(draw.G, within(draw.CustomShape, paragraph("In the shape"))),
        drawn(made, picture(), within(svg.Title, "A worn impeller")),
        within(presentation.Notes, within(draw.Frame, within(draw.TextBox, paragraph("Say it slowly.")))),
    ):
        slide.addElement(element)
    made.presentation.addElement(slide)
    found = extracted(written(made), "a.odp")
    assert [(block.page, block.kind, block.text) for block in found.blocks] == [
        (1, "heading", "Impeller"),
        (1, "text", "Change it."),
        (1, "row", "Part: Seal | Number: S-3"),
        (1, "text", "In the shape"),
        (1, "text", "Say it slowly."),
    ]
    assert [(page.number, page.width, page.height) for page in found.pages] == [(1, 793.7, 595.3)]
    assert [(one.page, one.caption) for one in found.figures] == [(1, "A worn impeller")]


def test_an_encrypted_file_is_said_to_be_encrypted(extracted: Read) -> None:
    members = unzipped(written(OpenDocumentText()))
    members["META-INF/manifest.xml"] = (
        b'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><m:file-entry m:full-path='
        b'"content.xml"><m:encryption-data/></m:file-entry></m:manifest>'
    )
    with pytest.raises(FileError) as refused:
        extracted(zipped({**members, "content.xml": b"\x93\x01"}), "a.odt")
    assert refused.value.id == "file.encrypted"


def test_a_picture_outside_of_the_file_is_never_fetched(extracted: Read) -> None:
    members = unzipped(written(OpenDocumentText()))
    frames = "".join(
        f'<draw:frame><draw:image xlink:href="{address}"/></draw:frame>'
        for address in ("https://example.org/a.png", "/etc/passwd", "../../etc/passwd", "file:///etc/passwd")
    )
    found = extracted(with_body(members, "text", f"<text:p>{frames}</text:p>"), "a.odt")
    assert (found.figures, found.notes) == ((), ("Left out: 4 × picture that lies outside of the file.",))


@pytest.mark.parametrize("attack", ["&file;", "&c;", "deep", "objects"])
def test_a_hostile_text_is_refused_or_read_within_bounds(extracted: Read, attack: str) -> None:
    members = unzipped(written(OpenDocumentText()))
    if attack == "objects":
        loop = '<draw:frame><draw:object xlink:href="./O"/></draw:frame><table:table/>'
        inner = unzipped(with_body({}, "text", loop))["content.xml"]
        file = with_body({**members, "O/content.xml": inner}, "text", f"<text:p>{loop}</text:p>")
        assert extracted(file, "a.odt").blocks == ()
        return
    body = "<text:section>" * 3000 if attack == "deep" else f"<text:p>{attack}</text:p>"
    with pytest.raises(FileError) as refused:
        extracted(with_body(members, "text", body, "" if attack == "deep" else ENTITIES), "a.odt")
    assert refused.value.id == "file.damaged"


def test_a_cell_that_claims_to_be_repeated_a_million_times_is_kept_within_bounds(extracted: Read) -> None:
    members = unzipped(written(OpenDocumentSpreadsheet()))
    cell = '<table:table-cell table:number-columns-repeated="1000000"><text:p>x</text:p></table:table-cell>'
    sheet = f"<table:table table:name='A'><table:table-row>{cell}</table:table-row></table:table>"
    assert len(extracted(with_body(members, "spreadsheet", sheet), "a.ods").blocks[1].text) < 100_000


def test_a_chart_is_the_table_of_its_values(extracted: Read) -> None:
    members = unzipped(written(OpenDocumentText()))
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    rows = "".join(
        f"<table:table-row>{''.join(map(cell.format, row))}</table:table-row>"
        for row in (("Year", "Leaks"), ("2024", "7"))
    )
    inner = unzipped(with_body({}, "chart", f"<table:table>{rows}</table:table>"))["content.xml"]
    frame = '<text:p><draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></text:p>'
    file = with_body({**members, "Object 1/content.xml": inner}, "text", frame)
    assert lines(extracted(file, "a.odt")) == [("row", "Year: 2024 | Leaks: 7")]


def test_a_file_that_says_nothing_of_itself_has_title_and_language_by_its_styles(extracted: Read) -> None:
    made = OpenDocumentText()
    language = style.TextProperties(language="sv", country="SE")
    made.styles.addElement(within(style.DefaultStyle, language, family="paragraph"))
    made.styles.addElement(style.Style(name="Title", family="paragraph"))
    made.text.addElement(paragraph("Pumpar", stylename="Title"))
    members = unzipped(written(made))
    del members["meta.xml"]
    found = extracted(zipped(members), "a.odt")
    assert (found.title, found.language) == ("Pumpar", "sv-SE")


def test_hidden_slides_of_odp_are_read_and_named_and_lists_may_be_nested(extracted: Read) -> None:
    made = OpenDocumentPresentation()
    hidden = within(
        style.Style,
        style.DrawingPageProperties(visibility="hidden"),
        name="dp1",
        family="drawing-page",
    )
    made.automaticstyles.addElement(hidden)
    made.masterstyles.addElement(style.MasterPage(name="Default", pagelayoutname="PM1"))
    slide = draw.Page(masterpagename="Default", stylename="dp1")
    inner = within(text.List, within(text.ListItem, paragraph("Lever")))
    listed = within(text.List, within(text.ListItem, paragraph("Open"), inner))
    slide.addElement(within(draw.Frame, within(draw.TextBox, listed)))
    made.presentation.addElement(slide)
    found = extracted(written(made), "a.odp")
    assert lines(found) == [("text", "• Open"), ("text", "• Lever")]
    assert found.notes == ("Slide 1 is hidden in the show.",)


@pytest.mark.parametrize("missing", ["content.xml", "body"])
def test_a_file_without_its_content_is_said_to_be_damaged(extracted: Read, missing: str) -> None:
    members = unzipped(written(OpenDocumentText()))
    if missing == "body":
        file = with_body(members, "spreadsheet", "")
    else:
        file = zipped({name: data for name, data in members.items() if name != missing})
    with pytest.raises(FileError) as refused:
        extracted(file, "a.odt")
    assert refused.value.id == "file.damaged"
