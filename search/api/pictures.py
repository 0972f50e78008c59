"""Parameters of a picture that is asked with: which part of it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from search.api.parameters import VectorField
from search.retrieval.types import ImagePart
from search.services.uploads import read_picture
from workers.inference.framing import TURNS, crop_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.inference.framing import Crop

FRAMING = ("crop", "turn")
CROP = "left, top, width and height of a part, as fractions of the picture's sides, once it is upright and turned"


@extend_schema_field({"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4})
class CropField(VectorField):
    """A part of a picture: left, top, width and height as fractions of its sides; in a form, the list's JSON text."""

    default_error_messages = {
        "not_a_part": "Send [left, top, width, height] of a part, as fractions of the picture's sides: {reason}.",
    }

    def to_internal_value(self, data: Any) -> Crop | None:  # type: ignore[override]  a part, or all of it
        """Return the part, None where it is the whole picture."""
        try:
            return crop_of(super().to_internal_value(data))
        except ValueError as error:
            self.fail("not_a_part", reason=error)


class TurnField(serializers.ChoiceField):
    """How a picture is turned, clockwise."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=TURNS, help_text="degrees, clockwise; before `crop`", **options)

    def to_internal_value(self, data: Any) -> int:
        """Return the degrees."""
        return int(super().to_internal_value(data))


def check_framing(values: Mapping[str, Any]) -> None:
    """Raise ValidationError for a part or a turn of something that is no picture."""
    if "image" not in values and (lost := [name for name in FRAMING if name in values]):
        raise serializers.ValidationError({name: ["This goes with a picture."] for name in lost})


def image_part(values: Mapping[str, Any]) -> ImagePart:
    """Return the picture that a caller sent, with the part of it that counts."""
    return ImagePart(read_picture(values["image"]), crop=values.get("crop"), turn=values.get("turn", 0))
