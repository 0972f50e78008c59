"""Why a file of a zip, a folder or an upload became no document, in words for the person who sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_noop

from retrieval_site.errors import AppError
from search.importers.choosing import DATA_SUFFIXES
from search.importers.files import DAMAGED_WHILE_READING
from search.importers.foreign import HEAD_BYTES, foreign_name
from workers.extraction.kinds import kind_by_name
from workers.formats import zips

if TYPE_CHECKING:
    from search.importers.files import Files


def reason_left_out(files: Files, name: str, *, beside_table: bool) -> str:
    """Return why nothing was made of a file, by its name and its first bytes.

    `beside_table`: another file lists the documents, beside which texts are notes.
    """
    try:
        with files.open(name) as file:
            head = file.read(HEAD_BYTES)
    except (AppError, *DAMAGED_WHILE_READING):
        return gettext_noop("it cannot be unpacked")
    if not head:
        return gettext_noop("it is empty")
    if beside_table and kind_by_name(name) is not None:
        return gettext_noop("a text beside the file that lists the documents")
    if head.startswith(zips.STARTS):
        return gettext_noop("an archive or a file in no format that is known here")
    if found := foreign_name(head):
        return found
    if name.lower().endswith(DATA_SUFFIXES):
        return gettext_noop("a text that lists no documents")
    return gettext_noop("a text whose name does not end as a document’s does, such as .txt")
