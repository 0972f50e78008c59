"""What lies below a prefix of an S3 bucket, or of a service that speaks its protocol: each object is a document."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote_plus

from retrieval_site.errors import AppError
from search.importers.document_files import external_id_of
from search.importers.pictures import PICTURE_SUFFIXES
from search.importers.types import DocumentFileItem
from search.models.source import KEY_BYTES_MAX
from search.sources.files import FileDocuments
from search.sources.options import fingerprint
from search.sources.s3_requests import signed_headers
from search.sources.types import EntryBatch, EntryContent, Made, SourceEntry, SourceListing, StillWrittenError
from search.sources.xml import child, children, local, read_xml, text
from workers.extraction.kinds import kind_by_name
from workers.formats.problems import problem
from workers.formats.zip_names import is_junk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from search.models import Collection
    from search.sources.fetching import SourceFetcher
    from search.sources.options import S3Options
    from search.sources.s3_requests import S3Bucket, S3Keys

BATCH_OBJECTS = 32
PAGE_OBJECTS = 1000
RANGE_BYTES = 8 << 20
"""An object comes in such pieces, each asked for again where the line breaks."""
OBJECT_BYTES_MAX = 1 << 30
EXAMPLES_MAX = 10
_CHANGED = (404, 412, 416)


@dataclass
class S3Reader:
    """See `types.SourceReader`. The order is that of the keys; a position, as an entry's key, is without the prefix."""

    bucket: S3Bucket
    prefix: str
    options: S3Options
    keys: S3Keys
    fetcher: SourceFetcher
    listing: SourceListing = field(default_factory=lambda: SourceListing(complete=True))
    _documents: FileDocuments = field(init=False)

    def __post_init__(self) -> None:
        """Have files read as the options say."""
        self._documents = FileDocuments(self.options)

    def batches(self, after: str) -> Iterator[EntryBatch]:
        """Yield the objects behind the one called `after`, page by page."""
        last = self.prefix + after if after else ""
        while page := self._page({"prefix": self.prefix, "start-after": last, "max-keys": str(PAGE_OBJECTS)}):
            keys = [found.key for found in page]
            if keys[0].encode() <= last.encode() or not all(key.startswith(self.prefix) for key in keys):
                raise AppError("source.no_end")
            for at in range(0, len(page), BATCH_OBJECTS):
                some = page[at : at + BATCH_OBJECTS]
                entries = [entry for entry in map(self._entry, some) if entry]
                yield EntryBatch(entries, some[-1].key.removeprefix(self.prefix))
            last = keys[-1]

    def _page(self, asked: dict[str, str]) -> list[_Object]:
        """Return what a page lists; raises AppError `source.*`."""
        query = {name: value for name, value in asked.items() if value}
        address = self.bucket.address(query=query | {"list-type": "2", "encoding-type": "url"})
        root = read_xml(self._answer(address, {}))
        if local(root) != "ListBucketResult":
            raise AppError("source.not_s3")
        encoded = text(child(root, "EncodingType")) == "url"
        return [_object(each, encoded=encoded) for each in children(root, "Contents")]

    def _answer(self, address: str, headers: dict[str, str]) -> bytes:
        """Ask, signed anew each time, for a signature is good for minutes only."""
        more = {"Accept-Encoding": "identity", **headers}
        return self.fetcher.answer(
            address, lambda: signed_headers(address, self.bucket.region, self.keys, more)
        )

    def _entry(self, found: _Object) -> SourceEntry | None:
        key = found.key.removeprefix(self.prefix)
        if not key or key.endswith("/") or any(is_junk(part) for part in key.split("/")):
            return None
        if not (key.lower().endswith(PICTURE_SUFFIXES) or kind_by_name(key)):
            self.listing.ignored += 1
            self.listing.ignored_examples += [key[:300]][: EXAMPLES_MAX - len(self.listing.ignored_examples)]
            return None
        if len(key.encode()) > KEY_BYTES_MAX:
            return SourceEntry(key[:300], problem=problem("source.key_too_long", limit=KEY_BYTES_MAX))
        return SourceEntry(key, f"{fingerprint(self.options)}:{found.tag[:80]}:{found.size}", data=found)

    def one(self, key: str) -> SourceEntry | None:
        """Ask for one object; the first that begins with its key is itself, where it is there."""
        page = self._page({"prefix": self.prefix + key, "max-keys": "1"})
        return self._entry(page[0]) if page and page[0].key == self.prefix + key else None

    def content(self, entry: SourceEntry) -> EntryContent:
        """Fetch an object in pieces of one version of it. Raises AppError `source.*`, StillWrittenError."""
        found: _Object = entry.data
        if found.size > OBJECT_BYTES_MAX:
            raise AppError("source.file_too_large", limit_mib=OBJECT_BYTES_MAX >> 20)
        copy = tempfile.TemporaryFile(prefix="sightline-source-")  # noqa: SIM115  closed with the content
        try:
            digest = self._copied(found, copy)
        except BaseException:
            copy.close()
            raise
        return EntryContent(digest, copy)

    def _copied(self, found: _Object, copy: IO[bytes]) -> str:
        digest = hashlib.sha256(fingerprint(self.options).encode())
        while (at := copy.tell()) < found.size:
            piece = self._piece(found, at)
            if not piece or at + len(piece) > found.size:
                raise StillWrittenError
            digest.update(piece)
            copy.write(piece)
        copy.seek(0)
        return digest.hexdigest()

    def _piece(self, found: _Object, at: int) -> bytes:
        end = min(at + RANGE_BYTES, found.size) - 1
        headers = {"Range": f"bytes={at}-{end}"} | ({"If-Match": found.tag} if found.tag else {})
        try:
            return self._answer(self.bucket.address(found.key), headers)
        except AppError as error:
            if error.detail.get("answered") in _CHANGED:
                raise StillWrittenError from error
            raise

    def made(self, entry: SourceEntry, content: EntryContent, collection: Collection, *, store: bool) -> Made:
        """Return the documents of an object, as the import of a folder makes them."""
        item = DocumentFileItem(entry.key, external_id_of(entry.key), entry.key)
        return self._documents.made(item, content.data, collection, store=store)

    def is_gone(self, key: str) -> bool:
        """Return whether there is no object of this name; raises AppError `source.*`."""
        page = self._page({"prefix": self.prefix + key, "max-keys": "1"})
        return not page or page[0].key != self.prefix + key

    def close(self) -> None:
        """End the process that reads document files."""
        self._documents.close()


@dataclass(frozen=True)
class _Object:
    """An object as a list names it; `tag` changes with its content, `size` is in bytes."""

    key: str
    tag: str
    size: int


def _object(listed: Element, *, encoded: bool) -> _Object:
    key, size = text(child(listed, "Key")), text(child(listed, "Size"))
    if not size.isascii() or not size.isdigit() or len(size) > 15:
        raise AppError("source.not_s3")
    key = unquote_plus(key) if encoded else key
    if not key or "\0" in key:
        raise AppError("source.not_s3")
    tag = text(child(listed, "ETag"))
    return _Object(key, tag if tag.isascii() and tag.isprintable() else "", int(size))
