from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from demo.texts import document_phrases as book
from demo.texts.phrases import Subject, choose, sentence, words_for

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORTEST, LONGEST = 2, 8  # sentences


@dataclass(frozen=True)
class Note:
    """A service note: prose, and beside it what a person would file it under."""

    title: str
    body: str
    tags: tuple[str, ...]


def _opening(length: int, rng: np.random.Generator) -> list[Sequence[str]]:
    """The books of the sentences that together name kind, colour and condition."""
    splits: list[list[Sequence[str]]] = [
        [book.WHOLE],
        [book.KIND_COLOUR, book.STATE],
        [book.KIND_STATE, book.COLOUR],
    ]
    fitting = [split for split in splits if len(split) <= length]
    return fitting[int(rng.integers(len(fitting)))]


def _advice(subject: Subject, count: int, rng: np.random.Generator) -> list[Sequence[str]]:
    """The books of the sentences after the opening."""
    is_new = subject.condition == "new"
    symptom = book.SYMPTOM_NEW if is_new else book.SYMPTOM
    remedy = book.REMEDY_NEW if is_new else book.REMEDY
    plan: list[Sequence[str]] = [
        symptom,
        remedy,
        book.KIND_MORE,
        book.FILLER,
        book.FILLER,
        book.FILLER,
        book.FILLER,
    ]
    keep = np.sort(rng.choice(len(plan), size=count, replace=False))
    return [plan[int(i)] for i in keep]


def _told(books: list[Sequence[str]], subject: Subject, rng: np.random.Generator) -> list[str]:
    """A sentence from each book, no template twice."""
    used: set[str] = set()
    sentences = []
    for templates in books:
        template = choose(rng, [entry for entry in templates if entry not in used])
        used.add(template)
        sentences.append(sentence(template, words_for(subject, rng)))
    return sentences


def note(subject: Subject, rng: np.random.Generator) -> Note:
    """A service note of 2 to 8 sentences on a part; the body alone says what the part is, its colour and its state."""
    length = int(rng.integers(SHORTEST, LONGEST + 1))
    opening = _opening(length, rng)
    body = _told([*opening, *_advice(subject, length - len(opening), rng)], subject, rng)
    titles = book.TITLES_NEW if subject.condition == "new" else book.TITLES
    title = sentence(choose(rng, titles), words_for(subject, rng))
    return Note(title, " ".join(body), (subject.kind, subject.condition, "service note"))
