"""Files that are documents themselves: read behind walls, their figures, pages and attachments stored.

A file leads to one document, and to one more for each file inside it: a message's attachments, an archive's members.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Self

from django.core.files.base import File

from retrieval_site.errors import AppError
from search.importers.extracted import Body, alt_of, body_of, fields_of
from search.importers.storing import picture_record, picture_stored
from search.importers.types import Rejected, rejected
from search.services.document_fields import LENGTHS_MAX, check_record
from search.services.document_files import FileContent, PageInput
from search.services.documents import DocumentRecord
from workers.extraction.extractor import Extractor
from workers.formats.problems import Problem
from workers.inference.errors import FileError, InferenceError
from workers.inference.sniff import HEADER_BYTES, sniff_format
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from search.importers.types import DocumentFileItem
    from search.models import Collection
    from search.services.document_fields import ImageInput
    from workers.extraction.extractor import Found
    from workers.extraction.types import Page

CHUNK_BYTES = 1 << 20
CONTENT_TYPE = "application/octet-stream"
_ID_BEGINNING = 180


@dataclass(frozen=True)
class _Inside:
    """A file that was found inside another, taken out of it."""

    external_id: str
    name: str
    path: Path
    depth: int


class DocumentFiles:
    """Reads the document files of one import. With `store` false nothing is kept: a dry run."""

    def __init__(self, collection: Collection, *, store: bool) -> None:
        self._collection = collection
        self._store = store
        self._extractor = Extractor()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._extractor.close()

    def records(self, item: DocumentFileItem, source: IO[bytes]) -> Iterator[DocumentRecord | Rejected]:
        """Yield the documents of a file and of the files inside it, or what is wrong with each."""
        with tempfile.TemporaryDirectory(prefix="sightline-inside-") as kept:
            waiting: list[_Inside] = []
            yield self._document(source, _Inside(item.external_id, item.name, Path(), 0), waiting, Path(kept))
            most = self._extractor.limits.output.attached
            count = 0
            while waiting:
                inside = waiting.pop(0)
                count += 1
                if count > most:
                    yield rejected(item.where, "file.too_much/attached", limit=most)
                    return
                with inside.path.open("rb") as file:
                    yield self._document(file, inside, waiting, Path(kept))
                inside.path.unlink()

    def _document(
        self, source: IO[bytes], file: _Inside, waiting: list[_Inside], kept: Path
    ) -> DocumentRecord | Rejected:
        try:
            if sniff_format(_head(source)) is not None:
                return picture_record(source.read(), file.external_id, self._collection, store=self._store)
            return self._read(source, file, waiting, kept)
        except (AppError, InferenceError) as error:
            return Rejected(file.external_id, (Problem(error.id, f"“{file.name[-200:]}”: {error.message}"),))

    def _read(self, source: IO[bytes], file: _Inside, waiting: list[_Inside], kept: Path) -> DocumentRecord:
        sha256, size = _digest(source)
        with self._extractor.reading(source, file.name) as found:
            self._take_out(found, file, waiting, kept)
            body = body_of(found.extracted.blocks, len(found.extracted.pages))
            images = tuple(self._figures(found))
            fields = fields_of(found.extracted, body.text, file.external_id)
            check_record(file.external_id, fields, images, of_file=True)
            content = FileContent(
                name=PurePosixPath(file.name).name,
                kind=found.kind,
                sha256=sha256,
                size=size,
                outline=body.outline.to_json(),
                pages=tuple(self._pages(found, body)),
                notes=found.extracted.notes,
            )
        source.seek(0)
        if self._store and self._collection.keep_files:
            content = replace(content, blob_id=blob_store(File(source), CONTENT_TYPE).pk)
        return DocumentRecord(file.external_id, fields, images, content)

    def _figures(self, found: Found) -> Iterator[ImageInput]:
        """Yield the figures; one that cannot be decoded is left out, the document's text is not."""
        for figure in found.extracted.figures:
            if not figure.file:
                continue
            try:
                yield picture_stored(found.data(figure.file), alt_of(figure), store=self._store)
            except InferenceError:
                continue

    def _pages(self, found: Found, body: Body) -> Iterator[PageInput]:
        for page in found.extracted.pages:
            boxes = tuple(body.boxes.get(page.number, ()))
            picture = self._page_picture(found, page)
            if picture is None:
                yield PageInput(is_read=not page.has_text, boxes=boxes)
            else:
                kept = picture.blob_id if self._store else None
                yield PageInput(kept, picture.width, picture.height, not page.has_text, boxes)

    def _page_picture(self, found: Found, page: Page) -> ImageInput | None:
        if not page.image:
            return None
        try:
            return picture_stored(found.data(page.image), "", store=self._store)
        except InferenceError:
            return None

    def _take_out(self, found: Found, file: _Inside, waiting: list[_Inside], kept: Path) -> None:
        """Let the files inside this one wait for their turn."""
        if not found.extracted.attached:
            return
        depth, most = file.depth + 1, self._extractor.limits.output.attached_depth
        if depth > most:
            raise FileError("file.too_much/depth", limit=most)
        names = Counter[str]()
        for number, attached in enumerate(found.extracted.attached, start=1):
            name = PurePosixPath(attached.name.replace("\\", "/")).name or f"attachment {number}"
            names[name] += 1
            again = f" ({names[name]})" if names[name] > 1 else ""
            target = kept / f"{depth}-{len(waiting)}-{number}-{file.path.name}"[:200]
            found.take(attached.file, target)
            waiting.append(_Inside(external_id_of(f"{file.external_id}/{name}{again}"), name, target, depth))


def external_id_of(path: str) -> str:
    """Return the external id of a file by its path; a long one is cut, and told apart by its hash."""
    if len(path) <= LENGTHS_MAX["external_id"]:
        return path
    return f"…{path[-_ID_BEGINNING:]}#{hashlib.sha256(path.encode(errors='replace')).hexdigest()[:16]}"


def _head(source: IO[bytes]) -> bytes:
    head = source.read(HEADER_BYTES)
    source.seek(0)
    return head


def _digest(source: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    source.seek(0)
    return digest.hexdigest(), size
