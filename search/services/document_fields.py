"""What a document may hold, checked the same way for the API, the admin and imports, and its content hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.files.base import ContentFile

from retrieval_site.config import MIB
from retrieval_site.errors import AppError
from workers.encoding.decoders import picture_limits
from workers.formats.bounded_json import DepthMeter, JsonTooDeepError
from workers.inference.headers.reading import check_bytes
from workers.inference.sniff import HEADER_BYTES, sniff_format
from workers.inference.stripping.strip import pages_without_metadata, without_metadata
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from search.models import Collection

LENGTHS_MAX = {"external_id": 200, "title": 500, "url": 1000, "tag": 80, "alt": 300}
BODY_CHARACTERS_MAX = 2_000_000
IMAGES_MAX = 100
FILE_BODY_CHARACTERS_MAX = 10_000_000
FIGURES_MAX = 2_000
"""What a document may have that was made of a file: a manual of thousands of pages is one."""
DOCUMENT_TEXT_BYTES = 16 * MIB
"""A whole document but for its pictures, however JSON or a form escapes it."""
TAGS_MAX = 100
METADATA_BYTES_MAX = 100_000
METADATA_DEPTH_MAX = 50
_SCHEMES = ("http", "https")


@dataclass(frozen=True)
class DocumentFields:
    """All that a document says; plain JSON values in `metadata`."""

    title: str = ""
    body: str = ""
    url: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageInput:
    """A stored picture of a document; width and height in pixels, 0 while nobody has decoded it.

    `page`, `box`: of a figure, as `DocumentImage` has them; without them what is stored stays.
    """

    blob_id: str
    width: int = 0
    height: int = 0
    alt: str = ""
    page: int | None = None
    box: tuple[float, ...] | None = None


def image_input(
    data: bytes, collection: Collection, *, alt: str = "", size: tuple[int, int] = (0, 0)
) -> ImageInput:
    """Store a picture as the collection keeps it, and return what a document needs of it.

    `size` where it was decoded already. Raises PictureError as `picture_kept` does.
    """
    return image_stored(picture_kept(data, collection), alt=alt, size=size)


def image_stored(kept: bytes, *, alt: str = "", size: tuple[int, int] = (0, 0)) -> ImageInput:
    """Store the file that `picture_kept` or `pictures_kept` returned, and return what a document needs of it."""
    blob = blob_store(ContentFile(kept), f"image/{sniff_format(kept[:HEADER_BYTES])}")
    return ImageInput(blob.pk, *size, alt)


def picture_kept(data: bytes, collection: Collection) -> bytes:
    """Return the picture's file as this collection keeps it: without metadata, unless originals are kept.

    Raises PictureError `image.unknown_format`, `image.too_large`, `image.too_complex`, `image.truncated`.
    """
    limits = picture_limits()
    if collection.keep_originals:
        check_bytes(data, limits)
        return data
    return without_metadata(data, limits)


def pictures_kept(data: bytes, collection: Collection) -> list[bytes]:
    """Return the files that a document keeps of a picture: one, but of a scan one for each page, in order.

    Raises PictureError `image.too_many_pages`, and as `picture_kept` does.
    """
    pages = pages_without_metadata(data, picture_limits(), IMAGES_MAX)
    return pages if len(pages) > 1 else [picture_kept(data, collection)]


def content_hash(fields: DocumentFields, images: Iterable[tuple[str, str]], file: str = "") -> str:
    """Return the SHA-256 of everything that an import can set; `images` are (blob's SHA-256, alt) in order.

    `file`: the SHA-256 of the file that the document is made of, if it is.
    """
    values = [
        fields.title,
        fields.body,
        fields.url,
        list(fields.tags),
        fields.metadata,
        [list(image) for image in images],
        *([file] if file else []),
    ]
    text = json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_record(
    external_id: str, fields: DocumentFields, images: Sequence[ImageInput] | None, *, of_file: bool = False
) -> None:
    """Raise AppError `document.*` for the first thing that a document may not hold; one made of a file holds more."""
    _check_external_id(external_id)
    _check_length("title", fields.title)
    _check_url(fields.url)
    for tag in fields.tags:
        _check_length("tag", tag)
    body_max = FILE_BODY_CHARACTERS_MAX if of_file else BODY_CHARACTERS_MAX
    if len(fields.body) > body_max:
        raise AppError("document.body_too_long", limit=body_max)
    if len(fields.tags) > TAGS_MAX:
        raise AppError("document.too_many_tags", limit=TAGS_MAX)
    _check_metadata(fields.metadata)
    _check_images(images, FIGURES_MAX if of_file else IMAGES_MAX)
    _check_storable(external_id, fields, [image.alt for image in images or ()])
    if images is not None:
        check_not_empty(fields, has_images=bool(images))


def is_long(fields: DocumentFields, images: Sequence[ImageInput] | None) -> bool:
    """Return whether only a document that was made of a file may say or show so much."""
    return len(fields.body) > BODY_CHARACTERS_MAX or len(images or ()) > IMAGES_MAX


def check_not_empty(fields: DocumentFields, *, has_images: bool) -> None:
    """Raise AppError `document.empty` for a document without words and pictures."""
    if not has_images and not (fields.title.strip() or fields.body.strip()):
        raise AppError("document.empty")


def _check_metadata(metadata: dict[str, Any]) -> None:
    """Refuse metadata that is too large or too deep, or that JSON in the database cannot hold."""
    text = metadata_text(metadata)
    if len(text) > METADATA_BYTES_MAX:
        raise AppError("document.metadata_too_large", field="metadata", limit=METADATA_BYTES_MAX)
    try:
        DepthMeter(METADATA_DEPTH_MAX + 1).feed(text.encode())
    except JsonTooDeepError:
        raise AppError("document.metadata_too_deep", field="metadata", limit=METADATA_DEPTH_MAX) from None


def metadata_text(metadata: dict[str, Any]) -> str:
    """Return metadata as JSON in ASCII; raises AppError `document.metadata_not_storable`."""
    try:
        return json.dumps(metadata, allow_nan=False)
    except (ValueError, RecursionError):
        raise AppError("document.metadata_not_storable", field="metadata") from None


def _check_external_id(external_id: str) -> None:
    if not external_id.strip():
        raise AppError("document.external_id_missing")
    _check_length("external_id", external_id)


def _check_length(name: str, value: str) -> None:
    if len(value) > LENGTHS_MAX[name]:
        raise AppError("document.field_too_long", field=name, limit=LENGTHS_MAX[name])


def _check_url(url: str) -> None:
    """Only addresses that are safe to click on: `javascript:` and its kin are refused."""
    if not url:
        return
    _check_length("url", url)
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme.lower() not in _SCHEMES or not parts.netloc:
        raise AppError("document.url_invalid", field="url")


def check_image_count(count: int, most: int = IMAGES_MAX) -> None:
    """Raise AppError `document.too_many_images`: asked before any of them is decoded."""
    if count > most:
        raise AppError("document.too_many_images", limit=most)


def _check_images(images: Sequence[ImageInput] | None, most: int) -> None:
    if images is None:
        return
    check_image_count(len(images), most)
    for image in images:
        _check_length("alt", image.alt)


def _check_storable(external_id: str, fields: DocumentFields, alts: list[str]) -> None:
    """Refuse what PostgreSQL cannot hold: NUL characters, and halves of surrogate pairs that JSON lets through."""
    values = [external_id, fields.title, fields.body, fields.url, list(fields.tags), fields.metadata, alts]
    text = json.dumps(values, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _not_text() from None
    if "\\u0000" in text.replace("\\\\", ""):
        raise _not_text()


def _not_text() -> AppError:
    return AppError("document.not_text")
