"""Modes: which retrievers a search asks, by what it asks with and what was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from retrieval_site.errors import AppError
from search.retrieval.dense import Dense
from search.retrieval.identifiers import Identifiers
from search.retrieval.lexical import Lexical
from search.retrieval.types import TextPart

if TYPE_CHECKING:
    from search.retrieval.retrieve import Retriever
    from search.retrieval.types import Mode, Part
    from search.words.terms import AskedWords

Ways = Literal["dense", "lexical", "hybrid"]


def mode_for(mode: Mode, parts: tuple[Part, ...]) -> Ways:
    """Return how to search with these parts: `auto` is hybrid where all are words that lead there, else dense.

    Only vectors lead away from anything. Raises AppError `parameter.invalid` for words' modes without words, and for
    words alone beside anything else, which they would leave out.
    """
    if mode == "auto":
        return "hybrid" if parts and all(map(is_wanted_text, parts)) else "dense"
    if mode != "dense" and parts and not text_of(parts):
        raise AppError.of_parameter("mode", f"The mode “{mode}” needs words to search with.")
    if mode == "lexical" and not all(map(is_wanted_text, parts)):
        raise AppError.of_parameter(
            "mode", "The mode “lexical” compares words alone, and those with a weight above 0."
        )
    return mode


def is_wanted_text(part: Part) -> bool:
    """Return whether these are words that a search asks for."""
    return isinstance(part, TextPart) and part.weight > 0


def text_of(parts: tuple[Part, ...]) -> str:
    """Return the words that a search asks for, "" for none; words with a negative weight lead away from it."""
    return " ".join(part.text for part in parts if isinstance(part, TextPart) and part.weight > 0)


def retrievers_for(mode: Ways, text: str, asked: AskedWords | None) -> tuple[Retriever, ...]:
    """Return the retrievers of a mode; `asked` are the words of `text` as the collections have them.

    Vectors come last: from then on a transaction is open while the query is encoded, which must hold no locks.
    """
    if mode == "dense" or asked is None:
        return (Dense(),)
    words = (Identifiers(text), Lexical(asked, alone=mode == "lexical"))
    return words if mode == "lexical" else (*words, Dense())
