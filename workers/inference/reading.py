"""Read untrusted JSON with types: each wrong or missing value is refused by the path of its key."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from workers.formats.bounded_json import DepthMeter, no_constant, short_integer, without_doubles
from workers.inference.errors import UNKEPT, BundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DEPTH_MAX = 32
_KEY_MAX = 200


def refuse(key: str, problem: str) -> NoReturn:
    """Refuse the manifest because of one key; raises BundleError `bundle.manifest_invalid`."""
    key = key[:_KEY_MAX]
    raise BundleError("bundle.manifest_invalid", key=key, problem=problem)


def read_json(data: bytes) -> dict[str, Any]:
    """Return the JSON object in `data`; refuse repeated keys and anything that is no object.

    Also refused, wherever it stands: what no database or JSON keeps (numbers that are not finite or beyond 64 bits,
    NUL, halves of surrogate pairs), and nesting deeper than any manifest needs.
    """
    try:
        text = data.decode(json.detect_encoding(data))
        DepthMeter(DEPTH_MAX).feed(text.encode())
        found = json.loads(
            text, object_pairs_hook=without_doubles, parse_constant=no_constant, parse_int=short_integer
        )
    except (ValueError, RecursionError) as error:
        raise BundleError("bundle.manifest_invalid/json", key="", reason=str(error)) from error
    if not isinstance(found, dict):
        raise BundleError("bundle.manifest_invalid/object", key="")
    _check_values(found)
    return found


def _check_values(top: dict[str, Any]) -> None:
    """Look at every key and value, without recursion."""
    waiting: list[tuple[str, Any]] = [("", top)]
    while waiting:
        key, value = waiting.pop()
        if problem := _problem(value):
            refuse(key, problem)
        if isinstance(value, dict):
            for name in value:
                if problem := _problem(name):
                    refuse(key, f"has a key that {problem}")
            waiting += [(f"{key}.{name}" if key else name, inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{key}[{at}]", inner) for at, inner in enumerate(value)]


def _problem(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "is larger than any number that can be kept"
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return "is a whole number of more than 64 bits"
    if isinstance(value, str) and UNKEPT.search(value):
        return "holds a character that is no text: NUL, or half of a surrogate pair"
    return ""


@dataclass(frozen=True)
class Section:
    """One JSON object of the manifest and the path that leads to it."""

    values: Mapping[str, Any]
    path: str = ""

    def key(self, name: str) -> str:
        """Return the full path of a key, such as `image.mean`."""
        return f"{self.path}.{name}" if self.path else name

    def only(self, allowed: Sequence[str]) -> None:
        """Refuse keys that this format does not know: a misspelt one would otherwise be ignored silently."""
        for name in self.values:
            if name not in allowed:
                refuse(self.key(str(name)), "is not a key of this format")

    def section(self, name: str) -> Section:
        """Return the object under `name`."""
        found = self._required(name)
        if not isinstance(found, dict):
            refuse(self.key(name), "must be an object")
        return Section(found, self.key(name))

    def optional_section(self, name: str) -> Section | None:
        """Return the object under `name`, or None where the key is absent."""
        return self.section(name) if name in self.values else None

    def text(self, name: str, default: str | None = None, *, longest: int = 2000) -> str:
        """Return a string of at most `longest` characters."""
        found = self.values.get(name, default)
        if found is None:
            refuse(self.key(name), "is missing")
        if not isinstance(found, str):
            refuse(self.key(name), "must be a string")
        if len(found) > longest:
            refuse(self.key(name), f"must have at most {longest} characters")
        return found

    def optional_text(self, name: str) -> str | None:
        """Return a string, or None where the key is absent."""
        return self.text(name) if name in self.values else None

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a whole number between `low` and `high`, both included."""
        found = self._required(name)
        if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
            refuse(self.key(name), f"must be a whole number from {low} to {high}")
        return found

    def choice(self, name: str, options: Sequence[str], default: str | None = None) -> str:
        """Return a string that is one of `options`; the default, if there is one, where the key is absent."""
        if default is not None and name not in self.values:
            return default
        found = self._required(name)
        if found not in options:
            refuse(self.key(name), f"must be one of {', '.join(options)}")
        return str(found)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false; the default where the key is absent."""
        found = self.values.get(name, default)
        if not isinstance(found, bool):
            refuse(self.key(name), "must be true or false")
        return found

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        """Return exactly `count` finite numbers."""
        found = self._required(name)
        if not isinstance(found, list) or len(found) != count or not all(map(_is_finite, found)):
            refuse(self.key(name), f"must be a list of {count} numbers")
        return tuple(float(value) for value in found)

    def each_section(self, name: str, read: Callable[[Section], Any]) -> dict[str, Any]:
        """Return `read` of every object inside the object under `name`, by its key."""
        inner = self.section(name)
        return {key: read(inner.section(key)) for key in inner.values}

    def _required(self, name: str) -> Any:
        if name not in self.values:
            refuse(self.key(name), "is missing")
        return self.values[name]


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -1e9 < value < 1e9 and math.isfinite(value)
