"""Looking at searches and judgements, and taking the judgements away as files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext

from retrieval_site.audit import audit_note
from retrieval_site.languages.lazy import gettext_lazy
from search.admin.audited import AuditedAdmin
from search.admin.curated import CuratedAdmin, CuratedCollectionFilter, SuperuserOnlyAdmin
from search.downloads import download
from search.exports import csv_lines, exportable_by, qrels_lines, rater_name, run_lines
from search.models import Document, Judgement, Query
from search.sessions import pseudonym

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, StreamingHttpResponse


@admin.register(Query)
class QueryAdmin(SuperuserOnlyAdmin):
    """Searches as they were made; read only."""

    list_display = ["asked", "modality", "target", "version", "user", "created_at"]
    list_filter = ["parts__modality", "target", "version", "created_at"]
    list_select_related = ["version", "user"]
    search_fields = ["id", "parts__text"]
    fields = [
        *("text", "modality", "document", "target", "collections", "filters", "version"),
        *("asker", "created_at", "plan", "timings_ms", "ranked"),
    ]
    readonly_fields = ["text", "modality", "document", "asker", "created_at", "ranked"]
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Query]:
        """Return the searches with their parts."""
        return super().get_queryset(request).prefetch_related("parts")

    @admin.display(description=gettext_lazy("text"))
    def text(self, query: Query) -> str:
        """Return the words."""
        return query.text

    @admin.display(description=gettext_lazy("modality"), ordering="parts__modality")
    def modality(self, query: Query) -> str:
        """Return what was asked with."""
        return query.modality

    @admin.display(description=gettext_lazy("document"))
    def document(self, query: Query) -> str:
        """Return the document that was asked with, as a link."""
        document = query.part.document if query.part else None
        if document is None:
            return "-"
        address = reverse("admin:search_document_change", args=[document.pk])
        return format_html('<a href="{}">{}</a>', address, document)

    @admin.display(description=gettext_lazy("asked"), ordering="parts__text")
    def asked(self, query: Query) -> str:
        """Return the words, or what was asked with instead."""
        return _asked(query)

    @admin.display(description=gettext_lazy("asked by"))
    def asker(self, query: Query) -> str:
        """Return the user's name, or a pseudonym."""
        if query.user is not None:
            return str(query.user)
        return pseudonym(query.session) if query.session else gettext("somebody without a session")

    @admin.display(description=gettext_lazy("answer"))
    def ranked(self, query: Query) -> str:
        """Return the ranked answer, one hit a line."""
        return format_html(
            '<pre class="answer" tabindex="0">{}</pre>', "\n".join(map(json.dumps, query.answer))
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Judgement)
class JudgementAdmin(AuditedAdmin, CuratedAdmin):
    """What people said of hits; curators see the judgements of their collections' documents, and may delete them.

    Nobody changes what somebody else said: it would stand under their name.
    """

    audited = "judgement"
    collection_path = "document__collection"
    list_display = ["document", "grade", "asked", "comment", "rater", "updated_at"]
    list_filter = ["grade", ("document__collection", CuratedCollectionFilter), "updated_at"]
    list_select_related = ["document", "query", "user"]
    search_fields = ["comment", "document__title", "document__external_id"]
    readonly_fields = ["query", "document", "rater", "created_at", "updated_at"]
    fields = ["document", "query", "grade", "comment", "rater", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Judgement]:
        """Return the judgements with what was asked."""
        return super().get_queryset(request).prefetch_related("query__parts")

    @admin.display(description=gettext_lazy("asked"), ordering="query__parts__text")
    def asked(self, judgement: Judgement) -> str:
        """Return what the search was for."""
        return _asked(judgement.query)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse to filter by what is not shown: asking for beginnings would spell it out."""
        return not lookup.startswith("session") and super().lookup_allowed(lookup, value, request)

    @admin.display(description=gettext_lazy("rater"), ordering="user")
    def rater(self, judgement: Judgement) -> str:
        """Return the user's name, or a pseudonym."""
        return rater_name(judgement)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let people change their own."""
        own = isinstance(obj, Judgement) and obj.user_id == request.user.pk
        return own and super().has_change_permission(request, obj)

    def _note(self, what: str, row: Model, **detail: Any) -> None:
        collection = cast("Judgement", row).document.collection_id
        audit_note(f"{self.audited}.{what}", row, collection=collection, **detail)

    actions = ["export_qrels", "export_run", "export_csv"]

    @admin.action(description=gettext_lazy("Export the chosen judgements as TREC qrels"))
    def export_qrels(self, request: HttpRequest, queryset: QuerySet[Judgement]) -> StreamingHttpResponse:
        """Answer the qrels file."""
        return download(qrels_lines(_allowed(request, queryset)), "judgements.qrels", "text/plain")

    @admin.action(description=gettext_lazy("Export the answers that were judged as a TREC run"))
    def export_run(self, request: HttpRequest, queryset: QuerySet[Judgement]) -> StreamingHttpResponse:
        """Answer the run file."""
        lines = run_lines(_allowed(request, queryset), Document.objects.visible_to(request.user))
        return download(lines, "judgements.run", "text/plain")

    @admin.action(description=gettext_lazy("Export the chosen judgements as CSV"))
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Judgement]) -> StreamingHttpResponse:
        """Answer the CSV file."""
        return download(csv_lines(_allowed(request, queryset)), "judgements.csv")


def _asked(query: Query) -> str:
    return query.text or f"by {query.modality}"


def _allowed(request: HttpRequest, chosen: QuerySet[Judgement]) -> QuerySet[Judgement]:
    audit_note("export.made", file="judgements")
    allowed: QuerySet[Judgement] = exportable_by(request.user).filter(pk__in=chosen.values("pk"))
    return allowed
