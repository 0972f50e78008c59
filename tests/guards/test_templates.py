"""Templates hand on what their parts need."""

from __future__ import annotations

import re
from pathlib import Path

from django.template.loader import get_template

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
INCLUDED = re.compile(r'{%\s*include\s+"([^"]+)"([^%]*)%}')


def test_a_part_with_a_form_gets_the_token_that_the_form_sends():
    """`only` keeps the page's token from a part, and a form without one is refused."""
    pages = {str(path.relative_to(TEMPLATES)): path.read_text() for path in TEMPLATES.rglob("*.html")}

    def sends(name: str, seen: frozenset[str] = frozenset()) -> bool:
        inside = {part for part, _ in INCLUDED.findall(pages.get(name, ""))} - seen
        return "{% csrf_token %}" in pages.get(name, "") or any(sends(one, seen | {name}) for one in inside)

    assert any(map(sends, pages))
    assert [
        (name, part)
        for name, text in pages.items()
        for part, given in INCLUDED.findall(text)
        if given.rstrip().endswith("only") and "csrf_token=" not in given and sends(part)
    ] == []


def test_every_template_compiles():
    names = [str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.*")]
    assert len(names) > 150
    for name in names:
        get_template(name)
