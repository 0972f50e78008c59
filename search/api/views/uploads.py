"""Resumable uploads by tus 1.0 (https://tus.io/protocols): creation, expiration, termination, checksum."""

from __future__ import annotations

import base64
import binascii
import re
from typing import IO, TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from retrieval_site.errors import AppError
from search.api.access import curated_collection
from search.api.answers import JobAnswer
from search.api.base import ApiView, describe
from search.api.bodies import UPLOAD_PIECE
from search.api.examples import COLLECTION, UPLOADED
from search.api.own_answers import UploadAnswer
from search.api.parameters import Parameters, TrueOrFalseField, validated
from search.api.permissions import signed_in
from search.api.presenting import job_json, upload_json
from search.api.views.imports import LETTERS_HELP, RECOGNITION_HELP
from search.importers.types import CHARACTER_RECOGNITION, EXTRA_COLUMNS, LETTERS, ImportOptions
from search.services.resumable_uploads import (
    BatchImport,
    NewUpload,
    own_upload,
    upload_append,
    upload_create,
    upload_delete,
    uploads_import,
)
from search.services.upload_pieces import ALGORITHMS, UploadPiece
from search.throttling import PICTURE

if TYPE_CHECKING:
    import uuid
    from uuid import UUID

    from rest_framework.request import Request

    from search.models import Collection, ResumableUpload

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination,checksum"
PIECE_TYPE = "application/offset+octet-stream"
_NUMBER = re.compile(r"[0-9]{1,15}")
_METADATA_MAX = 8000
_SAMPLE_NAME = base64.b64encode(b"manuals/p-9.md").decode()
_SAMPLE_COLLECTION = base64.b64encode(COLLECTION.encode()).decode()


def _header(name: str, about: str, example: str, *, required: bool = True) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        required=required,
        description=about,
        default=example or None,
    )


RESUMABLE = _header("Tus-Resumable", "version of the protocol", VERSION)


