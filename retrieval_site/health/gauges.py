"""Numbers of the whole installation for `/metrics`, which apps look up: nothing here knows Prometheus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import Error

from retrieval_site.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    LookUp = Callable[[], Iterable["Gauge"]]

KEPT_SECONDS = 30.0
"""Looked up at most so often, however often a process is scraped."""


@dataclass(frozen=True)
class Gauge:
    """One metric: its name without prefix, what it says, the names of its labels, and values by their labels.

    `grows`: it counts, and falls only where the count begins anew; Prometheus calls it a counter.
    """

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    values: dict[tuple[str, ...], float] = field(default_factory=dict)
    grows: bool = False


_look_ups: list[LookUp] = []
_kept = Kept[tuple[Gauge, ...]](KEPT_SECONDS, 1)


def gauges_register(look_up: LookUp) -> None:
    """Add what an app knows."""
    if look_up not in _look_ups:
        _look_ups.append(look_up)


def gauges() -> tuple[Gauge, ...]:
    """Return all of them; none while the database does not answer, rather than something stale."""
    try:
        return _kept.get("gauges", lambda: tuple(gauge for look_up in _look_ups for gauge in look_up()))
    except Error:
        return ()


def gauges_forget() -> None:
    """Forget them, so that they are looked up at the next scrape."""
    _kept.clear()
