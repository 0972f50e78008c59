"""What must answer before this server is ready: a list of named checks that other packages add to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import Error, connection
from redis import RedisError

from retrieval_site.health.broker import broker

Check = Callable[[], str]


class CheckFailedError(Exception):
    """A part does not answer; the text says which and, where it is known, what to do."""


@dataclass(frozen=True)
class Outcome:
    """What one check found."""

    ok: bool
    detail: str


def check_database() -> str:
    """Return "answers" when PostgreSQL does."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        raise CheckFailedError(f"PostgreSQL does not answer: {error}".strip()) from error
    return "answers"


def check_broker() -> str:
    """Return "answers" when Redis does."""
    try:
        broker().ping()
    except RedisError as error:
        raise CheckFailedError(f"Redis does not answer: {error}") from error
    return "answers"


_checks: dict[str, Check] = {
    "database": check_database,
    "broker": check_broker,
}


def register(name: str, check: Check) -> None:
    """Add a check: it returns a few words, or raises `CheckFailedError` with a sentence. A name is replaced."""
    _checks[name] = check


def run_checks() -> dict[str, Outcome]:
    """Run every check; one that fails stops no other."""
    return {name: _run(check) for name, check in _checks.items()}


def _run(check: Check) -> Outcome:
    try:
        return Outcome(ok=True, detail=check())
    except CheckFailedError as failure:
        return Outcome(ok=False, detail=str(failure))
