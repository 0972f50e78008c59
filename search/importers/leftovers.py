"""What an import did not use: columns, pictures and other files. Nothing that was dropped is unsaid."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from retrieval_site.errors import AppError
from search.curating.sameness import same_as_earlier
from search.importers.left_out import reason_left_out
from search.importers.pictures import is_picture
from search.importers.types import FileWarning
from workers.extraction.drawings import is_not_shown
from workers.jobs.services import storable
from workers.jobs.types import JobWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from search.importers.files import Files
    from search.importers.types import Reading
    from search.models import Collection
    from search.services.documents import DocumentRecord
    from workers.models import Job

NAMED_MAX = 10
"""Names in a sentence."""
LISTED_MAX, NAME_MAX = 200, 300
"""Files that are listed with the reason why nothing was made of them."""


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
            message = f"{_count(pictures, 'picture')} {verb} to no document: {_named(pictures)}."
            listed = [(name, "no document names it") for name in pictures[:LISTED_MAX]]
            yield FileWarning("import.pictures_unused", message, _detail(pictures, listed))
        if others:
            verb = "was" if len(others) == 1 else "were"
            message = f"{_count(others, 'file')} {verb} not read: {_named(others)}."
            beside = bool(self.tables)
            listed = [
                (name, reason_left_out(files, name, beside_table=beside)) for name in others[:LISTED_MAX]
            ]
            yield FileWarning("import.files_ignored", message, _detail(others, listed))


def nothing_read(files: Files) -> AppError:
    """Return the refusal of files none of which is read: the first of them with the reason."""
    first = list(itertools.islice(files.names(), NAMED_MAX))
    if not first:
        return AppError("import.empty/no_files")
    said = [f"{name[:100]} ({reason_left_out(files, name, beside_table=False)})" for name in first]
    return AppError("import.empty/no_table", files=", ".join(said))


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


def _detail(names: list[str], listed: list[tuple[str, str]] | None = None) -> dict[str, Any]:
    detail: dict[str, Any] = {"count": len(names), "examples": names[:NAMED_MAX]}
    if listed is not None:
        detail["files"] = [{"name": name[-NAME_MAX:], "reason": reason} for name, reason in listed]
    return detail


def drawings_not_shown(records: Iterable[DocumentRecord]) -> Iterator[tuple[str, str]]:
    """Yield what files of documents say of drawings that are not shown, each with the document's external id."""
    for record in records:
        for note in record.file.notes if record.file else ():
            if is_not_shown(note):
                yield record.external_id, note


def drawings_warning(not_shown: Sequence[tuple[str, str]]) -> Iterator[FileWarning]:
    """Yield which drawings of documents are not shown, as `drawings_not_shown` gave them."""
    if not_shown:
        names = list(dict.fromkeys(name for name, _ in not_shown))
        message = f"Drawings in formats that are not drawn here are not shown. They are in: {_named(names)}."
        yield FileWarning("import.drawings_not_shown", message, _detail(names, list(not_shown)))


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


def same_warnings(collection: Collection, job: Job) -> Iterator[FileWarning]:
    """Yield which documents that a job created are the same files or pictures as earlier ones."""
    count, pairs = same_as_earlier(collection, job)
    if count:
        verb = "is the same file as an earlier one" if count == 1 else "are the same files as earlier ones"
        said = ", ".join(f"{one[:100]} as {other[:100]}" for one, other in pairs[:NAMED_MAX])
        more = ", …" if count > NAMED_MAX else ""
        counted = f"{count:,} new document{'' if count == 1 else 's'}"
        message = f"{counted} {verb} of the collection: {said}{more}."
        files = [{"name": one, "reason": f"the same as {other}"} for one, other in pairs]
        yield FileWarning("import.same_files", message, {"count": count, "files": files})


def job_warning(warning: FileWarning) -> JobWarning:
    """Return a warning as a job's result keeps it; names in files may hold what no database does."""
    return JobWarning(id=warning.id, message=storable(warning.message), detail=_storable(warning.detail))


def _storable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _storable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_storable(one) for one in value]
    return storable(value) if isinstance(value, str) else value
