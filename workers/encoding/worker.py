"""What makes a Celery worker a query worker: it loads the champion before it takes a question, and beats.

A worker that cannot load the champion ends with an error instead of failing every search (Celery swallows
exceptions of `worker_init`, so this is a bootstep). Its questions come over a list of their own (`questions`),
as many at a time as Celery was told (`-c`). Before the first model is activated there is none to load:
then the worker runs and waits.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from celery import bootsteps
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from redis import RedisError

from retrieval_site.health.alive import alive_note
from workers.encoding import wire
from workers.encoding.answering import answer, warm
from workers.encoding.pool import POOL
from workers.encoding.questions import Questions
from workers.encoding.versions import versions
from workers.fetching.pool import PROCESSES
from workers.inference.errors import InferenceError
from workers.reading.answering import Readers

if TYPE_CHECKING:
    from workers.encoding.pool import ModelPool

log = logging.getLogger(__name__)
FAILED_AGAIN_SECONDS = 10.0
"""How long a version that could not be loaded is left alone before it is tried again."""


class QueryWorkerStep(bootsteps.StartStopStep):
    """Preload, beat, and take questions; only in workers that serve the query queue."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **options: Any) -> None:
        self.heartbeat: WorkerHeartbeat | None = None
        self.questions: tuple[Questions, ...] = ()
        self.readers: Readers | None = None
        super().__init__(parent, **options)

    def include_if(self, parent: Any) -> bool:
        """Return whether this worker consumes the query queue."""
        return wire.QUEUE in parent.app.amqp.queues.consume_from

    def start(self, parent: Any) -> None:
        """Load the champion, then tell Redis that this worker is there, and take questions and photos to read."""
        preload(POOL)
        self.heartbeat = WorkerHeartbeat(POOL)
        self.heartbeat.start()
        self.questions = (
            Questions(answer, parent.concurrency, then=wire.BESIDE_KEY),
            Questions(answer, PROCESSES, wire.FETCH_KEY),
            Questions(answer, 1, wire.EXPLAIN_KEY),
        )
        for questions in self.questions:
            questions.start()
        self.readers = Readers(settings.CONFIG.read_text_processes if settings.CONFIG.read_text else 0)
        self.readers.start()

    def stop(self, parent: Any) -> None:
        """Answer what was taken, then end the heartbeat, so that nobody waits for this worker."""
        for questions in self.questions:
            questions.stop()
        if self.readers is not None:
            self.readers.stop()
        if self.heartbeat is not None:
            self.heartbeat.stop()

    terminate = stop


def preload(pool: ModelPool) -> None:
    """Load the champion's encoder; raises what prevents it, and does nothing while there is no champion."""
    version_id = versions().champion_id()
    if version_id is None:
        log.warning("No model is active yet: waiting for the first one")
        return
    warm(pool.get(version_id))
    log.info("Loaded version %s", version_id)
    _warm_vectors(version_id)
    connection.close()


def _warm_vectors(version_id: int) -> None:
    """After a restart of the database the index is cold; a search that is slow once is no reason not to start."""
    try:
        versions().warm_vectors(version_id)
    except DatabaseError:
        log.exception("The vectors of version %s could not be read into memory", version_id)


class WorkerHeartbeat(threading.Thread):
    """Renews this worker's key every second, and has versions loaded that somebody wants warm."""

    def __init__(self, pool: ModelPool) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.key = f"{wire.HEARTBEAT_PREFIX}{socket.gethostname()}-{os.getpid()}"
        self.loader = Loader(pool)
        self._pool = pool
        self._end = threading.Event()

    def run(self) -> None:
        """Beat until stopped; while Redis is away try again every second."""
        while not self._end.is_set():
            alive_note()
            try:
                self._beat()
                self.loader.want(_wanted())
            except RedisError as error:
                log.warning("Redis does not answer the heartbeat: %s", error)
            self._end.wait(wire.HEARTBEAT_SECONDS)

    def stop(self) -> None:
        """End the thread and remove the key."""
        self._end.set()
        self.join(2 * wire.HEARTBEAT_SECONDS)
        try:
            wire.client().delete(self.key)
        except RedisError:
            log.info("Redis is away; the heartbeat expires by itself")

    def _beat(self) -> None:
        batches = self._pool.batches()
        beat = wire.Beat(tuple(self._pool.loaded()), batches.calls, time.time(), batches.items)
        wire.client().set(self.key, beat.packed(), ex=wire.HEARTBEAT_EXPIRES_SECONDS)


class Loader:
    """Loads wanted versions beside the heartbeat, one at a time: loading takes longer than a heartbeat lives."""

    def __init__(self, pool: ModelPool) -> None:
        self._pool = pool
        self._thread: threading.Thread | None = None
        self._failed_at: dict[int, float] = {}

    def want(self, version_ids: set[int]) -> None:
        """Start loading the first of these that is missing, unless something is being loaded already."""
        missing = sorted(version_ids - set(self._pool.loaded()))
        due = [version_id for version_id in missing if self._is_due(version_id)]
        if due and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._load, args=[due[0]], name="loader", daemon=True)
            self._thread.start()

    def _is_due(self, version_id: int) -> bool:
        return (
            time.monotonic() - self._failed_at.get(version_id, -FAILED_AGAIN_SECONDS) >= FAILED_AGAIN_SECONDS
        )

    def _load(self, version_id: int) -> None:
        close_old_connections()
        try:
            self._pool.get(version_id)
        except (InferenceError, LookupError, DatabaseError, OSError):
            self._failed_at[version_id] = time.monotonic()
            log.exception("Version %s cannot be loaded", version_id)
        finally:
            connection.close()


def _wanted() -> set[int]:
    """Return the versions wanted warm at this time; what nobody renews is forgotten."""
    redis = wire.client()
    redis.zremrangebyscore(wire.WANTED_KEY, "-inf", time.time())
    found = cast("list[bytes]", redis.zrange(wire.WANTED_KEY, 0, -1))
    return {int(version_id) for version_id in found}
