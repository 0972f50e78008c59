"""Text in pictures: what an import's form offers of it, and what its page says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext

from retrieval_site.languages.lazy import gettext_lazy
from search.importers.types import CHARACTER_RECOGNITION, LETTERS, ImportOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.importers.recognition import RecognitionWish
    from search.models import Collection

READ = {
    "none": "nothing",
    "pages": gettext_lazy("scanned pages"),
    "all": gettext_lazy("scanned pages, figures and photographs"),
}
LETTERS_READ = {"latin": gettext_lazy("Latin"), "any": gettext_lazy("Latin, Greek, Chinese and Japanese")}
LETTER_CHOICES = (("", gettext_lazy("By the collection’s language")), *LETTERS_READ.items())


def recognition_choices(collection: Collection) -> list[tuple[str, str]]:
    """Return what a form offers to be read, the collection's own setting first."""
    own = (
        "",
        gettext("As the collection is set: {read}").format(read=READ[collection.character_recognition]),
    )
    return [own, *((value, words.capitalize()) for value, words in READ.items())]


def wished_recognition(form: Mapping[str, str]) -> ImportOptions:
    """Return what a form says of pictures of text; what it leaves open is as the collection says."""
    asked, letters = form.get("character_recognition"), form.get("letters")
    return ImportOptions(
        character_recognition=next((one for one in CHARACTER_RECOGNITION if one == asked), None),
        letters=next((one for one in LETTERS if one == letters), None),
    )


def recognition_said(asked: RecognitionWish | None, collection: Collection) -> str:
    """Return in words what an import reads in pictures, and whether it or the collection says so."""
    wished = asked and asked.character_recognition
    read = (
        READ[wished]
        if wished
        else gettext("{read} (as the collection is set)").format(read=READ[collection.character_recognition])
    )
    letters = (
        gettext("; letters on scanned pages: {letters_read}").format(letters_read=LETTERS_READ[asked.letters])
        if asked and asked.letters
        else ""
    )
    return gettext("Text read in pictures: {read}{letters}").format(read=read, letters=letters)
