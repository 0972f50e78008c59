"""What rows keep in English, in the reader's language; and the languages that a page can be read in."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.utils.translation import get_language

from retrieval_site.languages.said import (
    in_readers_language,
    stage_in_readers_language,
    word_in_readers_language,
)
from retrieval_site.languages.scripts import script_words as words_of_scripts

register = template.Library()


@register.filter
def said(sentence: object, error_id: str = "") -> str:
    """Return a sentence of the error or warning with this id as the reader's language has it."""
    return in_readers_language(error_id or "", str(sentence or ""))


@register.filter
def stage(name: str) -> str:
    """Return the stage of a job as the reader's language has it."""
    return stage_in_readers_language(name)


@register.simple_tag
def footer() -> dict[str, object]:
    """Return the text and the links, as pairs of words and address, that the operator has at the foot of each page."""
    return {"text": settings.CONFIG.footer_text, "links": settings.CONFIG.footer_links}


@register.simple_tag
def other_languages() -> list[tuple[str, str]]:
    """Return the languages that this page could be in instead: code and own name."""
    return [(code, name) for code, name in settings.LANGUAGES if code != get_language()]


@register.filter
def word(kept: object) -> str:
    """Return a word that rows or code keep in English, such as a job's type."""
    return word_in_readers_language(str(kept or ""))


@register.simple_tag
def script_words() -> dict[str, str]:
    """Return what scripts say in the page's language; nothing in English, which they know."""
    return {} if get_language() == settings.LANGUAGE_CODE else words_of_scripts()
