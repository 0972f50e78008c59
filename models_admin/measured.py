"""What was measured of a version, as a person reads it: nested numbers become short lists under a heading each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DIGITS = 4


@dataclass(frozen=True)
class Group:
    """Facts that belong together, as (name, value); the heading is empty for those that stand alone."""

    heading: str
    facts: list[tuple[str, str]] = field(default_factory=list)


def measured_groups(values: Mapping[str, Any], heading: str = "") -> Iterator[Group]:
    """Yield the facts of one level, then every level below it under the way there: `validation · image to text`."""
    facts = [(_words(key), _shown(value)) for key, value in values.items() if not isinstance(value, dict)]
    if facts:
        yield Group(heading, facts)
    for key, value in values.items():
        if isinstance(value, dict):
            yield from measured_groups(value, f"{heading} · {_words(key)}".removeprefix(" · "))


def _words(key: str) -> str:
    return key.replace("_", " ")


def _shown(value: Any) -> str:
    """Return yes and no, numbers at a length to compare, and lists as sentences."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    if isinstance(value, list):
        return "; ".join(_shown(item) for item in value) or "–"
    return "–" if value is None else str(value)
