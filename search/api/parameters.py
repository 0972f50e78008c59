"""Reading what a caller sent: every parameter is known or refused, so that a typo is never silent."""

from __future__ import annotations

import json
import math
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from retrieval_site.errors import AppError
from search.json_values import is_storable, leaves
from search.services.document_fields import METADATA_BYTES_MAX, METADATA_DEPTH_MAX
from workers.error_table import sentence
from workers.formats.bounded_json import JsonError, JsonTooDeepError, load_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

NAMES_SHOWN, NAME_SHOWN_CHARACTERS = 20, 80
"""Of unknown parameters: an answer does not repeat all that a caller can send."""


class Parameters(serializers.Serializer[Any]):
    """A serializer for input that refuses what it does not know.

    `error_ids` names what is wrong with a value more exactly than `parameter.invalid`: by `FIELD.CODE`, of an entry
    of a list `FIELD[].CODE`, or by `FIELD` alone.
    """

    not_built_yet: Collection[str] = ()
    error_ids: ClassVar[Mapping[str, str]] = {}

    def to_internal_value(self, data: Any) -> Any:
        """Raise `parameter.unknown` or `parameter.not_supported` before looking at values."""
        if hasattr(data, "keys"):
            refuse_unknown(data.keys(), self.fields, self.not_built_yet)
        if isinstance(data, QueryDict):
            self._check_not_empty(data)
        elif isinstance(data, dict):
            self._check_types(data)
        if hasattr(data, "items"):
            self._check_lengths(data)
        return super().to_internal_value(data)

    def _check_not_empty(self, words: QueryDict) -> None:
        """Raise ValidationError for `name=` in a form or a query string, where no empty text is meant."""
        allowed = {name for name, field in self.fields.items() if getattr(field, "allow_blank", False)}
        empty = [name for name, value in words.items() if value == "" and name not in allowed]
        if empty:
            sentence = "Send a value, or leave it out."
            raise serializers.ValidationError({name: [sentence] for name in empty}, code="blank")

    def _check_types(self, values: Mapping[str, Any]) -> None:
        """Raise ValidationError for JSON of another type than the schema says: no number is meant for a text."""
        found = {name: _wrong_types(self.fields[name], value) for name, value in values.items()}
        if wrong := {name: words for name, words in found.items() if words}:
            raise serializers.ValidationError(wrong, code="type")

    def _check_lengths(self, values: Mapping[str, Any]) -> None:
        """Raise ValidationError for what only the space around a text makes too long: the schema says what is sent."""
        texts = {name: self.fields[name] for name, value in values.items() if isinstance(value, str)}
        long = {
            name: [field.error_messages["max_length"].format(max_length=field.max_length)]
            for name, field in texts.items()
            if isinstance(field, serializers.CharField) and len(values[name]) > (field.max_length or math.inf)
        }
        if long:
            raise serializers.ValidationError(long, code="max_length")


_JSON_TYPES: dict[type[Any], tuple[tuple[type[Any], ...], str]] = {
    serializers.CharField: ((str,), "a string"),
    serializers.UUIDField: ((str,), "a string"),
    serializers.IntegerField: ((int,), "an integer"),
    serializers.FloatField: ((int, float), "a number"),
    serializers.BooleanField: ((bool,), "true or false"),
}
_NAMES = {str: "a string", bool: "true or false", int: "a number", float: "a number", list: "a list"}


def _json_type(value: Any) -> str:
    return _NAMES.get(type(value), "an object")


def _wrong_types(field: Any, value: Any) -> list[str]:
    """Return what is wrong with the JSON type of a value, or of the entries of a list.

    A field that is none of those above may say what it takes as `json_types`.
    """
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return next((words for entry in value if (words := _wrong_types(field.child, entry))), [])
    known = (takes for kind, takes in _JSON_TYPES.items() if isinstance(field, kind))
    types, word = getattr(field, "json_types", None) or next(known, ((), ""))
    if not types or value is None or type(value) in types:
        return []
    return [f"Send {word}, not {_json_type(value)}."]


class NoParameters(Parameters):
    """For requests that take none."""


def refuse_unknown(given: Iterable[str], known: Iterable[str], not_built_yet: Collection[str] = ()) -> None:
    """Raise AppError for the names that are not known, apart for those that a later version will know."""
    names = {name[:NAME_SHOWN_CHARACTERS] for name in islice(_unknown(given, known), NAMES_SHOWN)}
    if not names:
        return
    if planned := sorted(names & set(not_built_yet)):
        raise not_supported(planned)
    raise AppError("parameter.unknown", unknown=sorted(names), known=sorted(known))


def _unknown(given: Iterable[str], known: Iterable[str]) -> Iterable[str]:
    allowed = set(known)
    return (name for name in given if name not in allowed)


