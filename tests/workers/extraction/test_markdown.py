"""Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.extraction.types import Extracted

    Read = Callable[[bytes, str], Extracted]

MANUAL = b"""---
title: "The manual"
authors:
  - Ada Lovelace
  - Grace Hopper
tags: [pump, 'valve']
date: 2024-05-06
language: en
---
# Pump

Text with *emphasis*, `code`
and [a link](https://example.org).

| Part     | Number | Price |
|----------|--------|-------|
| Impeller | KX-204 | 12    |

![The impeller](img/impeller.jpg)

1. Close
2. Open

> Quoted

<script>alert(1)</script>

    indented code
"""


def test_a_text_becomes_headings_paragraphs_rows_lists_and_figures(extracted: Read) -> None:
    found = extracted(MANUAL, "manual.md")
    assert [(block.kind, block.text) for block in found.blocks] == [
        ("heading", "Pump"),
        ("text", "Text with emphasis, code and a link."),
        ("row", "Part: Impeller | Number: KX-204 | Price: 12"),
        ("text", "1. Close"),
        ("text", "2. Open"),
        ("text", "Quoted"),
        ("text", "indented code"),
    ]
    [figure] = found.figures
    assert (figure.source, figure.caption, figure.after) == ("img/impeller.jpg", "The impeller", 3)


def test_the_fields_before_a_text_are_its_title_authors_date_and_keywords(extracted: Read) -> None:
    found = extracted(MANUAL, "manual.md")
    assert (found.title, found.authors) == ("The manual", ("Ada Lovelace", "Grace Hopper"))
    assert (found.created, found.language, found.keywords) == ("2024-05-06", "en", ("pump", "valve"))


def test_a_line_that_only_looks_like_fields_is_text(extracted: Read) -> None:
    found = extracted(b"Note: this\n\n---\n\nis text\n", "note.md")
    assert [block.text for block in found.blocks] == ["Note: this", "is text"]
    assert not found.title


HOSTILE = {
    "quotes": ">" * 50_000 + "x",
    "lists": "".join(f"{' ' * index}- x\n" for index in range(600)),
    "brackets": "[" * 5_000 + "x",
    "closed brackets": "[a](" * 20_000,
    "emphasis": "*a **a " * 5_000,
    "ticks": "".join("x" + "`" * index for index in range(1_000)),
    "html": "<a " * 20_000,
    "comments": "x <!-- " * 20_000,
    "unclosed": "".join(f"x {mark} " * 30_000 + "\n\n" for mark in ("<![CDATA[", "<!--", "<?", "<!A", "![")),
    "links that end late": "a [ " * 2_000 + "]",
    "tables": "|a" * 300 + "\n" + "|-" * 300 + "\n" + "|x\n" * 300,
    "front": "---\n" + "a:" * 100_000 + "\n" + "---" * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_read(extracted: Read, name: str) -> None:
    assert extracted(HOSTILE[name].encode(), "note.md").blocks
