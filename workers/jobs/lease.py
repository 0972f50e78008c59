"""Renewing a running job's lease from a thread of its own, so that long batches do not lose it."""

from __future__ import annotations

import logging
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING

from django.db import Error, connection

from workers.jobs.services import job_renew_lease

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from workers.models import Job

RENEW_SECONDS = 5.0
RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class LeaseRenewal:
    """Renews the lease while the `with` block runs; `lost` is set once another run may hold the job."""

    def __init__(self, job: Job) -> None:
        self.lost = threading.Event()
        self._job = job
        self._end = threading.Event()
        of_request = copy_context()  # what is logged names the request that asked for the job
        self._thread = threading.Thread(
            target=of_request.run, args=[self._renew], name=f"lease-{job.pk}", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _renew(self) -> None:
        wait = RENEW_SECONDS
        try:
            while not self._end.wait(wait) and not self.lost.is_set():
                wait = RENEW_SECONDS if self._renew_once() else RETRY_SECONDS
        finally:
            connection.close()

    def _renew_once(self) -> bool:
        """Renew once; return False when the database does not answer, which is worth another try soon."""
        try:
            if not job_renew_lease(self._job):
                self.lost.set()
        except Error as error:
            log.warning("the lease of job %s was not renewed: %s", self._job.pk, error)
            connection.close()
            return False
        return True
