"""Rows in step with what they should be: those that stay keep their id, and with it their vectors."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from django.db.models import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class KeptRows(Generic[Row]):
    """What is to be done with stored rows: `new` are to be made, `changed` to be saved, `gone` to be deleted."""

    new: list[Row]
    changed: list[Row]
    gone: list[Row]


def rows_kept(
    stored: Iterable[Row], wanted: Iterable[Row], key: Callable[[Row], Hashable], fields: Iterable[str]
) -> KeptRows[Row]:
    """Match stored rows with unsaved ones of the same key, in order; a match takes over the wanted row's `fields`."""
    names = tuple(fields)
    left: dict[Hashable, list[Row]] = defaultdict(list)
    for row in stored:
        left[key(row)].append(row)
    new, changed = [], []
    for row in wanted:
        same = left[key(row)]
        if not same:
            new.append(row)
        elif _take_over(same[0], row, names):
            changed.append(same[0])
        del same[:1]
    return KeptRows(new, changed, [row for rows in left.values() for row in rows])


def _take_over(row: Row, wanted: Row, fields: tuple[str, ...]) -> bool:
    """Take over the fields; return whether any of them differed."""
    differing = [name for name in fields if getattr(row, name) != getattr(wanted, name)]
    for name in differing:
        setattr(row, name, getattr(wanted, name))
    return bool(differing)
