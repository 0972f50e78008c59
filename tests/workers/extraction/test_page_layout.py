"""From lines with their places, as if they had been read, to blocks: which of them are headings."""

import pytest

from workers.extraction.page_layout import blocks_of_page
from workers.inference.ocr.lie import Lie
from workers.inference.ocr.types import LinesOfPage, TextRead

SIZE = (1240, 1754)
BODY = "In hall 18 the shaft is balanced by the supplier on the last Friday of the month"


def blocks(*lines):
    """Blocks of lines below each other, each a text and the height of its letters beside that of the body."""
    read, top = [], 0.05
    for text, scale in lines:
        height = 0.016 * scale
        read.append(TextRead(text, (0.1, top, min(0.009 * len(text) * scale, 0.8), height), "line", 0.99))
        top += height + 0.012
    return blocks_of_page(LinesOfPage(tuple(read), (), 0, Lie()), SIZE, 1)


def headings(*lines):
    return [(block.text, block.level) for block in blocks(*lines) if block.kind == "heading"]


def test_a_heading_above_a_single_line_is_one():
    assert headings(("2 Service of Amber", 1.36), (BODY, 1)) == [("2 Service of Amber", 1)]
    assert headings(("Service of Amber", 1.5), (BODY, 1)) == [("Service of Amber", 1)]


@pytest.mark.parametrize(
    ("text", "level"), [("4.2 Impeller", 2), ("4.2.1. Prüfung", 3), ("§ 3 Wartung", 1), ("12 Öle", 1)]
)
def test_the_level_of_a_numbered_heading_is_its_numbers(text, level):
    found = headings(("Manual of the pump", 2), (BODY, 1), (text, 1.25), (BODY, 1), (BODY, 1))
    assert found == [("Manual of the pump", 1), (text, level)]


@pytest.mark.parametrize(
    ("text", "scale"),
    [("Figure 4: The impeller", 1.6), ("Abb. 3 Laufrad", 1.5), ("3. Switch it off.", 1.25),
     ("Impeller", 1.25), ("12 mm and more", 1.05)],
)  # fmt: skip
def test_captions_steps_and_lines_of_the_usual_size_are_no_headings(text, scale):
    assert headings((text, scale), (BODY, 1), (BODY, 1)) == []
