"""Parameters of a picture that is asked with: its file or its address, and which part of it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from search.api.parameters import Parameters, VectorField
from search.retrieval.types import ImagePart
from search.services.uploads import picture_of_address, read_picture
from search.throttling import caller_of
from workers.fetching.addresses import CHARACTERS_MAX
from workers.inference.framing import TURNS, crop_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.request import Request

    from search.models import ApiToken
    from workers.inference.framing import Crop

FRAMING = ("crop", "turn")
CROP = "left, top, width and height of a part, as fractions of the picture's sides, once it is upright and turned"


@extend_schema_field({"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4})
class CropField(VectorField):
    """A part of a picture: left, top, width and height as fractions of its sides.

    In a form it is four fields of the same name, or one with the list's JSON text.
    """

    default_error_messages = {
        "not_a_part": "Send [left, top, width, height] of a part, as fractions of the picture's sides: {reason}.",
    }

    def get_value(self, dictionary: Any) -> Any:
        """Return what was sent; the fields of a form as one text."""
        fields = dictionary.getlist(self.field_name or "") if isinstance(dictionary, QueryDict) else []
        return f"[{','.join(fields)}]" if len(fields) > 1 else super().get_value(dictionary)

    def to_internal_value(self, data: Any) -> Crop | None:  # type: ignore[override]
        """Return the part, None where it is the whole picture."""
        try:
            return crop_of(super().to_internal_value(data))
        except ValueError as error:
            self.fail("not_a_part", reason=error)


class AddressField(serializers.CharField):
    """The address of a picture, which is fetched."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=CHARACTERS_MAX, help_text="http or https; it is fetched", **options)


class TurnField(serializers.ChoiceField):
    """How a picture is turned, clockwise."""

    json_types = ((int,), "an integer")

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=TURNS, help_text="degrees, clockwise; before `crop`", **options)

    def to_internal_value(self, data: Any) -> int:  # type: ignore[override]
        """Return the degrees."""
        return int(super().to_internal_value(data))


class FramingParameters(Parameters):
    """Which part of a picture counts."""

    crop = CropField(required=False, help_text=CROP)
    turn = TurnField(required=False)


def check_framing(values: Mapping[str, Any]) -> None:
    """Raise ValidationError for a part or a turn of something that is no picture."""
    if not {"image", "image_url"} & set(values) and (lost := [name for name in FRAMING if name in values]):
        raise serializers.ValidationError({name: ["This goes with a picture."] for name in lost})


def image_part(request: Request, values: Mapping[str, Any]) -> ImagePart:
    """Return the picture that a caller sent, or whose address they sent, with the part of it that counts."""
    if "image" in values:
        data = read_picture(values["image"])
    else:
        data = picture_of_address(
            values["image_url"], caller_of(request, cast("ApiToken | None", request.auth))
        )
    return ImagePart(data, values.get("weight", 1.0), crop=values.get("crop"), turn=values.get("turn", 0))
