"""Typed configs from plain data and back: one strict parser for recipes, `--set` and a bundle's native.json.

A config is a frozen dataclass of numbers, words, tuples and other configs. Where a part of the family can be of several
kinds, its field is a union of dataclasses that are told apart by their `kind`.
"""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from workers.neural.errors import ModelConfigError

C = TypeVar("C")


def config_from(cls: type[C], data: Any, where: str = "config") -> C:
    """The dataclass `cls` read from a mapping; ModelConfigError names the key that is unknown or of a wrong type."""
    if not isinstance(data, Mapping):
        raise ModelConfigError(f"{where} must be a table of settings.")
    hints = get_type_hints(cls)
    known = {field.name for field in dataclasses.fields(cast("Any", cls))}
    if unknown := sorted(set(data) - known):
        raise ModelConfigError(f"{where} has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}.")
    values = {key: _value(hints[key], value, f"{where}.{key}") for key, value in data.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise ModelConfigError(f"{where} is incomplete: {error}.") from None


def config_to(config: Any) -> dict[str, Any]:
    """The plain mapping from which `config_from` makes the same config; JSON can carry it."""
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def config_set(data: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of plain config data with the dotted `key` set. Setting a `kind` drops the former kind's settings.

    A table that is not there is begun; reading the whole says whether there is such a setting.
    """
    head, _, rest = key.partition(".")
    if not rest:
        return {"kind": value} if head == "kind" else {**data, head: value}
    child = data.get(head, {})
    if not isinstance(child, Mapping):
        raise ModelConfigError(f"There is no table of settings {head!r} to set {rest!r} in.")
    return {**data, head: config_set(child, rest, value)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return config_to(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin is Literal:
        return _one_of(get_args(hint), value, where)
    if origin in {Union, types.UnionType}:
        return _of_kind(get_args(hint), value, where)
    if origin is tuple:
        return _tuple(get_args(hint), value, where)
    if dataclasses.is_dataclass(hint):
        return config_from(cast("type[Any]", hint), value, where)
    return _scalar(hint, value, where)


def _one_of(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if value not in choices:
        raise ModelConfigError(f"{where} must be one of {', '.join(map(str, choices))}, not {value!r}.")
    return value


def _of_kind(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise ModelConfigError(f"{where} must be a table of settings with a kind.")
    by_name = {_kind_name(kind): kind for kind in kinds}
    name = value.get("kind")
    if not isinstance(name, str) or name not in by_name:
        raise ModelConfigError(f"{where}.kind must be one of {', '.join(sorted(by_name))}, not {name!r}.")
    return config_from(by_name[name], value, where)


def _kind_name(cls: Any) -> str:
    return next(str(field.default) for field in dataclasses.fields(cls) if field.name == "kind")


def _tuple(items: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ModelConfigError(f"{where} must be a list.")
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_value(items[0], item, f"{where}[{n}]") for n, item in enumerate(value))
    if len(value) != len(items):
        raise ModelConfigError(f"{where} must have {len(items)} entries.")
    return tuple(
        _value(hint, item, f"{where}[{n}]") for n, (hint, item) in enumerate(zip(items, value, strict=True))
    )


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ModelConfigError(f"{where} must be {hint.__name__}, not {value!r}.")
    return value
