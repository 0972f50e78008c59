"""PowerPoint's pptx, written by python-pptx or as raw parts."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from tests.support.document_files import ENTITIES, picture, saved, unzipped, zipped
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]

PLACE = (Inches(1), Inches(1), Inches(4), Inches(2))
TITLE_AND_CONTENT, TITLE_ONLY, BLANK = 1, 5, 6


def slide_of(made, layout: int = BLANK, title: str = ""):
    slide = made.slides.add_slide(made.slide_layouts[layout])
    if title:
        slide.shapes.title.text = title
    return slide


def lines(found: Extracted) -> list[tuple[int, str, str]]:
    return [(block.page, block.kind, block.text) for block in found.blocks]


def test_a_slide_is_a_page_and_its_title_a_heading(extracted: Read) -> None:
    made = Presentation()
    made.core_properties.title = "Pumps"
    first = slide_of(made, TITLE_AND_CONTENT, "Impeller")
    first.placeholders[1].text = "Change it\nevery year"
    slide_of(made, TITLE_ONLY, "Seal")
    slide_of(made)
    found = extracted(saved(made), "a.pptx")
    assert found.title == "Pumps"
    assert lines(found) == [
        (1, "heading", "Impeller"),
        (1, "text", "Change it"),
        (1, "text", "every year"),
        (2, "heading", "Seal"),
    ]
    assert [(page.number, page.width, page.height, page.image, page.has_text) for page in found.pages] == [
        (1, 720.0, 540.0, "", True),
        (2, 720.0, 540.0, "", True),
        (3, 720.0, 540.0, "", False),
    ]


def test_tables_groups_and_the_speakers_notes_are_read(extracted: Read) -> None:
    made = Presentation()
    slide = slide_of(made)
    table = slide.shapes.add_table(2, 2, *PLACE).table
    for (row, column), text in {(0, 0): "Part", (0, 1): "Number", (1, 0): "Seal", (1, 1): "S-3"}.items():
        table.cell(row, column).text = text
    group = slide.shapes.add_group_shape().shapes.add_group_shape()
    group.shapes.add_textbox(*PLACE).text_frame.text = "In the group"
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    assert lines(extracted(saved(made), "a.pptx")) == [
        (1, "row", "Part: Seal | Number: S-3"),
        (1, "text", "In the group"),
        (1, "text", "Say it slowly."),
    ]


def test_a_picture_has_its_alternative_text_and_the_text_of_its_slide(extracted: Read) -> None:
    made = Presentation()
    slide_of(made, TITLE_ONLY, "Other")
    slide = slide_of(made, TITLE_ONLY, "Worn impeller")
    added = slide.shapes.add_picture(io.BytesIO(picture()), *PLACE)
    added._element.nvPicPr.cNvPr.set("descr", "Edges are broken")
    slide.shapes.add_group_shape().shapes.add_picture(io.BytesIO(picture("blue")), *PLACE)
    assert [
        (one.page, one.after, one.caption, one.near) for one in extracted(saved(made), "a.pptx").figures
    ] == [
        (2, 2, "Edges are broken", "Worn impeller"),
        (2, 2, "", "Worn impeller"),
    ]


def test_the_values_of_a_chart_are_rows(extracted: Read) -> None:
    made = Presentation()
    data = CategoryChartData()
    data.categories = ["2023", "2024"]
    data.add_series("Leaks", (7, 3))
    data.add_series("Repairs", (6, 2))
    slide_of(made).shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *PLACE, data)
    assert lines(extracted(saved(made), "a.pptx")) == [
        (1, "row", "2023 | Leaks: 7 | Repairs: 6"),
        (1, "row", "2024 | Leaks: 3 | Repairs: 2"),
    ]


def test_hidden_slides_are_read_and_named(extracted: Read) -> None:
    made = Presentation()
    slide_of(made, TITLE_ONLY, "Spare")._element.set("show", "0")
    found = extracted(saved(made), "a.pptx")
    assert (lines(found), found.notes) == ([(1, "heading", "Spare")], ("Slide 1 is hidden in the show.",))


@pytest.mark.parametrize("attack", ["&file;", "&c;", "deep"])
def test_a_hostile_slide_is_refused_with_its_reason(extracted: Read, attack: str) -> None:
    made = Presentation()
    slide_of(made, TITLE_ONLY, "Seal")
    members = unzipped(saved(made))
    slide = members["ppt/slides/slide1.xml"]
    if attack == "deep":
        slide = slide.replace(b"</p:spTree>", b"<p:grpSp>" * 3000)
    else:
        slide = ENTITIES.encode() + slide.split(b"?>", 1)[1].replace(b"Seal", attack.encode())
    with pytest.raises(FileError) as refused:
        extracted(zipped({**members, "ppt/slides/slide1.xml": slide}), "a.pptx")
    assert refused.value.id == "file.damaged"
