"""Keeping a running job's lease alive from a thread of its own, so that long batches do not lose it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from django.db import Error, connection

from workers.jobs.services import job_heartbeat

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from workers.models import Job

HEARTBEAT_SECONDS = 5.0
RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Heartbeat:
    """Prolongs the lease while the `with` block runs; `lost` is set once another run may hold the job."""

    def __init__(self, job: Job) -> None:
        self.lost = threading.Event()
        self._job = job
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _beat(self) -> None:
        wait = HEARTBEAT_SECONDS
        try:
            while not self._end.wait(wait) and not self.lost.is_set():
                wait = HEARTBEAT_SECONDS if self._beat_once() else RETRY_SECONDS
        finally:
            connection.close()

    def _beat_once(self) -> bool:
        """Prolong once; return False when the database does not answer, which is worth another try soon."""
        try:
            if not job_heartbeat(self._job):
                self.lost.set()
        except Error as error:
            log.warning("no heartbeat for job %s: %s", self._job.pk, error)
            connection.close()
            return False
        return True
