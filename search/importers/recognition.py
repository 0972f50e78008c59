"""Which pictures of text an import reads, and in which letters: as it says itself, else as its collection does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from search.models import Collection

if TYPE_CHECKING:
    from search.importers.types import ImportOptions
    from workers.inference.ocr.types import Script

OTHER_LETTERS = frozenset(
    {"simple", "arabic", "armenian", "greek", "hindi", "nepali", "russian", "serbian", "tamil", "yiddish"}
)
"""Languages whose texts may hold other letters than Latin ones."""


@dataclass(frozen=True)
class RecognitionOptions:
    """What is read letter by letter: scanned pages, and also figures and photographs; and in which letters."""

    reads_pages: bool
    reads_pictures: bool
    letters: Script

    @classmethod
    def of(cls, collection: Collection, options: ImportOptions | None = None) -> Self:
        """Return what a collection's setting says, unless the options of an import say otherwise."""
        wished = (options and options.character_recognition) or collection.character_recognition
        by_language: Script = "any" if collection.language in OTHER_LETTERS else "latin"
        return cls(
            reads_pages=wished != Collection.Recognition.NONE,
            reads_pictures=wished == Collection.Recognition.ALL,
            letters=(options and options.letters) or by_language,
        )
