"""Which versions query workers have loaded, and having them load others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from redis import RedisError

from retrieval_site.errors import AppError
from workers.encoding import wire
from workers.encoding.client import workers_alive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models_admin.models import ModelVersion

WANTED_SECONDS = 120.0


def versions_loaded(versions: Sequence[ModelVersion]) -> bool:
    """Return whether every query worker has loaded these versions, and there is one; have those that have not do so.

    Raises RedisError.
    """
    ids = {version.pk for version in versions}
    _want(ids)
    beats = workers_alive().values()
    return bool(beats) and all(ids.issubset(beat.loaded) for beat in beats)


def versions_warm(versions: Sequence[ModelVersion], *, timeout_seconds: float = 90.0) -> None:
    """Ask every query worker to load these versions and wait until all that are alive have; none is no delay.

    Raises AppError `encoder.not_warm` when one has not within the timeout, `encoder.unavailable` without Redis.
    """
    ids = {version.pk for version in versions}
    deadline = time.monotonic() + timeout_seconds
    try:
        while not _all_loaded(ids):
            if time.monotonic() > deadline:
                raise AppError("encoder.not_warm", versions=sorted(ids))
            _want(ids)
            time.sleep(0.1)
    except RedisError as error:
        raise AppError("encoder.unavailable") from error


def _want(ids: set[int]) -> None:
    wire.client().zadd(wire.WANTED_KEY, {str(version_id): time.time() + WANTED_SECONDS for version_id in ids})


def _all_loaded(ids: set[int]) -> bool:
    return all(ids.issubset(beat.loaded) for beat in workers_alive().values())
