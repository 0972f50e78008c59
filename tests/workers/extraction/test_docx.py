"""Word's docx, written by python-docx or as raw parts."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from tests.support.document_files import ENTITIES, picture, saved, unzipped, with_parts, zipped
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]


def texts(found: Extracted) -> list[str]:
    return [block.text for block in found.blocks]


def add_xml(document, xml: str) -> None:
    names = (
        f'{nsdecls("w", "wp", "a", "pic", "r")} xmlns:v="urn:schemas-microsoft-com:vml" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    )
    document.element.body.insert(len(document.element.body) - 1, parse_xml(xml.replace(">", f" {names}>", 1)))


def test_headings_text_lists_and_rows_come_in_the_order_of_the_document(extracted: Read) -> None:
    document = Document()
    document.add_heading("Impeller", 1)
    document.add_paragraph("Change it every year.")
    table = document.add_table(3, 2)
    for cell, text in zip(
        [cell for row in table.rows for cell in row.cells],
        ["Part", "Number", "Impeller", "KX-204/B", "Seal", "S-3"],
        strict=True,
    ):
        cell.text = text
    document.add_heading("Steps", 2)
    for style in ("List Number", "List Number", "List Bullet"):
        document.add_paragraph("Loosen a screw.", style=style)
    found = extracted(saved(document), "manual.docx")
    assert [(block.kind, block.level, block.text) for block in found.blocks] == [
        ("heading", 1, "Impeller"),
        ("text", 0, "Change it every year."),
        ("row", 0, "Part: Impeller | Number: KX-204/B"),
        ("row", 0, "Part: Seal | Number: S-3"),
        ("heading", 2, "Steps"),
        ("text", 0, "1. Loosen a screw."),
        ("text", 0, "2. Loosen a screw."),
        ("text", 0, "• Loosen a screw."),
    ]


def test_title_authors_date_language_and_keywords_are_the_core_properties(extracted: Read) -> None:
    document = Document()
    said = document.core_properties
    said.title, said.author, said.keywords, said.language = "Pump", "Ann Lee; Bo Ek", "pump, seal", "sv-SE"
    found = extracted(saved(document), "manual.docx")
    assert (found.title, found.authors, found.keywords) == ("Pump", ("Ann Lee", "Bo Ek"), ("pump", "seal"))
    assert (found.language, found.created) == ("sv-SE", "2013-12-23T23:15:00+00:00")


def test_a_file_that_names_no_title_has_the_paragraph_of_that_style(extracted: Read) -> None:
    document = Document()
    document.core_properties.title = "Microsoft Word - draft7.doc"
    document.add_heading("Service of pumps", 0)
    assert extracted(saved(document), "manual.docx").title == "Service of pumps"


@pytest.mark.parametrize("name", ["Überschrift 2", "Titre 2", "Заголовок 2", "标题 2", "Chapter"])
def test_headings_are_known_in_other_languages_and_by_their_level_in_the_outline(
    extracted: Read, name: str
) -> None:
    document = Document()
    style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    if name == "Chapter":
        style.base_style = document.styles["Heading 2"]
    document.add_paragraph("Dichtung", style=style)
    assert [(b.kind, b.level) for b in extracted(saved(document), "a.docx").blocks] == [("heading", 2)]


def test_a_pictures_caption_is_the_paragraph_beside_it_else_its_alternative_text(extracted: Read) -> None:
    document = Document()
    document.add_paragraph("The impeller wears out.")
    document.add_picture(io.BytesIO(picture("red")))
    document.add_paragraph("Figure 1: a worn impeller", style="Caption")
    document.add_picture(io.BytesIO(picture("green")))
    document.inline_shapes[1]._inline.docPr.set("descr", "A seal, seen from above")
    document.add_picture(io.BytesIO(picture("blue")))
    document.inline_shapes[2]._inline.docPr.set("descr", "IMG_0815.jpg")
    document.add_picture(io.BytesIO(picture("black", side=20)))
    document.add_picture(io.BytesIO(picture("red")))
    found = extracted(saved(document), "manual.docx")
    assert [(one.caption, one.after) for one in found.figures] == [
        ("Figure 1: a worn impeller", 1),
        ("A seal, seen from above", 2),
        ("", 2),
    ]
    assert found.figures[0].near == "The impeller wears out."


def test_a_caption_may_stand_above_its_picture(extracted: Read) -> None:
    document = Document()
    document.add_paragraph("Figure 1: a worn impeller", style="Caption")
    document.add_picture(io.BytesIO(picture()))
    assert [one.caption for one in extracted(saved(document), "a.docx").figures] == [
        "Figure 1: a worn impeller"
    ]


def test_a_picture_in_a_table_stands_behind_it_and_is_kept(extracted: Read) -> None:
    document = Document()
    table = document.add_table(1, 2)
    table.cell(0, 0).text = "Seal"
    table.cell(0, 1).paragraphs[0].add_run().add_picture(io.BytesIO(picture()))
    found = extracted(saved(document), "a.docx")
    assert texts(found) == ["Seal"]
    assert [(one.after, one.near) for one in found.figures] == [(1, "Seal")]


def test_merged_cells_are_not_repeated_and_name_all_their_columns(extracted: Read) -> None:
    document = Document()
    table = document.add_table(3, 3)
    table.cell(0, 0).text, table.cell(0, 1).text = "Part", "Torque"
    table.cell(0, 1).merge(table.cell(0, 2))
    table.rows[0]._tr.get_or_add_trPr().append(parse_xml(f"<w:tblHeader {nsdecls('w')}/>"))
    for row, texts_ in enumerate([["Seal", "1", "2"], ["", "3", "4"]], 1):
        for column, text in enumerate(texts_):
            table.cell(row, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    assert texts(extracted(saved(document), "a.docx")) == [
        "Part: Seal | Torque: 1 | Torque: 2",
        "Torque: 3 | Torque: 4",
    ]


def test_a_frame_around_text_is_no_table_and_nested_tables_are_in_their_cell(extracted: Read) -> None:
    document = Document()
    document.add_table(1, 1).cell(0, 0).text = "Caution: hot."
    outer = document.add_table(1, 2)
    outer.cell(0, 0).text = "Outer"
    outer.cell(0, 1).add_table(1, 2).cell(0, 0).text = "inner"
    found = extracted(saved(document), "a.docx")
    assert [(block.kind, block.text) for block in found.blocks] == [
        ("text", "Caution: hot."),
        ("row", "Outer | inner"),
    ]


def test_text_boxes_are_read_once_and_deleted_and_hidden_text_not_at_all(extracted: Read) -> None:
    document = Document()
    box = "<w:txbxContent><w:p><w:r><w:t>In the box.</w:t></w:r></w:p></w:txbxContent>"
    add_xml(
        document,
        "<w:p><w:r><w:t>Kept, </w:t></w:r><w:del><w:r><w:delText>deleted, </w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>added.</w:t></w:r></w:ins><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
        f"<w:r><mc:AlternateContent><mc:Choice><w:drawing><a:x>{box}</a:x></w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>",
    )
    assert texts(extracted(saved(document), "a.docx")) == ["Kept, added.", "In the box."]


def test_the_text_of_content_controls_is_read_but_no_table_of_contents(extracted: Read) -> None:
    document = Document()
    content = "<w:sdtContent><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    add_xml(document, f"<w:sdt>{content.format('Serial number 7')}")
    gallery = '<w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>'
    add_xml(document, f"<w:sdt>{gallery}{content.format('Impeller 7')}")
    assert texts(extracted(saved(document), "a.docx")) == ["Serial number 7"]


def test_footnotes_follow_their_paragraph_and_headers_are_left_out(extracted: Read) -> None:
    document = Document()
    document.sections[0].header.paragraphs[0].text = "ACME"
    add_xml(document, '<w:p><w:r><w:t>Torque.</w:t><w:footnoteReference w:id="2"/></w:r></w:p>')
    document.add_paragraph("Next.")
    notes = (
        f'<w:footnotes {nsdecls("w")}><w:footnote w:id="2"><w:p><w:r><w:t>In Nm.</w:t>'
        '<w:footnoteReference w:id="2"/></w:r></w:p></w:footnote></w:footnotes>'
    )
    assert texts(extracted(with_relation(saved(document), "footnotes", notes), "a.docx")) == [
        "Torque.",
        "In Nm.",
        "Next.",
    ]


def with_relation(file: bytes, kind: str, part: str | None, target: str = "") -> bytes:
    """The same file whose document names one part more, or a place outside."""
    names = "word/_rels/document.xml.rels"
    mode = "" if part is not None else ' TargetMode="External"'
    one = (
        '<Relationship Id="rId900" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        f'{kind}" Target="{target or f"{kind}.xml"}"{mode}/></Relationships>'
    )
    members = unzipped(file)
    members[names] = members[names].replace(b"</Relationships>", one.encode())
    return zipped(members if part is None else {**members, f"word/{kind}.xml": part})


def test_the_strict_variant_is_read_alike(extracted: Read) -> None:
    document = Document()
    document.add_heading("Impeller", 1)
    strict = {
        name: data.replace(
            b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
            b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        )
        for name, data in unzipped(saved(document)).items()
    }
    assert [(b.kind, b.text) for b in extracted(zipped(strict), "a.docx").blocks] == [("heading", "Impeller")]


def test_a_drawing_that_is_no_raster_picture_is_said_to_be_left_out(extracted: Read) -> None:
    document = Document()
    document.add_picture(io.BytesIO(picture()))
    emf = b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(60)
    found = extracted(with_parts(saved(document), **{"word/media/image1.png": emf}), "a.docx")
    assert (found.figures, found.notes) == ((), ("A drawing in EMF is not shown.",))


def test_a_drawing_that_is_not_shown_keeps_its_alternative_text_and_is_named_by_its_caption(
    extracted: Read,
) -> None:
    document = Document()
    document.add_paragraph("Before.")
    document.add_picture(io.BytesIO(picture()))
    document.inline_shapes[0]._inline.docPr.set("descr", "Section through the pump")
    document.add_paragraph("Figure 1: The pump", style="Caption")
    emf = b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(60)
    found = extracted(with_parts(saved(document), **{"word/media/image1.png": emf}), "a.docx")
    assert [block.text for block in found.blocks] == [
        "Before.", "Section through the pump", "Figure 1: The pump",
    ]  # fmt: skip
    assert (found.figures, found.notes) == ((), ("A drawing in EMF is not shown: “Figure 1: The pump”.",))


def test_a_picture_outside_of_the_file_is_never_fetched(extracted: Read) -> None:
    document = Document()
    document.add_picture(io.BytesIO(picture()))
    blip = document.inline_shapes[0]._inline.graphic.graphicData.pic.blipFill.blip
    blip.embed = "rId900"
    found = extracted(with_relation(saved(document), "image", None, "file:///etc/hostname"), "a.docx")
    assert (found.figures, found.notes) == ((), ("Left out: 1 × picture that lies outside of the file.",))


@pytest.mark.parametrize("entity", ["&file;", "&c;"])
def test_entities_are_neither_read_from_files_nor_expanded(extracted: Read, entity: str) -> None:
    document = saved(Document())
    body = (
        unzipped(document)["word/document.xml"]
        .split(b"?>", 1)[1]
        .replace(b"<w:body>", b"<w:body><w:p><w:r><w:t>" + entity.encode() + b"</w:t></w:r></w:p>")
    )
    with pytest.raises(FileError) as refused:
        extracted(with_parts(document, word__document_xml=ENTITIES.encode() + body), "a.docx")
    assert refused.value.id == "file.damaged"
    assert refused.value.detail["reason"].startswith(
        ("a part declares a document type", "a part is no XML (Maximum entity amplification")
    )


@pytest.mark.parametrize("attack", ["bomb", "deep", "no main part", "cut off", "no XML"])
def test_a_hostile_or_damaged_file_is_refused_with_its_reason(extracted: Read, attack: str) -> None:
    members = unzipped(saved(Document()))
    start = members["word/document.xml"].split(b"<w:body>")[0]
    if attack == "bomb":
        members["word/media/image1.png"] = bytes(32 << 20)
    elif attack == "deep":
        table = b"<w:tbl><w:tr><w:tc>"
        members["word/document.xml"] = start + b"<w:body>" + table * 5000
    elif attack == "no main part":
        del members["word/document.xml"]
        members["word/x.xml"] = b"<x/>"
    elif attack == "no XML":
        members["word/document.xml"] = b"{}"
    file = zipped(members)
    with pytest.raises(FileError) as refused:
        extracted(file[: len(file) // 2] if attack == "cut off" else file, "a.docx")
    assert refused.value.id == ("file.too_much" if attack == "bomb" else "file.damaged")


def test_numbers_of_headings_and_lists_are_counted_as_word_shows_them(extracted: Read) -> None:
    document = Document()
    levels = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for level, start, form, text in (
            (0, 4, "decimal", "§ %1"), (1, 1, "decimal", "%1.%2"), (2, 3, "lowerLetter", "%3)"),
            (3, 9, "upperRoman", "%4."), (4, 7, "decimalZero", "%5"), (5, 1, "none", "%6–"),
            (6, 28, "upperLetter", "%7%9"),
        )
    )  # fmt: skip
    numbering = document.part.numbering_part.element
    numbering.insert(
        0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90">{levels}</w:abstractNum>')
    )
    for number, override in (
        (90, ""),
        (91, '<w:lvlOverride w:ilvl="1"><w:startOverride w:val="7"/></w:lvlOverride>'),
    ):
        one = f'<w:num {nsdecls("w")} w:numId="{number}"><w:abstractNumId w:val="90"/>{override}</w:num>'
        numbering.append(parse_xml(one))
    for number, level in (*((90, level) for level in (0, 1, 1, 2, 3, 4, 5, 6, 0, 1, 8)), (91, 1)):
        listed = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
        add_xml(document, f"<w:p><w:pPr>{listed}</w:pPr><w:r><w:t>x</w:t></w:r></w:p>")
    assert texts(extracted(saved(document), "a.docx")) == [
        f"{label} x".strip()
        for label in ("§ 4", "4.1", "4.2", "c)", "IX.", "07", "–", "BB", "§ 5", "5.1", "", "5.7")
    ]


def test_a_numbered_heading_keeps_its_number(extracted: Read) -> None:
    document = Document()
    style = document.styles["Heading 2"].element.get_or_add_pPr()
    style.append(parse_xml(f'<w:numPr {nsdecls("w")}><w:numId w:val="90"/></w:numPr>'))
    level = (
        '<w:lvl w:ilvl="1"><w:start w:val="2"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%2."/></w:lvl>'
    )
    numbering = document.part.numbering_part.element
    numbering.insert(
        0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90">{level}</w:abstractNum>')
    )
    numbering.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="90"><w:abstractNumId w:val="90"/></w:num>'))
    document.add_heading("Impeller", 2)
    assert texts(extracted(saved(document), "a.docx")) == ["2. Impeller"]


def test_older_drawings_are_figures_and_charts_and_diagrams_are_text(extracted: Read) -> None:
    document = Document()
    relation, _ = document.part.get_or_add_image(io.BytesIO(picture()))
    shape = f'<v:shape alt="A worn seal"><v:imagedata r:id="{relation}"/></v:shape>'
    add_xml(document, f"<w:p><w:r><w:pict>{shape}</w:pict></w:r></w:p>")
    chart_space = "http://schemas.openxmlformats.org/drawingml/2006/chart"
    diagram_space = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
    named = f'<c:chart xmlns:c="{chart_space}" r:id="rId900"/>'
    add_xml(document, f"<w:p><w:r><w:drawing><a:x>{named}</a:x></w:drawing></w:r></w:p>")
    points = "<c:{0}><c:cache><c:pt idx='0'><c:v>{1}</c:v></c:pt></c:cache></c:{0}>"
    chart = (
        f'<c:chartSpace xmlns:c="{chart_space}" {nsdecls("a")}><c:chart><c:title><a:p><a:r><a:t>Leaks</a:t></a:r></a:p>'
        f"</c:title><c:ser>{points.format('tx', 'Works')}{points.format('cat', '2024')}{points.format('val', '7')}"
        "</c:ser></c:chart></c:chartSpace>"
    )
    with_chart = extracted(with_relation(saved(document), "chart", chart), "a.docx")
    assert texts(with_chart) == ["Leaks", "2024 | Works: 7"]
    assert [one.caption for one in with_chart.figures] == ["A worn seal"]
    other = Document()
    named = f'<d:relIds xmlns:d="{diagram_space}" r:dm="rId900"/>'
    add_xml(other, f"<w:p><w:r><w:drawing><a:x>{named}</a:x></w:drawing></w:r></w:p>")
    words = "<a:p><a:r><a:t>Open</a:t></a:r></a:p>"
    diagram = f'<d:dataModel xmlns:d="{diagram_space}" {nsdecls("a")}>{words}</d:dataModel>'
    assert texts(extracted(with_relation(saved(other), "diagramData", diagram), "a.docx")) == ["Open"]


def test_the_language_is_that_of_most_of_the_text(extracted: Read) -> None:
    document = Document()
    add_xml(
        document,
        '<w:p><w:r><w:rPr><w:lang w:val="de-DE"/></w:rPr><w:t>Die Dichtung ist undicht.</w:t></w:r>'
        "<w:r><w:t>Seal.</w:t></w:r></w:p>",
    )
    assert extracted(saved(document), "a.docx").language == "de-DE"
