"""No text of a page is left out of the catalogues, and no catalogue lacks a translation."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from retrieval_site.languages import catalogue
from retrieval_site.languages.scripts import SENTENCES
from retrieval_site.languages.sentences import STAGES
from tests.support.template_texts import texts_unmarked

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = [path for path in sorted((ROOT / "templates").rglob("*.*")) if path.name != "suggest.html"]
SCRIPTS = [path for path in (ROOT / "static").rglob("*.js") if "vendor" not in path.parts]
SAME_EVERYWHERE = {
    "Sightline",
    "API",
    "MB",
    "ms",
    "CSV",
    "JSON",
    "SHA-256",
    "recall@10",
    "template.csv",
    "template.jsonl",
}
"""Names, units and file names."""

PERCENT = re.compile(r"%\(\w+\)s")
SAID_ON_PAGES = (
    "search/views",
    "search/admin",
    "retrieval_site/accounts",
    "models_admin/admin.py",
    "workers/admin.py",
)
SENTENCE = re.compile(r"[A-Z“].* .*[a-z”0-9)][.?!…]")


def unmarked(page: Path) -> list[str]:
    found = (text.strip(" ·|\n") for text in texts_unmarked(page.read_text()))
    return [text for text in found if text not in SAME_EVERYWHERE]


def test_all_that_a_template_shows_is_marked() -> None:
    assert len(TEMPLATES) > 150
    assert {str(page.relative_to(ROOT)): texts for page in TEMPLATES if (texts := unmarked(page))} == {}


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Hello there</p>", ["Hello there"]),
        ('<p>{% translate "Hello" %} and {{ name }}</p>', ["and"]),
        ('<img alt="A pump" src="a.jpg">', ["A pump"]),
        (
            '<a{% if x %} title="Open it"{% endif %} href="/">{{ y|default:"Not known" }}</a>',
            ["Open it", "Not known"],
        ),
        ('<input type="submit" value="Send">', ["Send"]),
        ('{% include "a.html" with name="Jobs at work" only %}', ["Jobs at work"]),
        (
            '{% blocktranslate trimmed %}Hello{% endblocktranslate %}{# no #} {{ n }} · <b title="{{ x }}">3</b>',
            [],
        ),
    ],
)
def test_a_text_that_is_not_marked_is_found(template: str, found: list[str]) -> None:
    assert texts_unmarked(template) == found


def placeholders(text: str) -> set[str]:
    if PERCENT.search(text):
        return set(PERCENT.findall(text))
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name}
    except ValueError:  # braces that are no placeholders, as of JSON
        return set()


def test_every_text_that_a_template_marks_is_in_the_catalogue() -> None:
    """By another way than the catalogue's own: what it lost would be translated nowhere, and nobody would know."""
    known = {
        form for _, text, _ in catalogue.found() for form in (text if isinstance(text, tuple) else (text,))
    }
    missing = {}
    for page in TEMPLATES:
        template = re.sub(r"{%\s*comment.*?endcomment\s*%}", "", page.read_text(), flags=re.DOTALL)
        texts = [
            text.replace("%", "%%") for _, text in re.findall(r"""{% translate (["'])(.*?)\1""", template)
        ]
        for block in re.findall(
            r"{% blocktranslate trimmed.*?%}(.*?){% endblocktranslate %}", template, re.DOTALL
        ):
            for form in block.replace("%}", "}").replace("{% plural }", "\0").split("\0"):
                one_line = re.sub(r"\s*\n\s*", " ", form.strip()).replace("%", "%%")
                texts.append(re.sub(r"{{ (\w+) }}", r"%(\1)s", one_line))
        if lost := [text for text in texts if text not in known]:
            missing[page.name] = lost
    assert missing == {}


@pytest.mark.parametrize("language", catalogue.languages())
def test_every_text_is_translated(language: str) -> None:
    wrong = {}
    for message in catalogue.wanted(language):
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        texts = message.id if isinstance(message.id, tuple) else (message.id,)
        same = all(placeholders(form) == placeholders(texts[-1]) for form in forms)
        if message.id and not (all(forms) and same and "fuzzy" not in message.flags):
            wrong[texts[0]] = forms
    assert wrong == {}


@pytest.mark.parametrize("language", catalogue.languages())
def test_the_files_are_as_makemessages_writes_them(language: str) -> None:
    """`.mo` files are committed, so that a site needs neither gettext's tools nor Babel."""
    file, wanted = catalogue.po_file(language), catalogue.wanted(language)
    assert file.read_bytes() == catalogue.as_po(wanted)
    assert file.with_suffix(".mo").read_bytes() == catalogue.as_mo(wanted)


def test_pages_bring_what_scripts_say() -> None:
    said = {text for path in SCRIPTS for text in re.findall(r'translated\(\s*"([^"]+)"', path.read_text())}
    assert said == set(SENTENCES)


def test_the_stages_of_jobs_can_be_translated() -> None:
    known = [re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(stage))) for stage in STAGES]
    written = {
        stage_of(constant)
        for package in ("search", "models_admin")
        for path in (ROOT / package).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "stage"
        and call.args
        for named in [call.args[0]]
        for constant in ([named.body, named.orelse] if isinstance(named, ast.IfExp) else [named])
        if isinstance(constant, ast.Constant | ast.JoinedStr)
    }
    assert "index Xs of X" in written
    assert {stage for stage in written if not any(one.fullmatch(stage) for one in known)} == set()


def stage_of(written: ast.Constant | ast.JoinedStr) -> str:
    """Return a stage as code writes it, with an X for each fact."""
    if isinstance(written, ast.Constant):
        return str(written.value)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in written.values)


def sentences_unmarked(tree: ast.Module) -> list[str]:
    """Return sentences in code that are neither marked nor of the table of errors, nor a docstring."""
    marked: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            marked.add(node.value)
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if "gettext" in name or name in ("warning", "info", "exception", "ImproperlyConfigured"):
                marked.update(ast.walk(node))
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in marked)
    return [one.value for one in texts if isinstance(one.value, str) and SENTENCE.fullmatch(one.value)]


def test_sentences_of_pages_in_code_are_marked() -> None:
    files = [
        file
        for place in SAID_ON_PAGES
        for file in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    found = {
        file.name: some
        for file in files
        if "migrations" not in file.parts and (some := sentences_unmarked(ast.parse(file.read_text())))
    }
    assert found == {"importing.py": ["The seal leaks."]}  # what a document may say
