"""Links between the documentation pages lead somewhere: to a file that there is, and to a heading that it has."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
WORDS_OF_CODE = re.compile(r"`[^`\n]*`")


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub names them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", BLOCK.sub("", page.read_text()), re.MULTILINE):
        bare = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", bare.lower()).replace(" ", "-")
        same = sum(re.fullmatch(rf"{re.escape(name)}(-\d+)?", one) is not None for one in found)
        found.add(f"{name}-{same}" if same else name)
    return frozenset(found)


def leads_nowhere(page: Path, link: str) -> bool:
    """Return whether a link within the repository is dead."""
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    return not target.exists() or (target.suffix == ".md" and bool(anchor) and anchor not in anchors(target))


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_its_heading(page: Path) -> None:
    text = WORDS_OF_CODE.sub("", BLOCK.sub("", page.read_text()))
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", link)]
    assert [link for link in links if leads_nowhere(page, link)] == []


def test_a_dead_link_is_seen() -> None:
    page = ROOT / "docs" / "operator.md"
    assert not leads_nowhere(page, "#one-command")
    assert [leads_nowhere(page, link) for link in ("#no-such", "no_such.md", "api.md#no-such")] == [True] * 3


def test_the_readme_names_every_page() -> None:
    text = (ROOT / "README.md").read_text()
    assert [page.name for page in PAGES[1:] if f"docs/{page.name}" not in text] == []
