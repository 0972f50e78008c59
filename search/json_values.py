"""JSON from outside, looked at before PostgreSQL's jsonb is asked to hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.inference.errors import UNKEPT

if TYPE_CHECKING:
    from collections.abc import Iterable


def leaves(value: Any) -> Iterable[tuple[Any, int]]:
    """Yield every key, every value and every empty container below a JSON value with its depth, without recursion."""
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, dict) and item:
            waiting += [(inner, depth + 1) for pair in item.items() for inner in pair]
        elif isinstance(item, list) and item:
            waiting += [(inner, depth + 1) for inner in item]
        else:
            yield item, depth


def is_storable(value: Any) -> bool:
    """Return whether no text in a JSON value has NUL or half of a surrogate pair."""
    return not any(isinstance(leaf, str) and UNKEPT.search(leaf) for leaf, _ in leaves(value))
