"""The parts of a search as a list: each a picture, a text, a document or a vector, with its weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from retrieval_site.errors import AppError
from search.api.parameters import VectorField, validated
from search.api.pictures import AddressField, FramingParameters, check_framing, image_part
from search.retrieval.types import PARTS_MAX, DocumentPart, EmbeddingPart, TextPart
from workers.formats.bounded_json import JsonError, load_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.request import Request

    from search.retrieval.types import Part

TEXT_MAX = 2000
PARTS = ("image", "image_url", "text", "document", "embedding")
PART_IDS = {
    "image.empty": "image.empty",
    "image_url": "image_url.invalid",
    "text.blank": "text.empty",
    "text.max_length": "text.too_long",
    "text.null_characters_not_allowed": "text.not_text",
    "text.surrogate_characters_not_allowed": "text.not_text",
}


class SearchPart(FramingParameters):
    """One of image, image_url, text, document and embedding, and how much it counts."""

    error_ids = PART_IDS | {"embedding": "embedding.invalid", "weight": "query.weight"}

    image = serializers.CharField(
        required=False, max_length=80, help_text="in a form: the name of its field with the picture's file"
    )
    image_url = AddressField(required=False)
    text = serializers.CharField(required=False, max_length=TEXT_MAX)
    document = serializers.IntegerField(required=False, min_value=1)
    embedding = VectorField(required=False)
    weight = serializers.FloatField(
        default=1.0, min_value=-1, max_value=1, help_text="not 0; negative leads away from it"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none and several in one."""
        one_part(attrs, PARTS)
        check_framing(attrs)
        return attrs


@extend_schema_field(SearchPart(many=True))
class PartsField(serializers.Field[Any, Any, Any, Any]):
    """A list of parts; in a form, its JSON text."""

    json_types = ((list,), "a list of objects")

    default_error_messages = {
        "not_list": "Send a list of objects.",
        "not_json": "This is not JSON that is read here: {reason}.",
    }

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        """Return the checked values of each part."""
        parts = self._from_text(data) if isinstance(data, str) else data
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            self.fail("not_list")
        if len(parts) > PARTS_MAX:
            raise AppError("query.too_many_parts", given=len(parts), limit=PARTS_MAX)
        return [validated(SearchPart, part) for part in parts]

    def to_representation(self, value: Any) -> Any:
        """Return the list as it is."""
        return value

    def _from_text(self, text: str) -> Any:
        try:
            return load_json(text.encode())
        except JsonError as error:
            self.fail("not_json", reason=error)


def one_part(given: Mapping[str, Any], parts: tuple[str, ...]) -> None:
    """Raise AppError `query.parts` for none of `parts` and for several at once."""
    present = [part for part in parts if part in given]
    if len(present) != 1:
        raise AppError("query.parts", parts=list(parts), given=present)


def files_apart(data: Any) -> tuple[Any, dict[str, UploadedFile[bytes]]]:
    """Return a form without the files that its `parts` name, and these files; anything else as it is."""
    if not isinstance(data, QueryDict) or "parts" not in data:
        return data, {}
    sent: dict[str, Any] = dict(data.items())
    files: dict[str, UploadedFile[bytes]] = {
        name: file for name, file in sent.items() if isinstance(file, UploadedFile)
    }
    rest = data.copy()
    for name in files:
        del rest[name]
    return rest, files


def parts_asked(
    request: Request, values: list[dict[str, Any]], files: Mapping[str, UploadedFile[bytes]]
) -> tuple[Part, ...]:
    """Return the parts of a list.

    Raises AppError `query.part_file` for a picture whose file is not there, `parameter.unknown` for a file too many.
    """
    named = {part["image"] for part in values if "image" in part}
    if missing := sorted(named - set(files)):
        raise AppError("query.part_file", missing=missing)
    if unknown := sorted(set(files) - named):
        raise AppError("parameter.unknown", unknown=unknown, known=sorted(named))
    sent = [part | {"image": files[part["image"]]} if "image" in part else part for part in values]
    return tuple(part_asked(request, part) for part in sent)


def part_asked(request: Request, values: Mapping[str, Any]) -> Part:
    """Return the one part that the values say; an image is its file."""
    weight = values.get("weight", 1.0)
    if "image" in values or "image_url" in values:
        return image_part(request, values)
    if "text" in values:
        return TextPart(values["text"], weight)
    if "document" in values:
        return DocumentPart(values["document"], weight)
    return EmbeddingPart(values["embedding"], weight)
