"""Numbers of the whole installation for `/metrics`, which apps look up: nothing here knows Prometheus."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
from django.db import Error
from redis import RedisError

from retrieval_site.errors import AppError
from retrieval_site.health.checks import CheckFailedError, check_database
from retrieval_site.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    LookUp = Callable[[], Iterable["Gauge"]]

KEPT_SECONDS = 30.0
"""Looked up at most so often, however often a process is scraped."""
_FAILURES = (AppError, Error, psycopg.Error, RedisError, OSError)

log = logging.getLogger(__name__)


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
    """Return whether the database answers, and all numbers; without it no other, rather than something stale."""
    try:
        check_database()
    except CheckFailedError:
        return (_database_answers(0),)
    return _kept.get("gauges", _looked_up)


def _looked_up() -> tuple[Gauge, ...]:
    """Ask each look-up; one that fails leaves out its own numbers alone."""
    found, failed = [_database_answers(1)], 0
    for look_up in _look_ups:
        try:
            found += tuple(look_up())
        except _FAILURES as error:
            failed += 1
            log.warning("numbers are missing from /metrics (%s): %s", look_up.__qualname__, error)
    meaning = "Look-ups of numbers that failed, whose numbers are missing here."
    return (*found, Gauge("failed_look_ups", meaning, (), {(): failed}))


def _database_answers(value: int) -> Gauge:
    return Gauge("database_answers", "Whether the database answers: 1 or 0.", (), {(): value})


def gauges_forget() -> None:
    """Forget them, so that they are looked up at the next scrape."""
    _kept.clear()
