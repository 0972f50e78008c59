"""Files that are documents themselves: read behind walls, their figures, pages and attachments stored.

A file leads to one document, and to one more for each file inside it: a message's attachments, an archive's members.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Self, TypeAlias

from django.conf import settings
from django.core.files.base import File

from retrieval_site.errors import AppError
from search.importers.extracted import BETWEEN_BLOCKS, Body, alt_of, body_of, fields_of
from search.importers.names import name_once
from search.importers.picture_texts import READ_BY, PictureTexts
from search.importers.recognition import RecognitionOptions
from search.importers.scans import BARCODES_MAX, Scans
from search.importers.storing import picture_record, picture_stored
from search.importers.types import Rejected, rejected
from search.services.document_fields import LENGTHS_MAX, DocumentFields, check_record, picture_kept
from search.services.document_files import FileContent, PageInput
from search.services.documents import DocumentRecord
from workers.extraction.extractor import Extractor
from workers.extraction.kinds import ARCHIVE, kind_of
from workers.extraction.position import without_position
from workers.formats.problems import Problem
from workers.inference.errors import FileError, InferenceError
from workers.inference.sniff import HEADER_BYTES, sniff_format
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from search.importers.types import DocumentFileItem
    from search.models import Collection
    from search.services.document_fields import ImageInput
    from workers.extraction.extractor import Found
    from workers.extraction.output import OutputLimits
    from workers.extraction.types import Figure, FilePage

CHUNK_BYTES = 1 << 20
CONTENT_TYPE = "application/octet-stream"
_ID_BEGINNING = 180

Beside: TypeAlias = Callable[[str], bytes | None]


@dataclass(frozen=True)
class _Inside:
    """A file that was found inside another, taken out of it; of the outermost one `path` is empty."""

    external_id: str
    name: str
    path: Path = Path()
    depth: int = 0


class DocumentFiles:
    """Reads the document files of one import. With `store` false nothing is kept: a dry run.

    `recognition`: which pictures of text are read; by default as the collection says.
    """

    def __init__(
        self, collection: Collection, *, store: bool, recognition: RecognitionOptions | None = None
    ) -> None:
        recognition = recognition or RecognitionOptions.of(collection)
        self._collection = collection
        self._store = store
        self._extractor = Extractor()
        self._scans = Scans(recognition)
        self._pictures = PictureTexts(recognition)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that read."""
        self._extractor.close()
        self._scans.close()
        self._pictures.close()

    def records(
        self, item: DocumentFileItem, source: IO[bytes], beside: Beside | None = None
    ) -> Iterator[DocumentRecord | Rejected]:
        """Yield the documents of a file and of the files inside it, or what is wrong with each.

        `beside` returns a picture that a saved page shows, by its path among the import's files.
        """
        with tempfile.TemporaryDirectory(prefix="sightline-inside-") as kept:
            taken_out = _TakenOut(Path(kept), self._extractor.limits.output)
            yield from self._documents(source, _Inside(item.external_id, item.name), taken_out, beside)
            while (inside := taken_out.next()) is not None:
                with inside.path.open("rb") as file:
                    yield from self._documents(file, inside, taken_out, None)
                inside.path.unlink()

    def _documents(
        self, source: IO[bytes], file: _Inside, taken_out: _TakenOut, beside: Beside | None
    ) -> Iterator[DocumentRecord | Rejected]:
        """Yield the file's document; an archive is none, and only what of it could not be read is said."""
        try:
            if sniff_format(_head(source)) is not None:
                yield self._picture(source.read(settings.CONFIG.picture_max_bytes + 1), file)
                return
            with self._extractor.reading(source, file.name) as found:
                unread = taken_out.add(found, file)
                record = None if found.kind == ARCHIVE else self._record(found, file, beside, unread)
            if record is None:
                yield from (rejected(f"{file.external_id}/{name}", "file.unknown_format") for name in unread)
            else:
                yield self._with_file(record, source)
        except (AppError, InferenceError) as error:
            yield Rejected(file.external_id, (Problem(error.id, error.message),))

    def picture_fields(self, data: bytes, external_id: str) -> DocumentFields:
        """Return what a picture's own metadata say of it, and what stands in it where that is wished."""
        return self._with_its_text(self._said_by(data, external_id), data)

    def _said_by(self, data: bytes, external_id: str) -> DocumentFields:
        """Return what a picture's own metadata say of it; nothing where they cannot be read."""
        try:
            with self._extractor.reading(io.BytesIO(data), external_id) as found:
                extracted = found.extracted
        except InferenceError:
            return DocumentFields()
        if not self._collection.keep_originals:
            extracted = without_position(extracted)
        fields = fields_of(extracted, body_of(extracted.blocks, 0).text, external_id)
        return replace(fields, title=fields.title if extracted.title else "")

    def _picture(self, data: bytes, file: _Inside) -> DocumentRecord:
        fields = self.picture_fields(data, file.external_id)
        return picture_record(data, file.external_id, fields, self._collection, store=self._store)

    def _with_its_text(self, fields: DocumentFields, data: bytes) -> DocumentFields:
        """Return a photograph's fields with what stands in the photograph, behind what its metadata say."""
        read = self._pictures.of(data)
        codes = {"barcodes": read.codes[:BARCODES_MAX]} if read.codes else {}
        if not read.text:
            return replace(fields, metadata=fields.metadata | codes)
        body = BETWEEN_BLOCKS.join(text for text in (fields.body, read.text) if text)
        return replace(fields, body=body, metadata=fields.metadata | READ_BY | codes)

    def _record(
        self, found: Found, file: _Inside, beside: Beside | None, unread: list[str]
    ) -> DocumentRecord:
        read = self._scans.with_text(found)
        extracted, codes = self._pictures.with_text(found, read.extracted)
        codes = list(dict.fromkeys((*read.codes, *codes)))[:BARCODES_MAX]
        body = body_of(extracted.blocks, len(extracted.pages))
        images = tuple(self._figures(found, extracted.figures, file.name, beside))
        fields = fields_of(extracted, body.text, file.external_id, codes)
        check_record(file.external_id, fields, images, of_file=True)
        content = FileContent(
            name=PurePosixPath(file.name).name,
            kind=found.kind,
            outline=body.outline.to_json(),
            pages=tuple(self._pages(found, body, read.unread)),
            notes=(*extracted.notes, *(f"“{name}” was not read: no known format." for name in unread)),
        )
        return DocumentRecord(file.external_id, fields, images, content)

    def _with_file(self, record: DocumentRecord, source: IO[bytes]) -> DocumentRecord:
        """Return the record with the file itself, kept where the collection keeps files."""
        blob_id = None
        if self._store and self._collection.keep_files:
            source.seek(0)
            blob = blob_store(File(source), CONTENT_TYPE)
            sha256, size, blob_id = blob.pk, blob.size, blob.pk
        else:
            sha256, size = _digest(source)
        content = record.file and replace(record.file, sha256=sha256, size=size, blob_id=blob_id)
        return replace(record, file=content)

    def _figures(
        self, found: Found, figures: Sequence[Figure], name: str, beside: Beside | None
    ) -> Iterator[ImageInput]:
        """Yield the figures; one that cannot be decoded is left out, the document's text is not."""
        for figure in figures:
            try:
                data = found.data(figure.file) if figure.file else _shown(figure.source, name, beside)
                if data is not None:
                    kept = picture_kept(data, self._collection)
                    stored = picture_stored(kept, alt_of(figure), store=self._store)
                    yield replace(stored, page=figure.page or None, box=figure.box)
            except (AppError, InferenceError):
                continue

    def _pages(self, found: Found, body: Body, unread: frozenset[int]) -> Iterator[PageInput]:
        for page in found.extracted.pages:
            boxes = tuple(body.boxes.get(page.number, ()))
            plain = PageInput(is_read=not page.has_text, boxes=boxes, is_unread=page.number in unread)
            picture = self._page_picture(found, page)
            if picture is None:
                yield plain
            else:
                kept = picture.blob_id if self._store else None
                yield replace(plain, blob_id=kept, width=picture.width, height=picture.height)

    def _page_picture(self, found: Found, page: FilePage) -> ImageInput | None:
        if not page.image:
            return None
        try:
            return picture_stored(found.data(page.image), "", store=self._store)
        except InferenceError:
            return None


