"""What can be asked of a field beside one value: any of several, and a range of numbers or dates."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from retrieval_site.languages.lazy import gettext_lazy
from search.filters.types import Condition, of_field, refused
from search.filters.values import NUMBER_MAX, VALUE_MAX, moment_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ANY = "any"
BOUNDS = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
OPERATORS = {ANY, *BOUNDS}
_WORDS = {
    "gte": gettext_lazy("from {}"),
    "gt": gettext_lazy("above {}"),
    "lte": gettext_lazy("up to {}"),
    "lt": gettext_lazy("below {}"),
}
ANY_MAX = 100
"""Values of one `any`."""
ANY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        ANY: {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": ANY_MAX},
    },
    "required": [ANY],
    "additionalProperties": False,
}
DAY_CHARACTERS = len("2026-01-31")

Bound = float | datetime

_BOUND = {"type": "string", "description": "an ISO date, or a date with a time"}
RANGE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "From and to. A date without a time is the whole day, in UTC.",
    "properties": dict.fromkeys(BOUNDS, _BOUND),
    "additionalProperties": False,
    "minProperties": 1,
}


def is_operators(asked: Any) -> bool:
    """Return whether a value is an object of operators and of nothing else."""
    return isinstance(asked, dict) and bool(asked) and asked.keys() <= OPERATORS


def check_operators(name: str, asked: dict[str, Any]) -> None:
    """Raise `refused(…)` for operators that cannot be used, in the words of the filter or field `name`."""
    if ANY in asked:
        _check_any(name, asked[ANY])
    check_range(name, {key: value for key, value in asked.items() if key in BOUNDS})


def _check_any(name: str, values: Any) -> None:
    if not isinstance(values, list) or not 1 <= len(values) <= ANY_MAX:
        raise refused(
            gettext("“any” of “{name}” is a list of 1 to {any_max} values.").format(
                name=name, any_max=ANY_MAX
            )
        )
    if not all(text_of(value) for value in values):
        raise refused(
            gettext(
                "“any” of “{name}” takes texts of 1 to {value_max} characters, numbers, true and false."
            ).format(name=name, value_max=VALUE_MAX)
        )


def check_range(name: str, asked: Any) -> None:
    """Raise `refused(…)` for a range that is none: of numbers or dates, with one lower and one upper bound at most."""
    if not isinstance(asked, dict) or not asked.keys() <= BOUNDS.keys():
        raise refused(gettext("“{name}” is an object with some of gte, gt, lte and lt.").format(name=name))
    if asked.keys() >= {"gte", "gt"} or asked.keys() >= {"lte", "lt"}:
        raise refused(gettext("“{name}” has one lower and one upper bound at most.").format(name=name))
    kinds = {type(bound) for _, bound in _bounds(name, asked)}
    if len(kinds) > 1:
        raise refused(gettext("The bounds of “{name}” are two numbers or two dates.").format(name=name))


def any_of(field: str, values: Iterable[Any]) -> Condition:
    """Return the condition that a field has one of the values; numbers and texts that look alike are the same."""
    return of_field(field, "held.value = ANY({}::varchar[])", [text_of(value) for value in values])


def in_range(field: str, asked: dict[str, Any]) -> Condition:
    """Return the condition that a field has a value in the range."""
    bounds = list(_bounds(field, asked))
    column, cast = ("number", "float8") if isinstance(bounds[0][1], float) else ("moment", "timestamptz")
    where = " AND ".join(f"held.{column} {operator} {{}}::{cast}" for operator, _ in bounds)
    return of_field(field, where, *(bound for _, bound in bounds))


def moments(name: str, asked: dict[str, Any]) -> Iterator[tuple[str, Bound]]:
    """Yield the operators and moments of a range of dates; raises `refused(…)` for numbers."""
    for operator, bound in _bounds(name, asked):
        if isinstance(bound, float):
            raise refused(
                gettext("The bounds of “{name}” are dates, such as “2026-01-31”.").format(name=name)
            )
        yield operator, bound


def operators_words(asked: dict[str, Any]) -> str:
    """Return what operators ask for, as a person reads it after the field's name."""
    words = [gettext(" or ").join(f"“{text_of(value)}”" for value in asked.get(ANY, ()))]
    words += [_WORDS[name].format(asked[name]) for name in BOUNDS if name in asked]
    return " ".join(word for word in words if word)


def _bounds(name: str, asked: dict[str, Any]) -> Iterator[tuple[str, Bound]]:
    for key, value in asked.items():
        yield _bound(name, key, value)


def _bound(name: str, key: str, value: Any) -> tuple[str, Bound]:
    """Return the operator and what it compares with; a day as an upper bound goes up to its end."""
    if not isinstance(value, bool) and isinstance(value, int | float) and abs(value) < NUMBER_MAX:
        return BOUNDS[key], float(value)
    moment = moment_of(value) if isinstance(value, str) else None
    if moment is None:
        raise refused(
            gettext("“{key}” of “{name}” is a number or a date such as “2026-01-31”.").format(
                key=key, name=name
            )
        )
    if len(value) == DAY_CHARACTERS and key in ("lte", "gt") and moment.year < 9999:
        return {"lte": "<", "gt": ">="}[key], moment + timedelta(days=1)
    return BOUNDS[key], moment
