"""One long piece of work as a row: the row is the truth, messages are only hints."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext

from retrieval_site.languages.lazy import gettext_lazy
from workers.jobs.types import common_result

if TYPE_CHECKING:
    from datetime import timedelta


class JobState(models.TextChoices):
    """A job's states; `workers.jobs.services` is the only place that moves them."""

    QUEUED = "queued", gettext_lazy("queued")
    RUNNING = "running", gettext_lazy("running")
    PAUSED = "paused", gettext_lazy("paused")
    SUCCEEDED = "succeeded", gettext_lazy("succeeded")
    FAILED = "failed", gettext_lazy("failed")
    CANCELLED = "cancelled", gettext_lazy("cancelled")


class Job(models.Model):
    """An import, encode, prepare, validate, evaluate or train run.

    ::

        queued ──claim──► running ──► succeeded
          ▲  ▲              │ │ └───► failed ──retry──► queued
          │  └─lease ran out┘ └─────► cancelled
          └──resume── paused ◄┘

    A running job holds a lease that is renewed every few seconds; the sweeper sends a row again whose lease has
    run out (SIGKILL sends no signal) or whose message never arrived (Redis came back empty).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    request = models.CharField(
        max_length=10, blank=True, default="", help_text="'cancel' or 'pause', obeyed between batches"
    )
    stage = models.CharField(max_length=60, blank=True, default="")
    total = models.BigIntegerField(null=True, blank=True, help_text="items of this stage, where known")
    done = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    params = models.JSONField(default=dict, blank=True)
    result = models.JSONField(default=dict, blank=True)
    error_id = models.CharField(max_length=80, blank=True, default="")
    error = models.TextField(blank=True, default="")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    owned = models.BooleanField(
        default=False,
        help_text="started in a person's name: it goes on while that person may do it, and not without",
    )
    token_id = models.BigIntegerField(
        null=True, blank=True, help_text="the API token that asked for it, which can be withdrawn"
    )
    request_id = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="of the request that asked for it last",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(db_default=Now(), help_text="since when it waits, where it does")
    enqueued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    stage_started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.IntegerField(default=0)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="job_state_lease"),
            models.Index(fields=["created_at"], name="job_created_at"),
            models.Index(fields=["finished_at"], name="job_finished_at"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {str(self.pk)[:8]}"

    @property
    def is_finished(self) -> bool:
        """Return whether nothing will happen to this job any more unless somebody retries it."""
        return self.state in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}

    @property
    def label(self) -> str:
        """Return the type as words."""
        return self.type.replace("_", " ")

    @property
    def has_warnings(self) -> bool:
        """Return whether the job succeeded and still left something undone that a person should look at."""
        return self.state == JobState.SUCCEEDED and bool(common_result(self).warnings or self.failed_items)

    @property
    def failed_items(self) -> int:
        """Return how many items failed, of the whole job where it counts them."""
        failed = common_result(self).failed
        return self.failed if failed is None else failed

    @property
    def state_words(self) -> str:
        """Return the state for people."""
        state = self.get_state_display()
        return gettext("{state}, with warnings").format(state=state) if self.has_warnings else state

    @property
    def rate(self) -> float | None:
        """Return items per second in this stage, None while unknown."""
        seconds = self._stage_seconds()
        return self.done / seconds if seconds and self.done else None

    @property
    def seconds_left(self) -> float | None:
        """Return the estimate for this stage in seconds, None while unknown."""
        if not self.rate or self.total is None or self.is_finished:
            return None
        return max(0, self.total - self.done - self.failed) / self.rate

    @property
    def progress_value(self) -> int:
        """Return how many items of this stage are behind us, well or badly."""
        return self.done + self.failed

    @property
    def time_left(self) -> str:
        """Return the estimate for people, '' while unknown: `3 min 20 s`."""
        if self.seconds_left is None:
            return ""
        minutes, seconds = divmod(round(self.seconds_left), 60)
        hours, minutes = divmod(minutes, 60)
        return (
            gettext("{hours} h {minutes} min").format(hours=hours, minutes=minutes)
            if hours
            else gettext("{minutes} min {seconds} s").format(minutes=minutes, seconds=seconds)
            if minutes
            else gettext("{seconds} s").format(seconds=seconds)
        )

    def _stage_seconds(self) -> float | None:
        from django.utils import timezone

        if self.stage_started_at is None:
            return None
        spent: timedelta = (self.finished_at or timezone.now()) - self.stage_started_at
        return spent.total_seconds()


class JobItem(models.Model):
    """An item of a job that failed, kept with its reason so that a person can mend and retry it."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items")
    key = models.CharField(
        max_length=300, help_text="what a person recognises: a line, a file, an external id"
    )
    error_id = models.CharField(max_length=80)
    reason = models.TextField()
    payload = models.JSONField(default=dict, blank=True, help_text="what a retry needs")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["job", "key", "error_id"], name="job_item_once")]
        indexes = [models.Index(fields=["error_id"], name="job_item_error_id")]

    def __str__(self) -> str:
        return f"{self.key}: {self.error_id}"
