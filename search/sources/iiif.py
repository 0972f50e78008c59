"""IIIF: each manifest is a document, with the pictures of its canvases; collections are followed to their manifests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from retrieval_site.errors import AppError
from search.importers.document_files import external_id_of
from search.importers.storing import picture_stored
from search.models.source import KEY_BYTES_MAX
from search.services.document_fields import LENGTHS_MAX, check_record, picture_kept
from search.services.documents import DocumentRecord
from search.sources.canvas_texts import CanvasReader, CanvasTexts
from search.sources.fitting import fitted
from search.sources.manifests import (
    Canvas,
    IiifManifest,
    kind_of,
    named_in,
    next_page,
    read_manifest,
    read_resource,
)
from search.sources.types import EntryBatch, EntryContent, Made, SourceEntry, SourceListing, content_digest
from workers.formats.problems import problem
from workers.inference.errors import InferenceError, PictureError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.models import Collection
    from search.services.document_fields import ImageInput
    from search.sources.fetching import SourceFetcher
    from search.sources.options import IiifOptions

DEPTH_MAX = 8
COLLECTIONS_MAX = 2000
MANIFESTS_MAX = 500_000
FAILURES_MAX = 3
"""Pictures in a row that do not come: then the server is left alone until the next round."""


@dataclass
class IiifReader:
    """See `types.SourceReader`. A position is the address of the last manifest."""

    address: str
    options: IiifOptions
    fetcher: SourceFetcher
    listing: SourceListing = field(default_factory=lambda: SourceListing(complete=True))
    _canvases: CanvasReader = field(init=False)

    def __post_init__(self) -> None:
        """Have canvases read as the options say."""
        self._canvases = CanvasReader(self.options)

    def batches(self, after: str) -> Iterator[EntryBatch]:
        """Yield a manifest at a time: each may have many pictures."""
        behind = not after
        for address in self._manifests():
            if behind:
                yield EntryBatch([self._entry(address)], address)
            behind = behind or address == after
        if not behind:  # the list has changed since
            yield from self.batches("")

    def _entry(self, address: str) -> SourceEntry:
        if len(address.encode()) > KEY_BYTES_MAX:
            return SourceEntry(address[:300], problem=problem("source.key_too_long", limit=KEY_BYTES_MAX))
        return SourceEntry(address)

    def _manifests(self) -> Iterator[str]:
        """Yield the manifests that are named, each once, in their order."""
        seen: set[str] = set()
        for address in self._followed(self.address, 0, set()):
            if address not in seen:
                seen.add(address)
                yield address
            if len(seen) >= MANIFESTS_MAX:
                raise AppError("source.too_many", limit=MANIFESTS_MAX)

    def _followed(self, address: str, depth: int, read: set[str]) -> Iterator[str]:
        """Yield the manifests below an address; a collection that comes in pages is one level."""
        if depth > DEPTH_MAX:
            raise AppError("source.no_end")
        while address and address not in read:
            resource = self._resource(address, read)
            if kind_of(resource) == "manifest":
                yield address
                return
            for named in named_in(resource):
                if named.kind == "manifest":
                    yield named.address
                elif named.address not in read:
                    yield from self._followed(named.address, depth + 1, read)
            address = next_page(resource)

    def _resource(self, address: str, read: set[str]) -> dict[str, Any]:
        """Return what is at an address, nothing where it cannot be read; the first one has to be."""
        read.add(address)
        if len(read) > COLLECTIONS_MAX:
            raise AppError("source.no_end")
        try:
            return read_resource(self.fetcher.answer(address))
        except AppError as error:
            if len(read) == 1:
                raise
            self._cannot_list(address, error)
            return {}

    def _cannot_list(self, address: str, error: AppError) -> None:
        """What the collection names is not known to be gone."""
        self.listing.complete = False
        self.listing.notes["source.collection_unreadable"] = (
            f"{address[:300]}: {error.message} Nothing is removed in this round."
        )

    def one(self, key: str) -> SourceEntry | None:
        """Return the manifest at an address, which is asked when it is read."""
        return SourceEntry(key)

    def content(self, entry: SourceEntry) -> EntryContent:
        """Fetch and read a manifest."""
        data = self.fetcher.answer(entry.key)
        resource = read_resource(data)
        if kind_of(resource) != "manifest":
            raise AppError("source.not_iiif")
        sizes = {"pictures": self.options.pictures, "longest_side": self.options.longest_side}
        return EntryContent(content_digest(self.options, data), read_manifest(resource, **sizes))

    def made(self, entry: SourceEntry, content: EntryContent, collection: Collection, *, store: bool) -> Made:
        """Return a manifest's document; a dry run fetches no pictures."""
        manifest: IiifManifest = content.data
        name = external_id_of(entry.key)
        texts = CanvasTexts()
        images, failed = self._pictures(manifest, collection, texts) if store else ((), [])
        fields = texts.behind(fitted(_said(manifest, entry.key)))
        check_record(name, fields, images)
        reason = None
        if failed:
            facts = {"count": len(failed), "of": len(manifest.canvases), "first": failed[0].message}
            reason = problem("source.pictures_missing", **facts)
        return Made((DocumentRecord(name, fields, images),), reason, again=True)

    def _pictures(
        self, manifest: IiifManifest, collection: Collection, texts: CanvasTexts
    ) -> tuple[tuple[ImageInput, ...], list[InferenceError]]:
        """Return the pictures that came, and why others did not; what stands on them goes to `texts`."""
        found: list[ImageInput] = []
        failed: list[InferenceError] = []
        in_a_row = 0
        for canvas in manifest.canvases:
            self.fetcher.checkpoint()
            if in_a_row >= FAILURES_MAX:
                failed.append(failed[-1])
                continue
            try:
                alt = (canvas.label or manifest.label)[: LENGTHS_MAX["alt"]]
                data = self._fetched(canvas)
                found.append(picture_stored(picture_kept(data, collection), alt, store=True))
                texts.add(self._canvases.read(data, collection))
                in_a_row = 0
            except InferenceError as error:
                failed.append(error)
                in_a_row += 1
        return tuple(found), failed

    def _fetched(self, canvas: Canvas) -> bytes:
        """Return a canvas's picture from the first address that has it: small services offer no sizes."""
        *others, last = canvas.pictures
        for address in others:
            try:
                return self.fetcher.picture(address)
            except PictureError as error:
                if error.id not in ("image_url.status", "image_url.no_picture"):
                    raise
        return self.fetcher.picture(last)

    def is_gone(self, key: str) -> bool:
        """Return True: the whole list did not have it."""
        return True

    def close(self) -> None:
        """End the process that reads canvases; the fetching processes serve all rounds."""
        self._canvases.close()


def _said(manifest: IiifManifest, address: str) -> dict[str, list[str]]:
    said = {
        "title": [manifest.label or address.rstrip("/").rpartition("/")[2]],
        "body": [manifest.summary, *(f"{label}: {value}" for label, value in manifest.metadata)],
        "url": [manifest.homepage or address],
        "metadata.rights": [manifest.rights],
        "metadata.manifest": [address],
        "metadata.canvases": [str(manifest.canvas_count)],
    }
    for label, value in manifest.metadata:
        said.setdefault(f"metadata.{label[:80].lower()}", []).append(value)
    return said
