"""The readers of documents' files, one for each kind: a new format is a module and a line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

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
    "pdf": "workers.extraction.formats.pdf:read",
    "picture": "workers.extraction.formats.picture:read",
    "text": "workers.extraction.formats.text:read",
}
"""By kind (`kinds.py`); imported in the sandboxed process only."""


def format_reader(kind: str | None) -> FormatReader:
    """Return the reader of a kind. Raises FileError `file.encrypted`, `file.old_office`, `file.unknown_format`."""
    if kind == "encrypted":
        raise FileError("file.encrypted")
    if kind == "old_office":
        raise FileError("file.old_office")
    if kind not in READERS:
        raise FileError("file.unknown_format")
    module, _, name = READERS[kind].partition(":")
    return cast("FormatReader", getattr(import_module(module), name))
