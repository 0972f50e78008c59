"""Two requests at once: each in a thread with connections of its own, that meet where it matters."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from django.db import connections

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

PATIENCE_SECONDS = 20.0


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same time, each by a connection of its own; return what each gives, or its AppError."""
    start = threading.Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        try:
            start.wait(PATIENCE_SECONDS)
            return work()
        except AppError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def meet_in(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, count: int = 2) -> list[str]:
    """Let the first `count` callers of a function wait for each other there; return a list of who came, as it grows."""
    real, together, came = getattr(where, name), threading.Barrier(count), []

    def meeting(*args: Any, **kwargs: Any) -> Any:
        came.append(threading.current_thread().name)
        if len(came) <= count:
            together.wait(PATIENCE_SECONDS)
        return real(*args, **kwargs)

    monkeypatch.setattr(where, name, meeting)
    return came
