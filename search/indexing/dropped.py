"""Versions whose vectors somebody drops while a job works with them: they were retired or deleted meanwhile."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import ProgrammingError
from psycopg.errors import UndefinedTable

from models_admin.models import ModelVersion
from search.vectors.dropped import is_of_dropped

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)


@contextmanager
def passed_over_once_dropped(version: ModelVersion) -> Iterator[None]:
    """End the block early, without an error, where the version's tables or row are gone and it is no longer ready.

    Whoever asks for the encoder of a version without a row gets a LookupError. A missing table of a version that is
    ready still raises.
    """
    try:
        yield
    except (ProgrammingError, UndefinedTable, ModelVersion.DoesNotExist, LookupError) as error:
        if not is_of_dropped(version, error):
            raise
        log.info("%s was retired or deleted meanwhile: passed over", version)
