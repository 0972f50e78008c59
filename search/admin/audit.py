"""The audit log: who did what, filtered, and taken away as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.urls import path
from django.utils.translation import gettext

from retrieval_site.audit import ACTIONS
from retrieval_site.careful_admin import ReadOnly
from retrieval_site.languages.lazy import gettext_lazy
from search.admin.curated import SuperuserOnlyAdmin
from search.downloads import download
from search.models import AuditEntry
from search.models.audit import SEARCHED
from search.services.audit import audit_csv_lines, audit_json_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest, StreamingHttpResponse
    from django.urls import URLPattern

    Lines = Callable[[QuerySet[AuditEntry]], Iterator[str]]


class ActionFilter(admin.SimpleListFilter):
    """By what was done; every action, without asking the log which of them it has."""

    title = gettext_lazy("what was done")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return every action with what it says."""
        return list(ACTIONS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep those of the chosen action."""
        return queryset.filter(action=self.value()) if self.value() else queryset


class ViaFilter(admin.SimpleListFilter):
    """By the way in which it was done."""

    title = "way"
    parameter_name = "via"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the ways."""
        names = {
            "page": gettext("a page"),
            "admin": gettext("the admin"),
            "api": gettext("the API"),
            "job": gettext("a job"),
        }
        return [*names.items(), ("system", gettext("a command or the system"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep those of the chosen way."""
        return queryset.filter(via=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, SuperuserOnlyAdmin):
    """Entries, for superusers, to be read and exported; nobody adds, changes or deletes any."""

    change_list_template = "admin/search/auditentry/change_list.html"
    list_display = ["at", "who", "what", "target_name", "said"]
    list_filter = [ActionFilter, ViaFilter, "at"]
    search_fields = [*SEARCHED]
    show_facets = admin.ShowFacets.NEVER  # counting each action would read the whole log
    list_per_page = 50

    @admin.display(description=gettext_lazy("who"), ordering="actor")
    def who(self, entry: AuditEntry) -> str:
        """Return the user's name, with the token that a program came with."""
        name = entry.actor or (
            gettext("a command or the system") if entry.via == "system" else gettext("nobody signed in")
        )
        return f"{name} (token {entry.token})" if entry.token else name

    @admin.display(description=gettext_lazy("what"), ordering="action")
    def what(self, entry: AuditEntry) -> str:
        """Return what the action says."""
        return ACTIONS.get(entry.action, entry.action)

    @admin.display(description=gettext_lazy("details"))
    def said(self, entry: AuditEntry) -> str:
        """Return the details that say something, on one line."""
        shown = {
            name: value for name, value in entry.detail.items() if value not in (None, False, "", [], {})
        }
        return "; ".join(f"{name.replace('_', ' ')}: {_words(value)}" for name, value in shown.items())

    def get_urls(self) -> list[URLPattern]:
        """Add the exports."""
        view = self.admin_site.admin_view
        return [
            path("export.csv", view(self.csv_view), name="search_auditentry_csv"),
            path("export.jsonl", view(self.jsonl_view), name="search_auditentry_jsonl"),
            *super().get_urls(),
        ]

    def csv_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Answer what the list shows as CSV, all pages of it."""
        return self._file(request, audit_csv_lines, "audit.csv", "text/csv")

    def jsonl_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Answer what the list shows as JSON Lines, all pages of it."""
        return self._file(request, audit_json_lines, "audit.jsonl", "application/jsonl")

    def _file(self, request: HttpRequest, lines: Lines, name: str, kind: str) -> StreamingHttpResponse:
        """Answer the entries that the list's filters and search leave, up to now."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        chosen: QuerySet[AuditEntry] = self.get_changelist_instance(request).get_queryset(request)
        filters = sorted(request.GET)
        return download(lines(chosen), name, kind, count=chosen.count(), filters=filters)


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
