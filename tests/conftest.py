"""Fixtures for every test. PostgreSQL and Redis are started by tests/support/services.py."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import redis

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clean_redis() -> Iterator[redis.Redis]:
    """An empty Redis before and after: for tests that use the cache, a broker or heartbeats."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    client.flushdb()
    yield client
    client.flushdb()
    client.close()
