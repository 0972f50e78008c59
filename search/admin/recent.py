"""What a user did last in the admin, as the first page lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.admin.models import LogEntry

from retrieval_site.people import signed_in

if TYPE_CHECKING:
    from django.http import HttpRequest

SHOWN = 10
LOOKED_AT = 100


def recent_actions(request: HttpRequest) -> list[LogEntry]:
    """Return the user's newest actions on what they still may see: an entry names what it was about."""
    entries = LogEntry.objects.filter(user=signed_in(request)).select_related("content_type", "user")
    if request.user.is_superuser:
        return list(entries[:SHOWN])
    return [entry for entry in entries[:LOOKED_AT] if _is_seen(entry, request)][:SHOWN]


def _is_seen(entry: LogEntry, request: HttpRequest) -> bool:
    model = entry.content_type.model_class() if entry.content_type else None
    page = admin.site._registry.get(model) if model else None
    if page is None or not entry.object_id:
        return False
    row = page.get_object(request, entry.object_id)
    return row is not None and page.has_view_or_change_permission(request, row)
