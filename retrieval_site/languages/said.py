"""Sentences of errors and warnings, which rows and processes keep in English, in the language of a page."""

from __future__ import annotations

import re
from functools import cache
from string import Formatter
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext

from retrieval_site.languages.sentences import REASONS, STAGES, WARNINGS
from workers.error_table import ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUMBER = re.compile(r"\d{1,3}(,\d{3})*(\.\d+)?|\d+(\.\d+)?")


def in_readers_language(error_id: str, sentence: str) -> str:
    """Return what was said of an error or warning in the reader's language; what no template has made, as it is."""
    kind = ERRORS.get(error_id)
    return _translated(
        sentence, [*(kind.sentences.values() if kind else ()), *WARNINGS.get(error_id, ()), *REASONS]
    )


def stage_in_readers_language(name: str) -> str:
    """Return the stage of a job in the reader's language."""
    return _translated(name, STAGES)


def word_in_readers_language(word: str) -> str:
    """Return a word that rows or code keep in English, such as a job's type, in the reader's language."""
    return gettext(word) if word else ""


def _translated(sentence: str, templates: Iterable[str]) -> str:
    if get_language() == settings.LANGUAGE_CODE or not sentence:
        return sentence
    for template in templates:
        if found := _pattern(template).fullmatch(sentence):
            facts = {name: _fact(fact) for name, fact in found.groupdict().items()}
            return "".join(_filled(gettext(template), facts))
    return gettext(sentence)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Return what a sentence of the template looks like, whatever its facts are."""
    parts, seen = [], set()
    for text, name, _, _ in Formatter().parse(template):
        parts.append(re.escape(text))
        if name is not None:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.*?)")
            seen.add(name)
    return re.compile("".join(parts), re.DOTALL)


def _filled(template: str, facts: dict[str, str]) -> list[str]:
    parts = Formatter().parse(template)
    return [text + (facts.get(name, "") if name else "") for text, name, _, _ in parts]


def _fact(fact: str) -> str:
    """Return a fact: its number as the reader's language writes it, and its word, where the catalogue has it."""
    number, _, unit = fact.partition(" ")
    if not _NUMBER.fullmatch(number):
        return gettext(fact) if fact else ""
    digits = number.replace(",", "")
    places = len(digits.partition(".")[2]) or None
    shown = number_format(float(digits) if places else int(digits), places, force_grouping="," in number)
    return f"{shown} {gettext(unit)}" if unit else shown
