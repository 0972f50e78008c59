from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from search.filters.operators import (
    ANY,
    BOUNDS,
    any_of,
    check_operators,
    in_range,
    is_operators,
    operators_words,
)
from search.filters.types import Condition, Filter, of_document, refused
from search.filters.values import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterable

OPERATED_MAX = 20
"""Keys with operators: each is a condition of its own."""


class MetadataFilter(Filter):
    """Documents whose metadata has all of these values, any of several, or one in a range."""

    name = "metadata"
    schema = {
        "type": "object",
        "additionalProperties": True,
        "description": "By key: a value that the metadata has; or an object of operators and nothing else: `any` "
        "with a list of values, and `gte`, `gt`, `lte`, `lt` with numbers or ISO dates. Any other object is a value.",
        "example": {"maker": "Wilo", "state": {"any": ["new", "used"]}, "year": {"gte": 1990, "lt": 2000}},
    }

    def check(self, asked: Any) -> None:
        """Refuse anything but an object, and operators that cannot be used."""
        if not isinstance(asked, dict):
            raise refused(gettext("“metadata” is an object."))
        operated = {key: value for key, value in asked.items() if is_operators(value)}
        if len(operated) > OPERATED_MAX:
            raise refused(
                gettext("“metadata” has operators for {operated_max} keys at most.").format(
                    operated_max=OPERATED_MAX
                )
            )
        for key, value in operated.items():
            check_operators(f"metadata.{key[:60]}", value)

    def conditions(self, asked: dict[str, Any]) -> Iterable[Condition]:
        """Yield one condition for all plain values, and one for each operator."""
        plain = {key: value for key, value in asked.items() if not is_operators(value)}
        if plain:
            yield of_document("document.metadata @> {}::jsonb", json.dumps(plain))
        for key, value in asked.items():
            if is_operators(value):
                yield from _operated(METADATA + key, value)

    def words(self, asked: dict[str, Any]) -> Iterable[str]:
        """Yield each key with what is asked of it."""
        for key, value in asked.items():
            yield f"{key} {operators_words(value)}" if is_operators(value) else f"{key} “{value}”"


def _operated(field: str, asked: dict[str, Any]) -> Iterable[Condition]:
    if ANY in asked:
        yield any_of(field, asked[ANY])
    if bounds := {key: bound for key, bound in asked.items() if key in BOUNDS}:
        yield in_range(field, bounds)
