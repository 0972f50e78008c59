"""Announcements in the admin: written, scheduled and ended there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from retrieval_site.careful_admin import CarefulAdmin
from retrieval_site.languages.lazy import gettext_lazy
from search.admin.audited import AuditedAdmin
from search.models import Announcement
from search.services.announcements import announcements_forget

if TYPE_CHECKING:
    from django.http import HttpRequest


@admin.register(Announcement)
class AnnouncementAdmin(AuditedAdmin, CarefulAdmin[Announcement]):
    """Django's own pages; who may use them is a permission that administrators give."""

    audited = "announcement"
    list_display = ["__str__", "level", "audience", "stands", "starts_at", "ends_at"]
    list_filter = ["level", "audience"]
    search_fields = ["text"]
    fields = ["text", "level", "audience", "starts_at", "ends_at", "dismissible"]

    @admin.display(description=gettext_lazy("now"))
    def stands(self, row: Announcement) -> str:
        """Return whether it stands, will, or did."""
        now = timezone.now()
        if row.ends_at and row.ends_at <= now:
            return gettext("over")
        return gettext("stands on pages") if row.starts_at <= now else gettext("not yet")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Give both halves of a time their names, which Django writes beside them without a label."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, AdminSplitDateTime):
            names = gettext("{field}: day"), gettext("{field}: time of day")
            for half, name in zip(field.widget.widgets, names, strict=True):
                half.attrs["aria-label"] = name.format(field=field.label)
        return field

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show what is saved on the next page already."""
        return _then_forget(super().changeform_view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Take what is deleted from the next page already."""
        return _then_forget(super().delete_view(request, *args, **kwargs))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Take what the list's action deletes from the next page already."""
        return _then_forget(super().changelist_view(request, extra_context))


def _then_forget(response: Any) -> Any:
    transaction.on_commit(announcements_forget)
    return response
