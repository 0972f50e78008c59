"""What can be set for a source, by its kind; kept as JSON in its row."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from django.utils.translation import gettext

from retrieval_site.errors import AppError
from retrieval_site.typed_json import NotReadableError, from_json, to_json
from search.importers.types import CharacterRecognition, Letters  # noqa: TC001  `from_json` reads the hints
from search.models import Source
from search.services.document_fields import IMAGES_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class PictureTextOptions:
    """Of sources with pictures: which pictures of text are read, and in which letters; None is as the collection says.

    The canvases of IIIF are read where the source itself says so; `pages` and `all` are the same of them.
    """

    character_recognition: CharacterRecognition | None = None
    letters: Letters | None = None


@dataclass(frozen=True, kw_only=True)
class FolderOptions(PictureTextOptions):
    """`settle_seconds`: a file that was written to since is left to the next round."""

    settle_seconds: int = 30


@dataclass(frozen=True, kw_only=True)
class OaiOptions:
    """`set`: only the records of this set. `fields`: what becomes of an element of Dublin Core, where not the usual.

    A field is `title`, `body`, `url`, `tags`, `metadata.NAME`, or nothing: then the element is left out.
    """

    set: str = ""
    fields: dict[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class IiifOptions(PictureTextOptions):
    """`pictures`: of how many canvases of a manifest, at most; `longest_side`: how large they are, in pixels."""

    pictures: int = 20
    longest_side: int = 1600


@dataclass(frozen=True, kw_only=True)
class S3Options(PictureTextOptions):
    """`endpoint`: address of the service, of Amazon's own where it is empty; `region` is what requests are signed for.

    `server_keys`: the operator's keys are used where the source has none of its own.
    """

    endpoint: str = ""
    region: str = "us-east-1"
    server_keys: bool = False

    @property
    def service(self) -> str:
        """The endpoint that is asked."""
        return self.endpoint.rstrip("/") or f"https://s3.{self.region}.amazonaws.com"


Options: TypeAlias = FolderOptions | OaiOptions | IiifOptions | S3Options

OPTIONS: dict[str, type[Options]] = {
    Source.Kind.FOLDER: FolderOptions,
    Source.Kind.OAI_PMH: OaiOptions,
    Source.Kind.IIIF: IiifOptions,
    Source.Kind.S3: S3Options,
}
LONGEST_SIDES_PX = range(200, 4001)
SETTLE_SECONDS = range(86_401)
FIELDS = ("title", "body", "url", "tags", "")


def read_options(kind: str, values: Mapping[str, Any]) -> Options:
    """Return the options of a source of this kind; raises AppError `source.options_invalid`."""
    try:
        options = from_json(OPTIONS[kind], values)
    except NotReadableError as error:
        raise AppError("source.options_invalid", reason=str(error)) from None
    if reason := _wrong(options):
        raise AppError("source.options_invalid", reason=reason)
    return options


def _wrong(options: Options) -> str:
    if isinstance(options, FolderOptions):
        return (
            "" if options.settle_seconds in SETTLE_SECONDS else gettext("settle_seconds is from 0 to 86400.")
        )
    if isinstance(options, IiifOptions):
        if options.pictures not in range(IMAGES_MAX + 1):
            return gettext("pictures is from 0 to {images_max}.").format(images_max=IMAGES_MAX)
        return (
            "" if options.longest_side in LONGEST_SIDES_PX else gettext("longest_side is from 200 to 4000.")
        )
    if isinstance(options, S3Options):
        return _wrong_s3(options)
    unknown = [
        field
        for field in (options.fields or {}).values()
        if field not in FIELDS and not (field.startswith("metadata.") and len(field) > len("metadata."))
    ]
    return gettext("{unknown} is no field of a document.").format(unknown=repr(unknown[0])) if unknown else ""


def _wrong_s3(options: S3Options) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,60}", options.region):
        return gettext("region is a name such as eu-central-1.")
    if urlsplit(options.service).path or "?" in options.service or "#" in options.service:
        return gettext("endpoint is an address without a path, such as https://s3.example.org.")
    return ""


def fingerprint(options: Options) -> str:
    """Return what changes when the options do: then all is made anew."""
    return hashlib.sha256(json.dumps(to_json(options), sort_keys=True).encode()).hexdigest()[:12]
