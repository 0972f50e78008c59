"""Markdown: CommonMark with tables, by way of HTML, which is not shown but taken apart like a page's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from workers.extraction.draft import Draft
from workers.extraction.encodings import text_of
from workers.extraction.formats.html_blocks import read_html
from workers.extraction.formats.html_facts import PageFacts
from workers.extraction.formats.html_pictures import Pictures
from workers.extraction.formats.html_walk import Mode
from workers.extraction.formats.text import paragraphs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted

_PARSER = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(["table", "strikethrough"])
_FRONT = re.compile(r"\A---[^\S\n]*\n(.*?\n)(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z][\w-]{0,40})[^\S\n]*:[^\S\n]*(.*)")
_ITEM = re.compile(r"\s*-\s+(.*)")
_NAMES = {"authors": "author", "lang": "content-language", "language": "content-language", "tags": "keywords",
          "categories": "keywords"}  # fmt: skip


def read(file: Path, out: Output) -> Extracted:
    """Return what the text holds; fields before it, between lines `---`, are its title, author, date and keywords."""
    text = text_of(file, out)
    front = _FRONT.match(text)
    facts = PageFacts()
    for name, value in _fields(front[1] if front else ""):
        facts.add(_NAMES.get(name.lower(), name), value)
        if name.lower() == "title":
            facts.title = value
    draft = Draft(out)
    body = text[front.end() if front else 0 :]
    read_html(_PARSER.render(body), draft, Pictures(draft, beside=True), Mode.HIDDEN)
    if not draft.blocks:  # nested more deeply than the parser goes
        for paragraph in paragraphs(body):
            draft.text(paragraph)
    return draft.finished(facts.extracted())


def _fields(front: str) -> Iterator[tuple[str, str]]:
    """Yield the fields before a text: `name: value`, with lists as YAML writes them, and nothing else of YAML."""
    name = ""
    for line in front.split("\n"):
        field = _FIELD.fullmatch(line)
        item = _ITEM.fullmatch(line)
        if field:
            name = field[1]
            yield from ((name, _bare(value)) for value in _values(field[2].strip()))
        elif item and name:
            yield name, _bare(item[1])


def _values(text: str) -> list[str]:
    return text[1:-1].split(",") if text.startswith("[") and text.endswith("]") else [text]


def _bare(text: str) -> str:
    return text.strip().strip("\"'").strip()
