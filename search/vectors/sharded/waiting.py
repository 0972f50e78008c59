"""Jobs that need every server of vectors wait for the one that is away, instead of failing."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import OperationalError

from retrieval_site.errors import AppError
from workers.jobs.errors import JobDeferred

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECTION_EXCEPTION = "08"
"""The class of SQLSTATE by which our database says that it cannot reach another server."""
_AWAY = ("shards.away", "shards.all_away", "shards.part_missing", "shards.document_away")

log = logging.getLogger(__name__)


@contextmanager
def waiting_for_shards() -> Iterator[None]:
    """Put the job off where a server of vectors is away or not in the setting: raises JobDeferred.

    It uses up no attempt, so the job waits as long as it takes.
    """
    try:
        yield
    except AppError as error:
        if error.id not in _AWAY:
            raise
        _defer(error)
    except OperationalError as error:
        if not _is_of_another_server(error):
            raise
        _defer(error)


def _is_of_another_server(error: OperationalError) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    return state is not None and state.startswith(_CONNECTION_EXCEPTION)


def _defer(error: Exception) -> None:
    log.warning("a job waits for a server of vectors: %s", error)
    raise JobDeferred from error
