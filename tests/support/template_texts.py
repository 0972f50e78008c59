"""What a template shows that is not marked for translation."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_HIDDEN = re.compile(
    r"{%\s*comment\b.*?{%\s*endcomment\s*%}|{#.*?#}|<!--.*?-->"
    r"|{%\s*block bodyclass\s*%}.*?{%\s*endblock\s*%}"
    r"|<(script|style|pre|code)\b(?:{%.*?%}|{{.*?}}|[^>])*>.*?</\1>",
    re.DOTALL,
)
_MARKED = re.compile(r"{%\s*blocktranslate\b.*?{%\s*endblocktranslate\s*%}|{%\s*translate\b.*?%}", re.DOTALL)
_OTHER = re.compile(r"{%.*?%}|{{.*?}}")
_LITERAL = re.compile(
    r'(?:\b(?:default|default_if_none|yesno):|\b(?:label|name|alt|title)=)"([A-Z][^"]+|[^"]* [^"]*)"'
)
_WORD = re.compile(r"[^\W\d_]+")
_BREAK = "\0"
VISIBLE = {"alt", "aria-label", "aria-description", "aria-valuetext", "label", "placeholder", "title"}


def texts_unmarked(template: str) -> list[str]:
    """Return the texts, and parts of them, that people see of a template and no catalogue could translate."""
    template = _HIDDEN.sub("", template)
    rest = _MARKED.sub(_BREAK, template)
    literals = [text for tag in _OTHER.findall(rest) for text in _LITERAL.findall(tag)]
    reader = _Reader()
    reader.feed(_OTHER.sub(f" {_BREAK} ", rest))
    reader.close()
    parts = [part.strip() for text in reader.texts for part in text.split(_BREAK)]
    return [part for part in [*parts, *literals] if any(len(word) > 1 for word in _WORD.findall(part))]


class _Reader(HTMLParser):
    """Collects texts, and the attributes that are read out or shown."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        shown = VISIBLE | ({"value"} if tag == "input" and given.get("type") == "submit" else set())
        shown |= {"content"} if given.get("name") == "description" else set()
        self.texts += [value for name, value in attrs if value and name in shown]