class PieceParser(BaseParser):
    """A piece of a file, which is read where it is written."""

    media_type = PIECE_TYPE

    def parse(self, stream: IO[Any], media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the body as it comes."""
        return stream


class TusView(ApiView):
    """What each request of the protocol has in common: its version, here and back."""

    members_only = True
    throttle_cost: ClassVar[float] = PICTURE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse another version of the protocol, once it is known who asks."""
        super().initial(request, *args, **kwargs)
        speaks = request.headers.get("Tus-Resumable")
        method = str(request.method).lower()
        if speaks != VERSION and method in ("post", "patch", "delete") and hasattr(self, method):
            raise AppError("upload.version", version=VERSION)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Say what the server can do."""
        return Response(
            status=204,
            headers={
                "Tus-Version": VERSION,
                "Tus-Extension": EXTENSIONS,
                "Tus-Max-Size": str(settings.CONFIG.import_max_bytes),
                "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            },
        )

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the protocol's version in every answer."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final["Tus-Resumable"] = final["Tus-Version"] = VERSION
        return final


class UploadMetadata(Parameters):
    """What `Upload-Metadata` says of a file."""

    filename = serializers.CharField(max_length=1000)
    collection = serializers.SlugField(max_length=80)
    batch = serializers.UUIDField(required=False)
    extra_columns = serializers.ChoiceField(choices=EXTRA_COLUMNS, default="refuse")
    character_recognition = serializers.ChoiceField(choices=CHARACTER_RECOGNITION, required=False)
    letters = serializers.ChoiceField(choices=LETTERS, required=False)
    dry_run = TrueOrFalseField(default=False)
    filetype = serializers.CharField(required=False, allow_blank=True, max_length=200)


class UploadListView(TusView):
    """Beginning an upload."""

    @describe(
        "uploads_create",
        {201: None},
        request=None,
        parameters=[
            RESUMABLE,
            _header("Upload-Length", "bytes of the file", "5"),
            _header(
                "Upload-Metadata",
                "`filename` and `collection`, also `batch` (a UUID), `extra_columns`, `character_recognition`, "
                "`letters`, `dry_run`; values in Base64",
                f"filename {_SAMPLE_NAME},collection {_SAMPLE_COLLECTION}",
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Begin to send a file in pieces (curators): `Location` is where they go.

        Without a `batch` the file is imported as soon as it is whole.
        """
        values = validated(UploadMetadata, _metadata(request.headers.get("Upload-Metadata", "")))
        new = NewUpload(
            name=values["filename"],
            length=_number(request, "Upload-Length"),
            batch=values.get("batch"),
            options=_options(values),
            dry_run=values["dry_run"],
        )
        collection = curated_collection(request, values["collection"])
        made = upload_create(collection=collection, new=new, user=signed_in(request))
        where = request.build_absolute_uri(reverse("api:upload", args=[made.pk]))
        return Response(status=201, headers={"Location": where, **_where(made)})


class UploadView(TusView):
    """One of the caller's uploads."""

    body_rule = UPLOAD_PIECE

    def get_parsers(self) -> list[BaseParser]:
        """Take pieces of files alone."""
        return [PieceParser()]

    @describe("uploads_get", {200: UploadAnswer})
    def get(self, request: Request, upload_id: UUID) -> Response:
        """Show how much of an upload of yours is there; `HEAD` says it in `Upload-Offset`."""
        upload = own_upload(upload_id, signed_in(request))
        return Response(upload_json(upload), headers={**_where(upload), "Upload-Length": str(upload.length)})

    @describe(
        "uploads_append",
        {204: None},
        request={PIECE_TYPE: OpenApiTypes.BINARY},
        parameters=[
            RESUMABLE,
            _header("Upload-Offset", "where in the file the piece begins", "0"),
            _header("Upload-Checksum", "`sha256` and the piece's digest in Base64", "", required=False),
        ],
    )
    def patch(self, request: Request, upload_id: UUID) -> Response:
        """Send the next piece of a file, of at most 64 MiB; the last one of a file alone starts its import."""
        offset = _number(request, "Upload-Offset")
        user = signed_in(request)
        upload = _own_and_curated(request, upload_id)
        checksum = request.headers.get("Upload-Checksum", "")
        body = request.data
        piece = UploadPiece(offset, body if hasattr(body, "read") else _Nothing(), checksum)
        return Response(status=204, headers=_where(upload_append(upload=upload, piece=piece, user=user)))

    @describe("uploads_delete", {204: None}, parameters=[RESUMABLE])
    def delete(self, request: Request, upload_id: UUID) -> Response:
        """Give up an upload of yours; an import that it has started goes on."""
        upload_delete(upload=own_upload(upload_id, signed_in(request)))
        return Response(status=204)


class UploadBatchParameters(Parameters):
    """A batch of files that were sent, and where its documents go."""

    batch = serializers.UUIDField(help_text="as the files' metadata had it")
    collection = serializers.SlugField(max_length=80)
    extra_columns = serializers.ChoiceField(
        choices=EXTRA_COLUMNS,
        default="refuse",
        help_text="what becomes of columns and keys that are no field",
    )
    character_recognition = serializers.ChoiceField(
        choices=CHARACTER_RECOGNITION, required=False, help_text=RECOGNITION_HELP
    )
    letters = serializers.ChoiceField(choices=LETTERS, required=False, help_text=LETTERS_HELP)
    dry_run = TrueOrFalseField(default=False, help_text="say what would happen, write nothing")


class UploadImportView(ApiView):
    """Importing a batch."""

    members_only = True

    @describe("uploads_import", {202: JobAnswer}, request=UploadBatchParameters, examples=[UPLOADED])
    def post(self, request: Request) -> Response:
        """Import all files of a batch with one job (curators); asked again, the same job is the answer."""
        values = validated(UploadBatchParameters, request.data)
        job = uploads_import(
            asked=BatchImport(
                batch=values["batch"],
                options=_options(values),
                dry_run=values["dry_run"],
            ),
            collection=curated_collection(request, values["collection"]),
            user=signed_in(request),
        )
        headers = {"Location": reverse("api:job", args=[job.pk])}
        return Response(job_json(job, request.user), status=202, headers=headers)


def _options(values: dict[str, Any]) -> ImportOptions:
    return ImportOptions(
        extra_columns=values["extra_columns"],
        character_recognition=values.get("character_recognition"),
        letters=values.get("letters"),
    )


class _Nothing:
    """The body of a request that has none."""

    def read(self, size: int, /) -> bytes:
        """Return its end."""
        return b""


def _own_and_curated(request: Request, upload_id: uuid.UUID) -> ResumableUpload:
    """Return an upload of the caller's, who may still import it."""
    upload = own_upload(upload_id, signed_in(request))
    collection: Collection = upload.collection
    curated_collection(request, collection.slug)
    return upload


def _where(upload: ResumableUpload) -> dict[str, str]:
    expires = http_date(upload.expires_at.timestamp())
    return {"Upload-Offset": str(upload.offset), "Upload-Expires": expires}


def _number(request: Request, name: str) -> int:
    """Return a header's number; raises AppError `upload.header`."""
    written = request.headers.get(name, "")
    if not _NUMBER.fullmatch(written):
        raise AppError("upload.header", name=name)
    return int(written)


def _metadata(written: str) -> QueryDict:
    """Return what `Upload-Metadata` says, as a form: all its values are texts.

    It is `key base64` with commas between; raises AppError `upload.header`.
    """
    found = QueryDict(mutable=True)
    for pair in filter(None, written[:_METADATA_MAX].split(",")):
        key, _, encoded = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise AppError("upload.header", name="Upload-Metadata") from error
    return found
