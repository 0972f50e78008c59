"""The query worker's side: photos off their list, each decoded and read behind walls.

They have a list and threads of their own, so that no search waits for one: reading takes a hundred times as long as a
photo's vector, and its process runs at low priority.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, cast

from django.conf import settings
from redis import RedisError

from retrieval_site.tracing import span
from workers.encoding.decoders import decoders
from workers.encoding.questions import ListTakers
from workers.encoding.wire import client
from workers.inference.errors import PictureError
from workers.inference.ocr.reader import PhotoReader, ReadingError, ReadingLimits
from workers.inference.ocr.types import LONGEST_SIDE_PX
from workers.reading import wire
from workers.reading.wire import PhotoReading

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


def reading_limits() -> ReadingLimits:
    """Return what reading may cost, by the settings."""
    config = settings.CONFIG
    return ReadingLimits(config.read_text_seconds, config.read_text_idle_seconds)


class Readers(ListTakers):
    """As many threads as may read at once, each with a process of its own that is there while it is needed."""

    def __init__(self, count: int, limits: Callable[[], ReadingLimits] = reading_limits) -> None:
        self._limits = limits
        super().__init__(wire.ASKED_KEY, count, "reader")

    def _run(self) -> None:
        reader = PhotoReader(self._limits())
        while not self._end.is_set():
            if digest := self._take():
                _answer(reader, digest.decode())
            reader.end_if_idle()
        reader.close()


def _answer(reader: PhotoReader, digest: str) -> None:
    """Read one photo and say what it says, unless whoever asked has given up."""
    try:
        keys = (wire.INPUT_PREFIX + digest, wire.ASKER_PREFIX + digest)
        data, asker = cast("list[bytes | None]", client().mget(keys))
    except RedisError as error:
        log.warning("A photo is not read, since Redis does not answer: %s", error)
        return
    if data is not None:
        with span("read a photo", json.loads(asker or b"{}"), bytes=len(data)):
            _answer_with(reader, digest, data)


def _answer_with(reader: PhotoReader, digest: str, data: bytes) -> None:
    try:
        _reply(digest, _read(reader, data))
    except RedisError as error:
        log.warning("What a photo says is lost, since Redis does not answer: %s", error)
    except Exception:
        log.exception("The photo %s was not read", digest)


def _read(reader: PhotoReader, data: bytes) -> PhotoReading:
    try:
        picture = decoders().thumbnail(data, LONGEST_SIDE_PX).image
        return PhotoReading(reader.read(picture))
    except PictureError as error:
        return PhotoReading(failure=error.message)
    except ReadingError as error:
        return PhotoReading(failure=str(error))


def _reply(digest: str, reading: PhotoReading) -> None:
    seconds = wire.FAILED_EXPIRES_SECONDS if reading.failure else wire.ANSWER_EXPIRES_SECONDS
    pipeline = client().pipeline(transaction=False)
    pipeline.set(wire.ANSWER_PREFIX + digest, reading.packed(), ex=seconds)
    pipeline.delete(wire.INPUT_PREFIX + digest)
    pipeline.execute()
