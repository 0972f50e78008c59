"""How facts stand in an error's sentence, beyond Python's own formats."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MIB = 1 << 20
_BETWEEN = "…"
"""In the format of a list, where an item stands: `{names:“…”}`; twice, around what joins items: `{kinds:… or …}`."""


def filled(template: str, facts: Mapping[str, Any]) -> str:
    """Return a template of the table with its facts in it; raises KeyError where one is missing."""
    return _WORDS.vformat(template, (), facts)


def _bytes(count: int) -> str:
    if count >= MIB and count % MIB == 0:
        return f"{count // MIB:,} MiB"
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count:,} bytes"


def _wait(seconds: int) -> str:
    return f"{seconds // 60 + 1} minutes" if seconds > 60 else f"{seconds} s"


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:.0f} megapixels"


def _units(counts: Mapping[str, int]) -> str:
    return " and ".join(f"{count:,} {kind}s" for kind, count in counts.items())


def _are_columns(count: int) -> str:
    return "one column is" if count == 1 else f"{count:,} columns are"


_FORMATS: dict[str, Callable[[Any], str]] = {
    "bytes": _bytes,
    "wait": _wait,
    "megapixels": _megapixels,
    "units": _units,
    "are columns": _are_columns,
}


def _listed(items: list[Any] | tuple[Any, ...], how: str) -> str:
    before, _, after = how.partition(_BETWEEN)
    if after.endswith(_BETWEEN):
        return after.removesuffix(_BETWEEN).join(map(str, items))
    return ", ".join(f"{before}{item}{after}" for item in items)


class _Words(Formatter):
    """Formats that a sentence names behind the colon."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec in _FORMATS:
            return _FORMATS[format_spec](value)
        if isinstance(value, list | tuple):
            return _listed(value, format_spec)
        formatted: str = super().format_field(value, format_spec)
        return formatted


_WORDS = _Words()
