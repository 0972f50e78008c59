"""Importing a file of documents: the answer comes at once, the work is a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from rest_framework import serializers
from rest_framework.response import Response

from search.api.access import curated_collection
from search.api.answers import JobAnswer
from search.api.base import ApiView, describe
from search.api.bodies import IMPORT
from search.api.examples import IMPORTED
from search.api.parameters import JsonObjectField, Parameters, TrueOrFalseField, UploadField, validated
from search.api.permissions import signed_in
from search.api.presenting import job_json
from search.importers.types import CHARACTER_RECOGNITION, EXTRA_COLUMNS, FORMATS, LETTERS, ImportOptions
from search.services.imports import import_start

if TYPE_CHECKING:
    from rest_framework.request import Request

RECOGNITION_HELP = (
    "which pictures of text are read: none, scanned pages, or all with figures and photographs; "
    "default: as the collection says"
)
LETTERS_HELP = (
    "the letters that are read on scanned pages: Latin ones, or all that are known; "
    "default: by the collection's language"
)
FILE_FORMATS = tuple(name for name in FORMATS if name != "folder")


class ImportParameters(Parameters):
    """A file (JSON Lines, CSV, zip with pictures, COCO or Karpathy captions) and where its documents go."""

    error_ids = {"file.empty": "import.empty"}

    file = UploadField()
    collection = serializers.SlugField(max_length=80)
    format = serializers.ChoiceField(
        choices=FILE_FORMATS, required=False, help_text="default: seen from the content"
    )
    per = serializers.ChoiceField(
        choices=["caption", "picture"],
        required=False,
        help_text="of captions: a document for each …; default: picture where the pictures come along, else caption",
    )
    extra_columns = serializers.ChoiceField(
        choices=EXTRA_COLUMNS,
        default="refuse",
        help_text="what becomes of columns and keys that are no field",
    )
    table = serializers.CharField(
        required=False,
        max_length=1000,
        help_text="the file of a zip that lists the documents, where several could",
    )
    mapping = JsonObjectField(
        required=False,
        help_text="what the columns of a table become; default: the mapping that the collection keeps for them",
    )
    character_recognition = serializers.ChoiceField(
        choices=CHARACTER_RECOGNITION, required=False, help_text=RECOGNITION_HELP
    )
    letters = serializers.ChoiceField(choices=LETTERS, required=False, help_text=LETTERS_HELP)
    dry_run = TrueOrFalseField(default=False, help_text="say what would happen, write nothing")


class ImportView(ApiView):
    """Starting an import."""

    takes_files = True
    body_rule = IMPORT

    @describe(
        "documents_import",
        {202: JobAnswer},
        request={"multipart/form-data": ImportParameters},
        examples=[IMPORTED],
    )
    def post(self, request: Request) -> Response:
        """Import a file (curators): 202 and the job to watch; the same file again changes nothing."""
        values = validated(ImportParameters, request.data)
        job = import_start(
            collection=curated_collection(request, values["collection"]),
            file=values["file"],
            options=ImportOptions(
                values.get("format"),
                values.get("per"),
                values["extra_columns"],
                values.get("table"),
                values.get("mapping"),
                values.get("character_recognition"),
                values.get("letters"),
            ),
            dry_run=values["dry_run"],
            owner=signed_in(request),
        )
        headers = {"Location": reverse("api:job", args=[job.pk])}
        return Response(job_json(job, request.user), status=202, headers=headers)
