"""Values that programs write where nobody said anything: they are no title, no author and no subject."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.extraction.types import Extracted

_WORDS = frozenset({
    "anonymous", "anonym", "document title", "inconnu", "desconocido", "kein titel", "n/a", "nil", "no author",
    "no subject", "no title", "none", "not available", "not specified", "null", "ohne titel", "sans titre", "subject",
    "title", "unbekannt", "unbenannt", "undefined", "unknown", "unknown author", "unknown title", "unnamed",
    "unspecified", "untitled", "untitled document",
})  # fmt: skip
_NO_AUTHORS = frozenset({
    "admin", "administrator", "author", "default", "microsoft office user", "owner", "user", "windows user",
    "your name",
})  # fmt: skip
_NUMBERED = re.compile(r"(?i)(untitled|unbenannt|document|dokument)[\s_-]?\d*")
_AROUND = " \t\r\n.-–—_*?\"'()[]<>{}"


def is_placeholder(said: str) -> bool:
    """Tell a value that says nothing: “(none)”, “anonymous”, “Untitled 1”, or signs alone."""
    words = _words_of(said)
    return not words or words in _WORDS or _NUMBERED.fullmatch(words) is not None


def _words_of(said: str) -> str:
    return " ".join(said.split()).strip(_AROUND).casefold()


def _is_nobody(author: str) -> bool:
    return is_placeholder(author) or _words_of(author) in _NO_AUTHORS


def without_placeholders(found: Extracted) -> Extracted:
    """Return what a file says of itself without what a program wrote because nobody said anything."""
    return replace(
        found,
        title="" if is_placeholder(found.title) else found.title,
        authors=tuple(name for name in found.authors if not _is_nobody(name)),
        metadata={
            name: text
            for name, text in found.metadata.items()
            if name not in ("subject", "publisher") or not is_placeholder(text)
        },
    )