class _TakenOut:
    """Files that were found inside files, waiting in a folder for their turn."""

    def __init__(self, folder: Path, limits: OutputLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._waiting: deque[_Inside] = deque()
        self._count = 0

    def add(self, found: Found, file: _Inside) -> list[str]:
        """Take out what is inside a file; return the names of what no reader takes.

        Raises FileError `file.too_much` where there is too much of it, or too deep inside.
        """
        attached = found.extracted.attached
        if attached and file.depth >= self._limits.attached_depth:
            raise FileError("file.too_much/depth", limit=self._limits.attached_depth)
        self._count += len(attached)
        if self._count > self._limits.attached:
            raise FileError("file.too_much/attached", limit=self._limits.attached)
        unread = []
        names: dict[str, int] = {}
        for number, one in enumerate(attached, start=1):
            name = _inner_path(one.name) or f"attachment {number}"
            shown = name_once(name, names, str)
            target = self._folder / f"{self._count}-{number}"
            found.take(one.file, target)
            if _is_readable(target, name):
                inside = _Inside(external_id_of(f"{file.external_id}/{shown}"), name, target, file.depth + 1)
                self._waiting.append(inside)
            else:
                target.unlink()
                unread.append(shown[-100:])
        return unread

    def next(self) -> _Inside | None:
        """Return whose turn it is."""
        return self._waiting.popleft() if self._waiting else None


def _inner_path(name: str) -> str:
    """Return the path of a file inside another without what would lead out of it."""
    parts = (part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))
    return "/".join(parts)


def _is_readable(path: Path, name: str) -> bool:
    with path.open("rb") as file:
        return kind_of(file, name) is not None


def _shown(source: str, page: str, beside: Beside | None) -> bytes | None:
    """Return a picture that a saved page names by its path from the page's folder; None where there is no such file.

    A path from the site's root begins at the page's own folder and is looked for further up.
    """
    if beside is None:
        return None
    for folder in PurePosixPath(page).parents:
        path = posixpath.normpath(str(folder / source.lstrip("/")))
        if not path.startswith("..") and (data := beside(path)) is not None:
            return data
        if not source.startswith("/"):
            return None
    return None


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
    source.seek(0)
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size
