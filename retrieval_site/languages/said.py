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

_AMOUNT = re.compile(r"(?P<number>\d{1,3}(?:,\d{3})*(?:\.\d+)?|\d+(?:\.\d+)?)(?: (?P<unit>\w+))?")
_AS_WRITTEN = {"columns", "file", "files", "groups", "names", "sheets", "users", "version"}
"""Names that somebody gave, as is all that stands between “ and ”: never translated, though one be a word of ours."""


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
        pattern, facts = _pattern(template)
        if found := pattern.fullmatch(sentence):
            values = zip(facts.items(), found.groups(), strict=True)
            shown = {name: _fact(value) if is_word else value for (name, is_word), value in values}
            return "".join(_filled(gettext(template), shown))
    return gettext(sentence)


@cache
def _pattern(template: str) -> tuple[re.Pattern[str], dict[str, bool]]:
    """Return what a sentence of the template looks like, whatever its facts are, and which of these are translated."""
    parts: list[str] = []
    facts: dict[str, bool] = {}
    for text, name, _, _ in Formatter().parse(template):
        parts.append(re.escape(text))
        if name is None:
            continue
        place = (
            list(facts).index(name) if name in facts else len(facts)
        )  # a name may be that of no group: “all[0]”
        parts.append(f"(?P=fact{place})" if name in facts else f"(?P<fact{place}>.*?)")
        facts.setdefault(name, not text.endswith("“") and name not in _AS_WRITTEN)
    return re.compile("".join(parts), re.DOTALL), facts


def _filled(template: str, facts: dict[str, str]) -> list[str]:
    parts = Formatter().parse(template)
    return [text + (facts.get(name, "") if name else "") for text, name, _, _ in parts]


def _fact(fact: str) -> str:
    """Return a fact: its numbers as the reader's language writes them, and its word, where the catalogue has it."""
    amounts = [_AMOUNT.fullmatch(amount) for amount in fact.split(" and ")]
    known = [amount for amount in amounts if amount]
    if len(known) == len(amounts):
        return gettext(" and ").join(map(_amount, known))
    return gettext(fact) if fact else ""


def _amount(amount: re.Match[str]) -> str:
    number, unit = amount["number"], amount["unit"]
    digits = number.replace(",", "")
    places = len(digits.partition(".")[2]) or None
    shown = number_format(float(digits) if places else int(digits), places, force_grouping="," in number)
    return f"{shown} {gettext(unit)}" if unit else shown
