"""Reading what a caller sent: every parameter is known or refused, so that a typo is never silent."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from retrieval_site.errors import AppError
from search.services.document_fields import METADATA_BYTES_MAX, METADATA_DEPTH_MAX
from workers.inference.bounded_json import JsonError, JsonTooDeepError, load_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

NAMES_SHOWN, NAME_SHOWN_CHARACTERS = 20, 80
"""Of unknown parameters: an answer does not repeat all that a caller can send."""

_NUL = "\x00"


class Parameters(serializers.Serializer[Any]):
    """A serializer for input that refuses what it does not know."""

    not_built_yet: Collection[str] = ()

    def to_internal_value(self, data: Any) -> Any:
        """Raise `parameter.unknown` or `parameter.not_supported` before looking at values."""
        if hasattr(data, "keys"):
            refuse_unknown(data.keys(), self.fields, self.not_built_yet)
        return super().to_internal_value(data)


class NoParameters(Parameters):
    """For requests that take none."""


def refuse_unknown(given: Iterable[str], known: Iterable[str], not_built_yet: Collection[str] = ()) -> None:
    """Raise AppError for the names that are not known, apart for those that a later version will know."""
    names = {name[:NAME_SHOWN_CHARACTERS] for name in islice(_unknown(given, known), NAMES_SHOWN)}
    if not names:
        return
    if planned := sorted(names & set(not_built_yet)):
        raise not_supported(planned)
    raise AppError(
        "parameter.unknown",
        f"Unknown parameters: {', '.join(sorted(names))}.",
        detail={"unknown": sorted(names), "known": sorted(known)},
    )


def _unknown(given: Iterable[str], known: Iterable[str]) -> Iterable[str]:
    allowed = set(known)
    return (name for name in given if name not in allowed)


def not_supported(names: Iterable[str]) -> AppError:
    """Return the refusal of what the design names and this version does not do yet."""
    listed = list(names)
    return AppError(
        "parameter.not_supported",
        f"Not supported by this version: {', '.join(listed)}.",
        detail={"parameters": listed},
    )


def validated(serializer: type[Parameters], data: Any, *, partial: bool = False) -> dict[str, Any]:
    """Return the checked values of `data`; raises AppError or ValidationError."""
    return dict(_reader(serializer, partial).run_validation(data))


@cache
def _reader(serializer: type[Parameters], partial: bool) -> Parameters:  # noqa: FBT001  a cache's key
    """Return the one serializer of its kind: making it copies every field, which takes ten times as long as reading."""
    return serializer(partial=partial)


class ShortListField(serializers.ListField):
    """A list that is counted before its entries are looked at: an entry takes as long as a small request."""

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the list; raises ValidationError at once for one that is too long."""
        if self.max_length is not None and isinstance(data, list) and len(data) > self.max_length:
            message = f"Send at most {self.max_length} entries."
            raise serializers.ValidationError([message], code="max_length")
        values: list[Any] = super().to_internal_value(data)
        return values


@extend_schema_field({"type": "object", "additionalProperties": True})
class JsonObjectField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object; in a form, its text. Refuses what PostgreSQL's jsonb cannot hold."""

    default_error_messages = {
        "not_object": "Send a JSON object.",
        "too_large": f"Send at most {METADATA_BYTES_MAX} bytes.",
        "too_deep": f"Nest at most {METADATA_DEPTH_MAX} levels.",
        "bad_value": "NUL characters and numbers that are not finite cannot be kept.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object."""
        value = self._from_text(data) if isinstance(data, str) else data
        if not isinstance(value, dict):
            self.fail("not_object")
        if len(json.dumps(value)) > METADATA_BYTES_MAX:
            self.fail("too_large")
        found = list(leaves(value))
        if any(depth > METADATA_DEPTH_MAX for _, depth in found):
            self.fail("too_deep")
        if any(_unstorable(leaf) for leaf, _ in found):
            self.fail("bad_value")
        return value

    def to_representation(self, value: Any) -> Any:
        """Return the object as it is."""
        return value

    def _from_text(self, text: str) -> Any:
        try:
            return load_json(text)
        except JsonTooDeepError:
            self.fail("too_deep")
        except JsonError:
            self.fail("not_object")


def leaves(value: Any) -> Iterable[tuple[Any, int]]:
    """Yield every key, every value and every empty container below a JSON value with its depth, without recursion."""
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, dict) and item:
            waiting += [(inner, depth + 1) for pair in item.items() for inner in pair]
        elif isinstance(item, list) and item:
            waiting += [(inner, depth + 1) for inner in item]
        else:
            yield item, depth


def _unstorable(leaf: Any) -> bool:
    if isinstance(leaf, str):
        return _NUL in leaf or bool(_LONE_SURROGATE.search(leaf))
    return isinstance(leaf, float) and not math.isfinite(leaf)


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@extend_schema_field({"type": "array", "items": {"type": "number"}})
class VectorField(serializers.Field[Any, Any, Any, Any]):
    """An embedding: a list of finite numbers; in a form, its JSON text. One pass, not one field a number."""

    default_error_messages = {
        "not_numbers": "Send a list of finite numbers.",
        "bad_length": "Send 1 to {most} numbers.",
    }
    most = 16_000  # halfvec's own limit

    def to_internal_value(self, data: Any) -> tuple[float, ...]:
        """Return the numbers; their count is checked against the model later."""
        values = self._from_text(data) if isinstance(data, str) else data
        if not isinstance(values, list):
            self.fail("not_numbers")
        if not 1 <= len(values) <= self.most:
            self.fail("bad_length", most=self.most)
        if any(type(value) not in (int, float) for value in values):
            self.fail("not_numbers")
        return self._finite(values)

    def to_representation(self, value: Any) -> Any:
        """Return the list as it is."""
        return value

    def _from_text(self, text: str) -> Any:
        try:
            return load_json(text)
        except JsonError:
            self.fail("not_numbers")

    def _finite(self, values: list[float]) -> tuple[float, ...]:
        try:
            numbers = tuple(float(value) for value in values)
        except OverflowError:
            self.fail("not_numbers")
        if not all(map(math.isfinite, numbers)):
            self.fail("not_numbers")
        return numbers


@extend_schema_field(OpenApiTypes.BINARY)
class UploadField(serializers.FileField):
    """A file of a multipart form, described as binary in the schema."""


def changed(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return those of `names` that the caller sent."""
    return {name: values[name] for name in names if name in values}