def not_supported(names: Iterable[str]) -> AppError:
    """Return the refusal of what the design names and this version does not do yet."""
    return AppError("parameter.not_supported", parameters=list(names))


def validated(serializer: type[Parameters], data: Any, *, partial: bool = False) -> dict[str, Any]:
    """Return the checked values of `data`; raises AppError or ValidationError."""
    try:
        return dict(_reader(serializer, partial).run_validation(data))
    except serializers.ValidationError as failure:
        raise _with_own_id(failure, _reader(serializer, partial)) or failure from failure


def _with_own_id(failure: serializers.ValidationError, reader: Parameters) -> AppError | None:
    """Return the failure under the id that the serializer names for it, None where it names none."""
    fields = failure.detail if isinstance(failure.detail, dict) else {}
    for field, details in fields.items():
        for name, detail in _named(str(field), details):
            error_id = reader.error_ids.get(f"{name}.{detail.code}") or reader.error_ids.get(str(field))
            if error_id:
                facts = {"field": field, "reason": detail, "limit": _limit(reader, name, detail.code)}
                return AppError.quoting(error_id, sentence(error_id, facts), {**fields, "field": field})
    return None


def _limit(reader: Parameters, name: str, code: str) -> int | None:
    """Return how much a field may hold, or with `FIELD[]` an entry of it."""
    field = reader.fields.get(name.removesuffix("[]"))
    if isinstance(field, JsonObjectField):
        return field.limits.get(code)
    return getattr(getattr(field, "child", field) if name.endswith("[]") else field, "max_length", None)


def _named(field: str, details: Any) -> Iterator[tuple[str, Any]]:
    """Yield what is wrong with a field, and as `FIELD[]` with the entries of a list."""
    if isinstance(details, dict):
        for of_entry in details.values():
            yield from _named(f"{field}[]", of_entry)
    else:
        yield from ((field, detail) for detail in details)


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


class CollectionsField(ShortListField):
    """Slugs of the collections that are meant."""

    def __init__(self, **options: Any) -> None:
        child = serializers.SlugField(max_length=80)
        super().__init__(child=child, default=list, max_length=100, help_text="default: all", **options)


@extend_schema_field({"type": "object", "additionalProperties": True})
class JsonObjectField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object; in a form, its text. Refuses what PostgreSQL's jsonb cannot hold."""

    json_types = ((dict,), "a JSON object")
    limits: ClassVar[Mapping[str, int]] = {"too_large": METADATA_BYTES_MAX, "too_deep": METADATA_DEPTH_MAX}

    default_error_messages = {
        "not_object": "Send a JSON object.",
        "not_json": "This is not JSON that is read here: {reason}.",
        "too_large": f"Send at most {METADATA_BYTES_MAX} bytes.",
        "too_deep": f"Nest at most {METADATA_DEPTH_MAX} levels.",
        "not_text": "NUL characters and halves of surrogate pairs cannot be kept.",
        "not_finite": "Numbers that are not finite cannot be kept.",
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
        if not is_storable(value):
            self.fail("not_text")
        if any(isinstance(leaf, float) and not math.isfinite(leaf) for leaf, _ in found):
            self.fail("not_finite")
        return value

    def to_representation(self, value: Any) -> Any:
        """Return the object as it is."""
        return value

    def _from_text(self, text: str) -> Any:
        try:
            return load_json(text)
        except JsonTooDeepError:
            self.fail("too_deep")
        except JsonError as error:
            self.fail("not_json", reason=error)


VECTOR_MAX = 16_000  # halfvec's own limit


@extend_schema_field({"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": VECTOR_MAX})
class VectorField(serializers.Field[Any, Any, Any, Any]):
    """An embedding: a list of finite numbers; in a form, its JSON text. One pass, not one field a number."""

    json_types = ((list,), "a list of numbers")

    default_error_messages = {
        "not_numbers": "Send a list of finite numbers.",
        "bad_length": f"Send 1 to {VECTOR_MAX} numbers.",
    }

    def to_internal_value(self, data: Any) -> tuple[float, ...]:
        """Return the numbers; their count is checked against the model later."""
        values = self._from_text(data) if isinstance(data, str) else data
        if not isinstance(values, list):
            self.fail("not_numbers")
        if not 1 <= len(values) <= VECTOR_MAX:
            self.fail("bad_length")
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


@extend_schema_field({"type": "string", "format": "binary", "minLength": 1})
class UploadField(serializers.FileField):
    """A file of a multipart form, described as binary in the schema."""


class TrueOrFalseField(serializers.BooleanField):
    """`true` or `false`, in a form in words; not the many spellings that forms of pages have."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the value."""
        found = {"true": True, "false": False}.get(str(data).lower())
        if found is None:
            self.fail("invalid", input=data)
        return bool(found)


def changed(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return those of `names` that the caller sent."""
    return {name: values[name] for name in names if name in values}
