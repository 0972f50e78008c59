"""The catalogues in `locale/`: what is to be translated is read from templates, code, models and the table of errors.

Only `manage.py makemessages` and the tests come here: Babel, which reads and writes the files, is no part of a site.
"""

from __future__ import annotations

import io
import re
from dataclasses import fields
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.apps import apps
from django.conf import settings
from django.utils.module_loading import module_has_submodule
from django.utils.translation.template import templatize

from retrieval_site.config import BASE_DIR
from retrieval_site.languages.names import names_known
from workers.error_table import ERRORS, TABLE
from workers.jobs.types import JobType

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCALE = BASE_DIR / "locale"
WIDTH = 110
_CODE = ("retrieval_site", "demo", "search", "models_admin", "workers")
_KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}

_UNDATED = datetime(2026, 1, 1, tzinfo=UTC)
"""In headers, so that the same translations make the same file."""

_COMMENTS = re.compile(r"{%\s*comment\b.*?{%\s*endcomment\s*%}|{#.*?#}", re.DOTALL)

Found = tuple[str, Any, str | None]
"""Where a text stands, the text, or its two forms, and its context."""


def languages() -> list[str]:
    """Return the codes of the languages that have a catalogue: all but the code's own."""
    return [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def po_file(language: str) -> Path:
    """Return where a language's translations are written."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def known(language: str) -> Catalog:
    """Return a language's translations as they are written now; an empty catalogue for a new language."""
    file = po_file(language)
    if not file.exists():
        return Catalog(locale=language)
    with file.open("rb") as opened:
        return read_po(opened, locale=language)


def wanted(language: str) -> Catalog:
    """Return a language's catalogue of exactly what is to be translated now, with what is translated already."""
    former, catalog = known(language), Catalog(locale=language, project="Sightline", fuzzy=False)
    for where, text, context in found():
        one = former.get(text[0] if isinstance(text, tuple) else text, context)
        kept = one.string if one and isinstance(one.id, tuple) == isinstance(text, tuple) else ""
        catalog.add(text, kept, locations=[(where, 0)], context=context)
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """Return a catalogue as a .po file: without dates and line numbers, so that only what differs changes it."""
    written = io.BytesIO()
    write_po(written, catalog, width=WIDTH, omit_header=False, include_lineno=False, sort_by_file=True)
    lines = written.getvalue().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not re.match(r'"(POT-Creation|PO-Revision)-Date', line)).encode()


def as_mo(catalog: Catalog) -> bytes:
    """Return a catalogue as the .mo file that Django reads."""
    written = io.BytesIO()
    lean = Catalog(locale=catalog.locale, creation_date=_UNDATED, revision_date=_UNDATED, fuzzy=False)
    for message in catalog:
        if message.id:
            lean.add(message.id, message.string, context=message.context)
    write_mo(written, lean)
    return written.getvalue()


def found() -> Iterator[Found]:
    """Yield every text that is to be translated."""
    yield from _in_templates()
    for package in _CODE:
        for file in sorted((BASE_DIR / package).rglob("*.py")):
            yield from _extracted(file, file.read_bytes())
    for kind in ERRORS.values():
        yield from ((_named(TABLE), sentence, None) for sentence in kind.sentences.values())
    yield from ((label, name, None) for name, label in names_known())
    yield from _of_jobs()


def _of_jobs() -> Iterator[Found]:
    """Yield the types of jobs and what they count, as the admin writes them."""
    for app in apps.get_app_configs():
        if not module_has_submodule(app.module, "job_types"):
            continue
        module = import_module(f"{app.name}.job_types")
        for kind in vars(module).values():
            if isinstance(kind, JobType):
                counted = [field.name for field in fields(kind.result)]
                names = {name.replace("_", " ") for name in (kind.name, *counted)}
                yield from ((f"{app.name}/job_types.py", name, None) for name in sorted(names))


def _in_templates() -> Iterator[Found]:
    for file in sorted((BASE_DIR / "templates").rglob("*.*")):
        code = templatize(_COMMENTS.sub("", file.read_text()), origin=str(file))
        # In one line, since what Django makes of a template is indented as no Python is; a comment would end it.
        yield from _extracted(file, re.sub(r"\s+", " ", code).encode())


def _extracted(file: Path, code: bytes) -> Iterator[Found]:
    for _, text, _, context in extract("python", io.BytesIO(code), keywords=_KEYWORDS):
        yield _named(file), text, context


def _named(file: Path) -> str:
    return str(file.relative_to(BASE_DIR))
