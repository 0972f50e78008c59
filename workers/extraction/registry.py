"""The readers of documents' files, one for each kind: a new format is a module and a line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from workers.extraction.kinds import DAMAGED
from workers.inference.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted


class FormatReader(Protocol):
    """Reads one file."""

    def __call__(self, file: Path, out: Output) -> Extracted:
        """Return what the file holds; raises FileError `file.*`. Figures, pages and attachments go to `out`."""
        ...


READERS = {
    "zip": "workers.extraction.formats.archive:read",
    "docx": "workers.extraction.formats.docx:read",
    "eml": "workers.extraction.formats.eml:read",
    "epub": "workers.extraction.formats.epub:read",
    "html": "workers.extraction.formats.html:read",
    "markdown": "workers.extraction.formats.markdown:read",
    "msg": "workers.extraction.formats.msg:read",
    "odp": "workers.extraction.formats.odp:read",
    "ods": "workers.extraction.formats.ods:read",
    "odt": "workers.extraction.formats.odt:read",
    "pdf": "workers.extraction.formats.pdf:read",
    "picture": "workers.extraction.formats.picture:read",
    "pptx": "workers.extraction.formats.pptx:read",
    "rtf": "workers.extraction.formats.rtf:read",
    "text": "workers.extraction.formats.text:read",
    "tnef": "workers.extraction.formats.winmail:read",
    "xlsx": "workers.extraction.formats.xlsx:read",
}
"""By kind (`kinds.py`); imported in the sandboxed process only."""


def format_reader(kind: str | None) -> FormatReader:
    """Return the reader of a kind.

    Raises FileError `file.damaged`, `file.encrypted`, `file.old_office`, `file.unknown_format`.
    """
    if kind == DAMAGED:
        raise FileError("file.damaged", reason="it is cut off, or a part of it is missing")
    if kind == "encrypted":
        raise FileError("file.encrypted")
    if kind == "old_office":
        raise FileError("file.old_office")
    if kind not in READERS:
        raise FileError("file.unknown_format")
    module, _, name = READERS[kind].partition(":")
    return cast("FormatReader", getattr(import_module(module), name))
