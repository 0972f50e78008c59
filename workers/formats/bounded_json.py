"""JSON from outside, read within bounds: its depth is counted before a parser sees it. Standard library only.

A parser spends memory or its stack on every level of nesting (one of them quadratically), so 200 kB of brackets can
take gigabytes. What is refused is refused by a `JsonError`, a ValueError whose text is a clause for a person.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DEPTH_MAX = 64
"""Levels of nesting. Metadata may have 50 inside a document; configs and manifests have fewer than ten."""

ITEM_BYTES_MAX = 16 * 1024 * 1024
"""Of one item of a streamed list, and of any text or number in it: a parser holds an item whole."""

INTEGER_DIGITS_MAX = 1000
"""Far more than anything here counts to; the time for reading a number grows with the square of its digits."""

_STRUCTURE = b'"[]{}'
_OTHER = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
_STRING = re.compile(rb'"[^"]*"')
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OPEN = ord("[")


class JsonError(ValueError):
    """The text is not JSON that is read here."""


class JsonTooDeepError(JsonError):
    """The text is nested more deeply than is read."""


class JsonTooLargeError(JsonError):
    """One item of a list is larger than is read."""


class DepthMeter:
    """Counts the nesting of a JSON text that comes in pieces; raises JsonTooDeepError at the first level too many.

    `held` is the largest number of bytes, to within a piece, between two brackets at level `item_level` or above.
    """

    def __init__(self, depth_max: int = DEPTH_MAX, item_level: int = 0) -> None:
        self._depth_max = depth_max
        self._item_level = item_level
        self._depth = 0
        self._in_string = False
        self._backslash = b""
        self.held = 0

    def feed(self, piece: bytes) -> None:
        """Look at the next bytes of the text, in UTF-8. Takes time in proportion to them."""
        brackets = self._brackets(piece)
        self.held += len(piece)
        for bracket in brackets:
            self._depth += 1 if bracket == _OPEN else -1
            if self._depth > self._depth_max:
                raise JsonTooDeepError(f"it is nested more than {self._depth_max} levels deep")
            if self._depth <= self._item_level:
                self.held = 0

    def _brackets(self, piece: bytes) -> bytes:
        """Return the brackets of a piece outside of strings, objects' as lists'."""
        text = self._backslash + piece
        odd = (len(text) - len(text.rstrip(b"\\"))) % 2
        self._backslash = b"\\" * odd
        text = text[: len(text) - odd].replace(b"\\\\", b"").replace(b'\\"', b"")
        marks = b'"' * self._in_string + text.translate(None, _OTHER)
        outside, quote, _ = _STRING.sub(b"", marks).partition(b'"')
        self._in_string = bool(quote)
        return outside.translate(_BRACKETS)


class BoundedReader:
    """A binary file of JSON for a streaming parser: `read` raises JsonError before the parser gets what is too much.

    `item_level` is the depth of the list whose items the parser holds whole, one at a time.
    """

    def __init__(self, file: BinaryIO, item_level: int) -> None:
        self._file = file
        self._meter = DepthMeter(item_level=item_level)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes of the file."""
        piece = self._file.read(size)
        self._meter.feed(piece)
        if self._meter.held > ITEM_BYTES_MAX:
            raise JsonTooLargeError(f"one entry is longer than {ITEM_BYTES_MAX // 1024 // 1024} MB")
        return piece


def json_lines(text: str, wrong: Callable[[int, str], Exception]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the object of each line of JSON Lines that is not blank, with its number from 1.

    Raises `wrong(number, reason)` at the first line that is none.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = load_json(line.encode())
        except JsonError as error:
            raise wrong(number, "it is not JSON") from error
        if not isinstance(values, dict):
            raise wrong(number, "it is not a JSON object")
        yield number, values


def load_json(text: bytes | str, *, depth_max: int = DEPTH_MAX, unique_keys: bool = False) -> Any:
    """Return the value of a JSON text; bytes are UTF-8.

    Raises JsonError for what is nested too deeply, is not JSON, or holds a number that is not finite or has more than
    `INTEGER_DIGITS_MAX` digits; with `unique_keys` also for an object with a key twice, whose last value counts
    otherwise.
    """
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    DepthMeter(depth_max).feed(data)
    try:
        decoded = data.decode() if isinstance(text, bytes) else text
        return json.loads(
            decoded,
            object_pairs_hook=without_doubles if unique_keys else None,
            parse_constant=no_constant,
            parse_float=finite_number,
            parse_int=short_integer,
        )
    except JsonError:
        raise
    except UnicodeDecodeError as error:
        raise JsonError(f"byte {error.start + 1} is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise JsonError(str(error)) from error


def finite_number(text: str) -> float:
    """Return the number; raises JsonError for one that no double can hold."""
    number = float(text)
    if math.isinf(number):
        raise JsonError(f"{_short(text)} is larger than a number may be")
    return number


def short_integer(text: str) -> int:
    """Return the number; raises JsonError for one of too many digits."""
    if len(text) > INTEGER_DIGITS_MAX:
        raise JsonError(f"{_short(text)} has more than {INTEGER_DIGITS_MAX} digits")
    return int(text)


def _short(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:20]}…"


def without_doubles(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; raises JsonError where a key is given twice."""
    listed = list(pairs)
    found = dict(listed)
    if len(found) != len(listed):
        raise JsonError("a key is given twice")
    return found


def no_constant(name: str) -> NoReturn:
    """Raise JsonError: NaN and Infinity are no JSON."""
    raise JsonError(f"{name} is not a number")
