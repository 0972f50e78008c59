"""Which query workers are there: each renews a key in Redis every second, which expires after three."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
from django.conf import settings

HEARTBEAT_KEYS = "sightline:worker:query:*"
ANSWER_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class QueryWorker:
    """One worker by its node name, and the models (`name@version`) that it holds in memory."""

    name: str
    loaded: tuple[str, ...]


@cache
def broker() -> redis.Redis:
    """Return this process's client of the broker; an answer is waited for two seconds at most."""
    return redis.Redis.from_url(
        settings.CONFIG.redis_url,
        socket_timeout=ANSWER_TIMEOUT_SECONDS,
        socket_connect_timeout=ANSWER_TIMEOUT_SECONDS,
    )


def query_workers() -> list[QueryWorker]:
    """Return the workers whose heartbeat has not expired; `redis.RedisError` when the broker is away."""
    keys = sorted(broker().scan_iter(HEARTBEAT_KEYS, count=1000))
    beats = broker().mget(keys) if keys else []
    return [_worker(key, beat) for key, beat in zip(keys, beats, strict=True) if beat is not None]


def queue_length(key: str) -> int:
    """Return how many messages wait in the queue that this list is."""
    return int(broker().llen(key))


def _worker(key: bytes | str, beat: bytes | str) -> QueryWorker:
    told: dict[str, Any] = json.loads(beat)
    name = (key.decode() if isinstance(key, bytes) else key).removeprefix(HEARTBEAT_KEYS[:-1])
    return QueryWorker(name, tuple(str(model) for model in told.get("loaded", ())))
