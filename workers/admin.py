"""Watching jobs: progress, rate, time left, failed items with reasons; cancel, pause, resume, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from retrieval_site.errors import AppError
from workers.jobs import services
from workers.models import Job, JobState

if TYPE_CHECKING:
    import uuid

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest
    from django.urls import URLPattern

FAILED_ITEMS_PAGE = 50
ACTIONS = {
    "cancel": services.job_request_cancel,
    "pause": services.job_request_pause,
    "resume": services.job_resume,
    "retry": services.job_retry,
    "retry_failed": services.job_retry_failed,
}
_OFFERED = {
    JobState.QUEUED: ["pause", "cancel"],
    JobState.RUNNING: ["pause", "cancel"],
    JobState.PAUSED: ["resume", "cancel"],
    JobState.FAILED: ["retry"],
    JobState.CANCELLED: ["retry"],
}
_LABELS = {
    "cancel": "Cancel",
    "pause": "Pause",
    "resume": "Resume",
    "retry": "Retry",
    "retry_failed": "Retry failed items",
}


def offered_actions(job: Job) -> list[tuple[str, str]]:
    """Return what may be done with the job now, as (action, label)."""
    actions = list(_OFFERED.get(JobState(job.state), []))
    if job.is_finished and job.items.exists():
        actions.append("retry_failed")
    return [(action, _LABELS[action]) for action in actions]


@admin.register(Job)
class JobAdmin(admin.ModelAdmin[Job]):
    """Jobs, read only but for the buttons; superusers see all, staff their own."""

    list_display = ["label", "state_badge", "stage", "progress", "failed", "owner", "created_at"]
    list_filter = ["state", "type", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["id", "type", "error", "owner__username"]
    change_form_template = "admin/workers/job/change_form.html"

    class Media:
        css = {"all": ["sightline_admin/admin.css"]}
        js = ["sightline_admin/poll.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Show staff their own jobs, superusers all."""
        jobs = super().get_queryset(request)
        return jobs if request.user.is_superuser else jobs.filter(owner_id=request.user.pk)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        allowed = self.has_module_permission(request)
        return allowed and (obj is None or self.get_queryset(request).filter(pk=obj.pk).exists())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_superuser and isinstance(obj, Job) and obj.is_finished)

    @admin.display(description="job", ordering="type")
    def label(self, job: Job) -> str:
        """Return the type with the start of its id."""
        return f"{job.type} {str(job.pk)[:8]}"

    @admin.display(description="state", ordering="state")
    def state_badge(self, job: Job) -> str:
        """Return the state as a coloured word."""
        return format_html('<span class="state state-{}">{}</span>', job.state, job.state)

    @admin.display(description="progress")
    def progress(self, job: Job) -> str:
        """Return a bar, where the total is known, and the numbers."""
        if not job.total:
            return str(job.done)
        bar = '<progress max="{}" value="{}"></progress> {} / {}'
        return format_html(bar, job.total, job.done + job.failed, job.done, job.total)

    def get_urls(self) -> list[URLPattern]:
        """Add the progress panel and the buttons."""
        view = self.admin_site.admin_view
        return [
            path("<uuid:job_id>/progress/", view(self.progress_view), name="workers_job_progress"),
            path(
                "<uuid:job_id>/do/<slug:action>/", view(require_POST(self.action_view)), name="workers_job_do"
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one job with its progress and failed items."""
        job = self.get_object(request, object_id)
        context = _panel(job, request.GET.get("page")) if job else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def progress_view(self, request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
        """Answer the progress panel alone; the page asks for it while the job is not finished."""
        job = get_object_or_404(self.get_queryset(request), pk=job_id)
        return render(request, "admin/workers/job/progress.html", _panel(job, request.GET.get("page")))

    def action_view(self, request: HttpRequest, job_id: uuid.UUID, action: str) -> HttpResponse:
        """Do what a button says and go back to the job."""
        job = get_object_or_404(self.get_queryset(request), pk=job_id)
        if action not in ACTIONS:
            raise Http404(action)
        try:
            ACTIONS[action](job)
        except AppError as error:
            messages.error(request, f"{error.message} ({error.id})")
        return HttpResponseRedirect(reverse("admin:workers_job_change", args=[job_id]))


def _panel(job: Job, page: str | None) -> dict[str, Any]:
    return {
        "job": job,
        "offered": offered_actions(job),
        "failed_items": Paginator(job.items.all(), FAILED_ITEMS_PAGE).get_page(page),
        "result": {key: value for key, value in job.result.items() if not isinstance(value, dict | list)},
    }
