"""Dataclasses from the JSON of a row and back: every value is of the type that its field says, or it is refused.

Fields are numbers, strings, None, lists (as tuples), objects (as dicts), literals, other dataclasses, or unions of
these. A field is left out of the JSON while it has its default, and has its default where the JSON leaves it out: so a
version that knows more fields reads the rows of one that knew fewer. `field(metadata={"key": …})` names the JSON's key.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

C = TypeVar("C")


class NotReadableError(ValueError):
    """The JSON is not of the form that was asked for; says where."""


def from_json(cls: type[C], data: Any, *, extra: bool = False, where: str = "") -> C:
    """Return the dataclass `cls` read from JSON; `extra` skips keys that it has no field for, else they are refused.

    Raises NotReadableError.
    """
    if not isinstance(data, Mapping):
        raise NotReadableError(f"{where or cls.__name__} is no object.")
    shape = _shape(cast("Any", cls))
    if not extra and (unknown := sorted(set(data) - set(shape))):
        raise NotReadableError(f"{where or cls.__name__} has no {unknown[0]!r}.")
    values = {
        name: _value(hint, data[key], f"{where}.{key}".lstrip("."))
        for key, (name, hint) in shape.items()
        if key in data
    }
    try:
        return cls(**values)
    except TypeError as error:
        raise NotReadableError(f"{where or cls.__name__} is incomplete: {error}.") from None


def to_json(value: Any) -> Any:
    """Return what `from_json` reads: plain objects, lists and values."""
    if is_dataclass(value):
        return {
            _key(field): to_json(getattr(value, field.name))
            for field in fields(value)
            if field.default is MISSING or getattr(value, field.name) != field.default
        }
    if isinstance(value, Mapping):
        return {key: to_json(inner) for key, inner in value.items()}
    return [to_json(inner) for inner in value] if isinstance(value, tuple | list) else value


@cache
def _shape(cls: Any) -> dict[str, tuple[str, Any]]:
    """Return each key of the JSON with the field's name and type."""
    hints = get_type_hints(cls)
    return {_key(field): (field.name, hints[field.name]) for field in fields(cls)}


def _key(field: Any) -> str:
    return str(field.metadata.get("key", field.name))


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin in {Union, types.UnionType}:
        return _one_of(get_args(hint), value, where)
    if origin is Literal:
        return _expected(value in get_args(hint), value, where)
    if origin is dict:
        inner = get_args(hint)[1]
        _expected(isinstance(value, Mapping), value, where)
        return {key: _value(inner, one, f"{where}.{key}") for key, one in value.items()}
    if origin is tuple:
        inner = get_args(hint)[0]
        _expected(isinstance(value, list | tuple), value, where)
        return tuple(_value(inner, one, f"{where}[{at}]") for at, one in enumerate(value))
    if is_dataclass(hint):
        return from_json(cast("type[Any]", hint), value, where=where)
    return _scalar(hint, value, where)


def _one_of(hints: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None:
        return _expected(types.NoneType in hints, value, where)
    *others, last = (hint for hint in hints if hint is not types.NoneType)
    for hint in others:
        try:
            return _value(hint, value, where)
        except NotReadableError:
            continue
    return _value(last, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and type(value) is int:
        return float(value)
    return _expected(type(value) is hint, value, where)


def _expected(fits: bool, value: Any, where: str) -> Any:  # noqa: FBT001  a check, not an option
    if not fits:
        raise NotReadableError(f"{where} cannot be {value!r}.")
    return value
