"""What an import did not use: columns, pictures and other files. Nothing that was dropped is unsaid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search.importers.pictures import is_picture
from search.importers.types import FileWarning
from workers.jobs.services import storable
from workers.jobs.types import JobWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from search.importers.files import Files
    from search.importers.types import Reading

NAMED_MAX = 10


@dataclass(frozen=True)
class FilesUsed:
    """Which files of a zip or folder documents came from or name."""

    kind: str = "zip"
    tables: set[str] = field(default_factory=set)
    pictures: set[str] = field(default_factory=set)

    def add(self, pictures: Iterable[str | None]) -> None:
        """Remember pictures that a document names."""
        self.pictures.update(name for name in pictures if name is not None)

    def warnings(self, files: Files) -> Iterator[FileWarning]:
        """Yield what is to be said of the files that no document came from or names."""
        pictures: list[str] = []
        others: list[str] = []
        for name in files.names():
            if name not in self.tables and name not in self.pictures:
                (pictures if is_picture(files, name) else others).append(name)
        guessed = [] if self.tables else files.guessed_names()
        if guessed:
            message = f"The {self.kind} does not tell which characters these names have: {_named(guessed)}."
            yield FileWarning("import.names_guessed", message, _detail(guessed))
        if pictures:
            verb = "belongs" if len(pictures) == 1 else "belong"
            message = (
                f"{_count(pictures, 'picture')} of the {self.kind} {verb} to no document: {_named(pictures)}."
            )
            yield FileWarning("import.pictures_unused", message, _detail(pictures))
        if others:
            verb = "was" if len(others) == 1 else "were"
            message = f"{_count(others, 'other file')} of the {self.kind} {verb} not read: {_named(others)}."
            yield FileWarning("import.files_ignored", message, _detail(others))


def columns_ignored(reading: Reading) -> Iterator[FileWarning]:
    """Yield which columns or keys were left out, as was asked for."""
    names = list(reading.ignored)
    if names:
        counted = "1 column was" if len(names) == 1 else f"{len(names)} columns were"
        message = f"{counted} ignored, as asked for: {_named(names)}."
        yield FileWarning("import.columns_ignored", message, {"columns": names})


def _count(names: list[str], what: str) -> str:
    return f"1 {what}" if len(names) == 1 else f"{len(names):,} {what}s"


def _named(names: list[str]) -> str:
    shown = ", ".join(name[:100] for name in names[:NAMED_MAX])
    return f"{shown}, …" if len(names) > NAMED_MAX else shown


def _detail(names: list[str]) -> dict[str, Any]:
    return {"count": len(names), "examples": names[:NAMED_MAX]}


def stored_warnings(counts: Mapping[str, int]) -> Iterator[FileWarning]:
    """Yield what may be unexpected in what a job stored, by its counts."""
    if not counts["documents"] and not counts["unchanged"]:
        message = "Nothing was stored: everything in the file was refused. Each reason is listed."
        yield FileWarning("import.nothing_stored", message, {"failed": counts["failed"]})
    elif counts["documents"] and not counts["passages"]:
        message = (
            "No text was found: the documents have pictures only. Searches for pictures find them, searches for "
            "documents by their text do not."
        )
        yield FileWarning("import.no_text", message, {"documents": counts["documents"]})


def job_warning(warning: FileWarning) -> JobWarning:
    """Return a warning as a job's result keeps it; names in files may hold what no database does."""
    detail = {
        key: [storable(text) for text in value] if isinstance(value, list) else value
        for key, value in warning.detail.items()
    }
    return JobWarning(id=warning.id, message=storable(warning.message), detail=detail)
