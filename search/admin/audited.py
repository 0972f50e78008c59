"""Pages of the admin that save rows themselves: what is done there is noted in the audit log, as services do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrieval_site.audit import audit_note

if TYPE_CHECKING:
    from django.contrib.admin.models import LogEntry
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest


class AuditedAdmin:
    """Notes additions, changes and deletions where Django's own log does, which is one of pages and not of programs."""

    audited: str
    """The first word of the actions."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        """Note that a row was added."""
        self._note("created", obj)
        return super().log_addition(request, obj, message)  # type: ignore[misc,no-any-return]

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        """Note that a row was changed, and which fields."""
        changed = message if isinstance(message, list) else []
        fields = sorted({name for one in changed for name in one.get("changed", {}).get("fields", ())})
        self._note("changed", obj, fields=fields)
        return super().log_change(request, obj, message)  # type: ignore[misc,no-any-return]

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[LogEntry]:
        """Note each row that is about to be deleted."""
        for row in queryset:
            self._note("deleted", row)
        return super().log_deletions(request, queryset)  # type: ignore[misc,no-any-return]

    def _note(self, what: str, row: Model, **detail: Any) -> None:
        collection = row.pk if self.audited == "collection" else None
        audit_note(f"{self.audited}.{what}", row, collection=collection, **detail)
