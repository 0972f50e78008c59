"""Watching jobs: progress, rate, time left, failed items with reasons; cancel, pause, resume, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.html import format_html
from django.utils.translation import gettext

from retrieval_site.audit import audit_note
from retrieval_site.database.counting import BoundedPaginator
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.languages.said import stage_in_readers_language, word_in_readers_language
from retrieval_site.panels import PanelAdmin
from retrieval_site.people import signed_in
from workers.jobs import services
from workers.jobs.rights import items_seen_by, jobs_seen_by, may_go_on
from workers.jobs.types import UNDONE, common_parameters, common_result
from workers.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

FAILED_ITEMS_PAGE = 50
NOT_SHOWN = {
    *("position", "read_as", "new_waiting", "dropped", "kept_back"),
    *("measured_at", "version", "new_id", UNDONE),
}
"""Of a result, what only the job's own resuming needs, what its times say already, and ids, which links stand for."""
RESULT_WORDS = {"images": "pictures"}
RESULT_ORDER = ("documents", "passages", "images", "new", "changed", "unchanged", "failed")
"""What comes first of a result; what else there is follows by name."""
ACTIONS: dict[str, Callable[[Job, Any], object]] = {
    "cancel": lambda job, _by: services.job_request_cancel(job),
    "pause": lambda job, _by: services.job_request_pause(job),
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
_SHOWS_PROGRESS = {JobState.RUNNING, JobState.PAUSED, JobState.FAILED, JobState.CANCELLED}
"""Before, the numbers are those of an earlier run; after success, those of the last stage alone."""
_LABELS = {
    "cancel": gettext_lazy("Cancel"),
    "pause": gettext_lazy("Pause"),
    "resume": gettext_lazy("Resume"),
    "retry": gettext_lazy("Retry"),
    "retry_failed": gettext_lazy("Retry failed items"),
}


_GOES_ON = {"resume", "retry", "retry_failed"}
"""What the services refuse where the one who asks, or the job's owner, has lost the right."""


def offered_actions(job: Job, user: Any) -> list[tuple[str, str]]:
    """Return what this user may do with the job now, as (action, label)."""
    actions = list(_OFFERED.get(JobState(job.state), []))
    if job.is_finished and not common_parameters(job).dry_run and job.items.exists():
        actions.append("retry_failed")
    if common_result(job).undone_by or not may_go_on(job, user):
        actions = [action for action in actions if action not in _GOES_ON]
    return [(action, _LABELS[action]) for action in actions]


def _button(action: Callable[[Job, Any], object]) -> Callable[[Job, HttpRequest], str]:
    """Make a button of a service; the panel itself shows what it did."""

    def press(job: Job, request: HttpRequest) -> str:
        action(job, signed_in(request))
        return ""

    return press


@admin.register(Job)
class JobAdmin(PanelAdmin[Job]):
    """Jobs, read only but for the buttons; superusers see all, staff their own and those that apps show them."""

    list_display = ["label", "state_badge", "progress", "failed_count", "owner", "created_at"]
    list_filter = ["state", "type", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["id", "type", "error", "owner__username"]
    panel_template = "admin/workers/job/panel.html"
    buttons = {name: _button(action) for name, action in ACTIONS.items()}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Show what the user may see."""
        return jobs_seen_by(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        allowed = self.has_module_permission(request)
        return allowed and (obj is None or self.get_queryset(request).filter(pk=obj.pk).exists())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_superuser and isinstance(obj, Job) and obj.is_finished)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Job]) -> Any:
        """Note each job that is about to be deleted, its failed items with it."""
        for job in queryset:
            audit_note("job.deleted", job)
        return super().log_deletions(request, queryset)

    @admin.display(description=gettext_lazy("job"), ordering="type")
    def label(self, job: Job) -> str:
        """Return the type with the start of its id."""
        return f"{word_in_readers_language(job.label)} {str(job.pk)[:8]}"

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, job: Job) -> str:
        """Return the state as a coloured word."""
        warned = "state-warned" if job.has_warnings else ""
        return format_html('<span class="state state-{} {}">{}</span>', job.state, warned, job.state_words)

    @admin.display(description=gettext_lazy("failed"))
    def failed_count(self, job: Job) -> int:
        """Return how many items failed."""
        return job.failed_items

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, job: Job) -> str:
        """Return the stage at work, or in which the job ended before its time; with a bar where the total is known."""
        if job.state not in _SHOWS_PROGRESS:
            return ""
        stage = stage_in_readers_language(job.stage)
        if not job.total:
            return stage
        bar = '{}<progress aria-label="{}" max="{}" value="{}"></progress> {} / {}'
        numbers = (job.total, job.progress_value, intcomma(job.done), intcomma(job.total))
        return format_html(bar, stage, gettext("progress"), *numbers)

    def panel(self, row: Job, request: HttpRequest) -> dict[str, Any]:
        """Show one job with its progress, its result and its failed items."""
        items = BoundedPaginator(items_seen_by(row, request.user), FAILED_ITEMS_PAGE)
        return {
            "job": row,
            "dry_run": common_parameters(row).dry_run,
            "shows_progress": row.state in _SHOWS_PROGRESS,
            "offered": offered_actions(row, request.user),
            "failed_items": items.get_page(request.GET.get("page")),
            "result": _counts(row),
            "result_title": gettext("Result"),
            "warnings": common_result(row).warnings or (),
        }


def _counts(job: Job) -> dict[str, Any]:
    """Return what the job counted, what it stored first."""
    first = {key: job.result[key] for key in RESULT_ORDER if key in job.result}
    counted = first | dict(sorted(job.result.items()))
    shown = {key: value for key, value in counted.items() if key not in NOT_SHOWN}
    return {
        RESULT_WORDS.get(key, key).replace("_", " "): value
        for key, value in shown.items()
        if value is not None and not isinstance(value, dict | list | bool)
    }
