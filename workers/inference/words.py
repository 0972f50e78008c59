"""What a model that reads whole words cannot read of a text. Light enough for the web process."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_WORD = re.compile(r"\w+")
# Without the others beside them they say nothing of what is looked for.
_FUNCTION_WORDS = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "have", "i", "in", "is", "it", "its",
     "my", "of", "on", "or", "some", "that", "the", "this", "to", "was", "were", "with")
)  # fmt: skip


@dataclass(frozen=True)
class UnknownWords:
    """The words of a text that a model does not know, as they are written, each once.

    `nothing_known`: it knows no other words of the text either, but for articles, prepositions and the like, which
    say nothing of what is looked for, and no more do signs that are no words.
    """

    words: tuple[str, ...] = ()
    nothing_known: bool = False


def holds_words(text: str) -> bool:
    """Return whether a text is more than punctuation: it has a letter, a digit, or a sign such as an emoji."""
    return any(character.isalnum() or _is_sign(character) for character in text)


def unknown_among(tokens: Sequence[str], knows: Callable[[str], bool], text: str) -> UnknownWords:
    """Return what is unknown of the lower-case tokens of a text; punctuation marks do not count."""
    words = [token for token in tokens if _is_word(token)]
    unknown = [word for word in words if not knows(word)]
    return UnknownWords(as_written(unknown, text), set(words) <= _FUNCTION_WORDS.union(unknown))


def only_function_words(text: str) -> bool:
    """Return whether a text holds words, and these are articles, prepositions and the like."""
    words = _WORD.findall(text.lower())
    return bool(words) and _FUNCTION_WORDS.issuperset(words)


def unknown_at(places: Iterable[tuple[int, int]], text: str) -> UnknownWords:
    """Return what is unknown of a text, given from where to where it is; punctuation marks do not count."""
    found, rest, end = [], "", 0
    for start, stop in places:
        found.append(text[start:stop])
        rest, end = f"{rest}{text[end:start]} ", stop
    if not found:
        return UnknownWords(nothing_known=only_function_words(text))
    rest += text[end:]
    words = tuple(dict.fromkeys(word for word in found if _is_word(word)))
    return UnknownWords(words, not _WORD.search(rest) or only_function_words(rest))


def as_written(words: Iterable[str], text: str) -> tuple[str, ...]:
    """Return the words as the text writes them, each once; what does not occur in the text is left out."""
    found = (_written(word, text) for word in dict.fromkeys(words))
    return tuple(word for word in found if word)


def _written(word: str, text: str) -> str:
    match = re.search(re.escape(word), text, re.IGNORECASE)
    if match:
        return match[0]
    return word if word in text.lower() else ""  # İ has two characters in lower case


def _is_sign(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character).startswith("S")


def _is_word(token: str) -> bool:
    """Return whether a token is more than a punctuation mark or the clipped end of a word, such as “'s”."""
    is_clipped = token.startswith("'") or token.endswith("n't")
    return not is_clipped and any(character.isalnum() for character in token)
