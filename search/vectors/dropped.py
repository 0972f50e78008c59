"""Vectors that somebody drops while they are asked: their version was retired or deleted meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import ProgrammingError
from psycopg.errors import UndefinedTable

from models_admin.models import ModelVersion, VersionState
from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_of_dropped(version: ModelVersion, error: Exception) -> bool:
    """Return whether the error is that of a missing table or row, and the version is no longer ready.

    A missing table of a version that is ready is damage, which nobody should pass over.
    """
    is_other = isinstance(error, ProgrammingError) and not isinstance(error.__cause__, UndefinedTable)
    return not is_other and not ModelVersion.objects.filter(pk=version.pk, state=VersionState.READY).exists()


@contextmanager
def told_once_dropped(version: ModelVersion) -> Iterator[None]:
    """Raise AppError `model.not_ready` where the version's tables go away within the block."""
    try:
        yield
    except (ProgrammingError, UndefinedTable) as error:
        if is_of_dropped(version, error):
            raise AppError("model.not_ready/dropped") from error
        raise
