"""Jobs: how far long pieces of work are, and stopping, resuming and retrying them."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.response import Response

from retrieval_site.errors import AppError
from search.api.answers import JobAnswer, JobItemAnswer, UndoableAnswer
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.permissions import signed_in
from search.api.presenting import job_item_json, job_json
from search.services.undoing import import_undo, import_undoable
from workers.jobs.rights import items_seen_by, jobs_seen_by, require_permitted
from workers.jobs.services import (
    job_request_cancel,
    job_request_pause,
    job_resume,
    job_retry,
    job_retry_failed,
)
from workers.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request


class JobListParameters(PageParameters):
    """Which jobs."""

    type = serializers.SlugField(required=False, max_length=40)
    state = serializers.ChoiceField(choices=JobState.choices, required=False)


class JobListView(ApiView):
    """The caller's jobs, and imports into collections that they curate; superusers see everybody's."""

    query_parameters = {"GET": JobListParameters}
    members_only = True

    @describe("jobs_list", {200: page_answer(JobAnswer)}, parameters=[JobListParameters])
    def get(self, request: Request) -> Response:
        """List your jobs, and imports into collections that you curate, the newest first."""
        wanted = {name: self.query[name] for name in ("type", "state") if name in self.query}
        return self.page(
            jobs_seen_by(request.user).filter(**wanted),
            partial(job_json, viewer=request.user),
            ordering="-created_at",
        )


class JobView(ApiView):
    """One job."""

    members_only = True

    @describe("jobs_get", {200: JobAnswer})
    def get(self, request: Request, job_id: str) -> Response:
        """Show a job: progress, rate, time left, result or error."""
        return Response(job_json(_job(request, job_id), request.user))


class JobItemsView(ApiView):
    """What failed in one job."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe("jobs_failed_items", {200: page_answer(JobItemAnswer)}, parameters=[PageParameters])
    def get(self, request: Request, job_id: str) -> Response:
        """List the items that failed, each with its reason."""
        return self.page(items_seen_by(_job(request, job_id), request.user), job_item_json)


class JobActionView(ApiView):
    """Something done to a job; a subclass names it."""

    members_only = True
    move: Callable[[Job, Any], Job]

    def act(self, request: Request, job_id: str) -> Response:
        """Return the job after the action; raises `job.wrong_state`, `job.not_permitted`."""
        return Response(job_json(type(self).move(_job(request, job_id), request.user), request.user))


class JobCancelView(JobActionView):
    """Cancel."""

    move = staticmethod(lambda job, _by: job_request_cancel(job))

    @describe("jobs_cancel", {200: JobAnswer}, request=None)
    def post(self, request: Request, job_id: str) -> Response:
        """Cancel a job; a running one ends after its current batch."""
        return self.act(request, job_id)


class JobPauseView(JobActionView):
    """Pause."""

    move = staticmethod(lambda job, _by: job_request_pause(job))

    @describe("jobs_pause", {200: JobAnswer}, request=None)
    def post(self, request: Request, job_id: str) -> Response:
        """Pause a job; a running one rests after its current batch."""
        return self.act(request, job_id)


class JobResumeView(JobActionView):
    """Resume."""

    move = staticmethod(job_resume)

    @describe("jobs_resume", {200: JobAnswer}, request=None)
    def post(self, request: Request, job_id: str) -> Response:
        """Resume a paused job from what is stored."""
        return self.act(request, job_id)


class JobRetryView(JobActionView):
    """Retry."""

    @describe("jobs_retry", {200: JobAnswer}, request=None)
    def post(self, request: Request, job_id: str) -> Response:
        """Try the failed items of a finished job again; a failed or cancelled one without any goes on as a whole."""
        job = _job(request, job_id)
        retry = job_retry_failed if job.items.exists() else job_retry
        queued = retry(job, request.user)
        return Response(job_json(queued, request.user))


class JobUndoView(ApiView):
    """Undoing an import."""

    members_only = True

    @describe("jobs_undo_preview", {200: UndoableAnswer})
    def get(self, request: Request, job_id: str) -> Response:
        """Say what undoing an import would remove now, and what it would keep."""
        job = _job(request, job_id)
        require_permitted(job, request.user)
        return Response(asdict(import_undoable(job)))

    @describe("jobs_undo", {202: JobAnswer}, request=None)
    def post(self, request: Request, job_id: str) -> Response:
        """Undo an import: 202 and the job that removes the documents that it created and nobody changed since."""
        undo = import_undo(job=_job(request, job_id), by=signed_in(request))
        headers = {"Location": reverse("api:job", args=[undo.pk])}
        return Response(job_json(undo, request.user), status=202, headers=headers)


def _job(request: Request, job_id: str) -> Job:
    found: Job | None = jobs_seen_by(request.user).filter(pk=job_id).first()
    if found is None:
        raise AppError("job.not_found")
    return found
