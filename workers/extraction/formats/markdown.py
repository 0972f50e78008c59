"""Markdown: CommonMark with tables, by way of HTML, which is not shown but taken apart like a page's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markdown_it.rules_inline import html_inline, image, link

from workers.extraction.draft import Draft
from workers.extraction.encodings import text_of
from workers.extraction.formats.html_blocks import read_html
from workers.extraction.formats.html_facts import PageFacts
from workers.extraction.formats.html_pictures import Pictures
from workers.extraction.formats.html_walk import Mode
from workers.extraction.formats.text import paragraphs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from markdown_it.rules_inline import StateInline

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted

_CLOSED_BY = {"<![CDATA[": "]]>", "<!--": "-->", "<?": "?>", "<!": ">"}
"""What ends the pieces of HTML for which the parser looks through all of the text that follows."""
LINKS_MAX = 2_000
"""In one paragraph: a bracket that nothing closes is looked through to the paragraph's end. With more, all is text."""
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


def _html_inside(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  the parser calls it so
    """Take HTML within a line, unless nothing further on ends it: each beginning would be looked for to the end."""
    start = next((mark for mark in _CLOSED_BY if state.src.startswith(mark, state.pos)), None)
    if start is not None and state.pos > _last(state, _CLOSED_BY[start]):
        return False
    return html_inline(state, silent)


def _link_inside(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  the parser calls it so
    return _count(state, "[") <= LINKS_MAX and link(state, silent)


def _picture_inside(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  the parser calls it so
    return _count(state, "[") <= LINKS_MAX and image(state, silent)


def _last(state: StateInline, mark: str) -> int:
    """Return where a mark stands last in the paragraph."""
    return _known(state, f"last {mark}", lambda text: text.rfind(mark))


def _count(state: StateInline, mark: str) -> int:
    """Return how often a mark stands in the paragraph."""
    return _known(state, f"count {mark}", lambda text: text.count(mark))


def _known(state: StateInline, name: str, ask: Callable[[str], int]) -> int:
    """Return what is known of the paragraph, which is asked for once."""
    text, known = state.env.get("known", ("", {}))
    if text is not state.src:
        text, known = state.env["known"] = (state.src, {})
    if name not in known:
        known[name] = ask(text)
    return int(known[name])


_PARSER = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(["table", "strikethrough"])
_PARSER.inline.ruler.at("html_inline", _html_inside)
_PARSER.inline.ruler.at("link", _link_inside)
_PARSER.inline.ruler.at("image", _picture_inside)


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
