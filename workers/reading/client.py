"""Having a photo read: what the web process does of it. Nothing is decoded here, and nothing waits but `read_wait`."""

from __future__ import annotations

import json
import logging
import time
from typing import cast

from django.conf import settings
from redis import RedisError

from retrieval_site.tracing import carried
from workers.encoding.wire import client
from workers.reading import wire
from workers.reading.wire import PhotoReading

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.05
TOO_MANY = PhotoReading(failure="too many photos are waiting to be read")
UNREACHED = PhotoReading(failure="no reader answered")


def read_start(digest: str, data: bytes) -> None:
    """Put a photo on the list of those to be read, unless it was read lately; `digest` is the name of its reading.

    A photo that cannot be put there is not read: `read_found` never finds it.
    """
    try:
        _ask(digest, data)
    except RedisError as error:
        log.warning("A photo is not read, since Redis does not answer: %s", error)


def read_waits(digest: str) -> bool:
    """Return whether a photo is being read or waits for it."""
    try:
        return bool(client().exists(wire.INPUT_PREFIX + digest))
    except RedisError:
        return False


def _ask(digest: str, data: bytes) -> None:
    known, waiting = _state(digest)
    if known:
        return
    if waiting >= wire.WAITING_MAX:
        client().set(wire.ANSWER_PREFIX + digest, TOO_MANY.packed(), ex=1)
        return
    milliseconds = int(settings.CONFIG.read_text_seconds * 1000)
    pipeline = client().pipeline(transaction=False)
    pipeline.set(wire.INPUT_PREFIX + digest, data, px=milliseconds)
    pipeline.set(wire.ASKER_PREFIX + digest, json.dumps(carried()), px=milliseconds)
    pipeline.rpush(wire.ASKED_KEY, digest)
    pipeline.pexpire(wire.ASKED_KEY, milliseconds)  # longer than the latest photo is of no use
    pipeline.execute()


def _state(digest: str) -> tuple[bool, int]:
    """Return whether a photo was read or waits already, and how many wait."""
    pipeline = client().pipeline(transaction=False)
    pipeline.exists(wire.ANSWER_PREFIX + digest, wire.INPUT_PREFIX + digest)
    pipeline.llen(wire.ASKED_KEY)
    known, waiting = pipeline.execute()
    return bool(known), int(waiting)


def read_found(digest: str) -> PhotoReading | None:
    """Return what a photo says, None while it is not read."""
    try:
        data = cast("bytes | None", client().get(wire.ANSWER_PREFIX + digest))
    except RedisError:
        return None
    return None if data is None else PhotoReading.read(data)


def read_wait(digest: str) -> PhotoReading:
    """Return what a photo says as soon as it is read; a failure where that takes too long."""
    ends = time.monotonic() + settings.CONFIG.read_text_seconds
    while time.monotonic() < ends:
        if (found := read_found(digest)) is not None:
            return found
        time.sleep(LOOK_SECONDS)
    return UNREACHED
