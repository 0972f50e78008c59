"""Captions as HTML, with the words marked that they share with others."""

from collections.abc import Iterable
from html import escape

from workers.neural.tokens import words_of

# Words that nearly every caption has; that they are shared says nothing.
COMMON = frozenset(
    words_of(
        "a an the is are was were be of in on at to and or with by for from into onto over under near next his her its "
        "their he she it they that this there while as up down out one two some"
    )
)


def telling(text: str) -> frozenset[str]:
    """The words of a text that say something, in lower case."""
    return frozenset(w for w in (word.lower() for word in words_of(text)) if w.isalnum()) - COMMON


def marked(text: str, others: Iterable[str]) -> str:
    """The text as HTML; a word that one of `others` has as well stands in a <mark>."""
    known = frozenset[str]().union(*(telling(other) for other in others)) if others else frozenset()
    return " ".join(_word(word, known) for word in text.split())


def _word(word: str, known: frozenset[str]) -> str:
    shown = escape(word)
    return f"<mark>{shown}</mark>" if telling(word) & known else shown
