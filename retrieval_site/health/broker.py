"""The broker as the probes ask it: an answer is waited for two seconds at most."""

from __future__ import annotations

from functools import cache

import redis
from django.conf import settings

ANSWER_TIMEOUT_SECONDS = 2.0


@cache
def broker() -> redis.Redis:
    """Return this process's client of the broker."""
    return redis.Redis.from_url(
        settings.CONFIG.redis_url,
        socket_timeout=ANSWER_TIMEOUT_SECONDS,
        socket_connect_timeout=ANSWER_TIMEOUT_SECONDS,
    )


def queue_length(key: str) -> int:
    """Return how many messages wait in the queue that this list is."""
    return int(broker().llen(key))
