"""Which pictures of text are read, and in which letters: as an import or source says, else as its collection does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from search.models import Collection

if TYPE_CHECKING:
    from search.importers.types import CharacterRecognition, Letters
    from workers.inference.ocr.types import Script

OTHER_LETTERS = frozenset(
    {"simple", "arabic", "armenian", "greek", "hindi", "nepali", "russian", "serbian", "tamil", "yiddish"}
)
"""Languages whose texts may hold other letters than Latin ones."""


class RecognitionWish(Protocol):
    """What an import or a source says itself; None is as the collection says."""

    @property
    def character_recognition(self) -> CharacterRecognition | None:
        """Which pictures of text are read."""
        ...

    @property
    def letters(self) -> Letters | None:
        """In which letters scanned pages are read."""
        ...


@dataclass(frozen=True)
class RecognitionOptions:
    """What is read letter by letter: scanned pages, and also figures and photographs; and in which letters."""

    reads_pages: bool
    reads_pictures: bool
    letters: Script

    @classmethod
    def of(cls, collection: Collection, wish: RecognitionWish | None = None) -> Self:
        """Return what a collection's setting says, unless an import or a source says otherwise."""
        wished = (wish and wish.character_recognition) or collection.character_recognition
        by_language: Script = "any" if collection.language in OTHER_LETTERS else "latin"
        return cls(
            reads_pages=wished != Collection.Recognition.NONE,
            reads_pictures=wished == Collection.Recognition.ALL,
            letters=(wish and wish.letters) or by_language,
        )
