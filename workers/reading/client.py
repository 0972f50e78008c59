"""Having a photo read: what the web process does of it. Nothing is decoded here, and nothing waits but `read_wait`."""

from __future__ import annotations

import hashlib
import logging
import time
from typing import cast

from django.conf import settings
from redis import RedisError

from workers.encoding.wire import client
from workers.reading import wire
from workers.reading.wire import Reading

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.05
TOO_MANY = Reading(failure="too many photos are waiting to be read")
UNREACHED = Reading(failure="no reader answered")


def read_start(data: bytes) -> str:
    """Put a photo on the list of those to be read, unless it was read lately; return the name of its reading.

    A photo that cannot be put there is not read: `read_found` never finds it.
    """
    digest = hashlib.sha256(data).hexdigest()
    try:
        _ask(digest, data)
    except RedisError as error:
        log.warning("A photo is not read, since Redis does not answer: %s", error)
    return digest


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


def read_found(name: str) -> Reading | None:
    """Return the reading of this name, None while there is none."""
    try:
        data = cast("bytes | None", client().get(wire.ANSWER_PREFIX + name))
    except RedisError:
        return None
    return None if data is None else Reading.read(data)


def read_wait(name: str) -> Reading:
    """Return the reading of this name as soon as it is there; one with a failure where that takes too long."""
    ends = time.monotonic() + settings.CONFIG.read_text_seconds
    while time.monotonic() < ends:
        if (found := read_found(name)) is not None:
            return found
        time.sleep(LOOK_SECONDS)
    return UNREACHED
