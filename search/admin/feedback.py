"""Looking at searches and judgements, and taking the judgements away as files."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast, get_args
from uuid import UUID

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext

from retrieval_site.audit import audit_note
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.languages.said import word_in_readers_language
from search.admin.audited import AuditedAdmin
from search.admin.curated import CuratedAdmin, CuratedCollectionFilter, SuperuserOnlyAdmin
from search.downloads import download
from search.exports import csv_lines, exportable_by, qrels_lines, rater_name, run_lines
from search.models import Document, Judgement, Query, QueryPart
from search.retrieval.types import Modality
from search.sessions import pseudonym
from search.units.registry import unit_kinds

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, StreamingHttpResponse


class ModalityFilter(admin.SimpleListFilter):
    """By what was asked with; every modality, without asking all searches which of them there are."""

    title = gettext_lazy("modality")
    parameter_name = "modality"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the modalities of parts."""
        return [(modality, word_in_readers_language(modality)) for modality in get_args(Modality)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the searches with such a part."""
        if not self.value():
            return queryset
        part = QueryPart.objects.filter(query=OuterRef("pk"), modality=self.value())
        return queryset.filter(Exists(part))


class TargetFilter(admin.SimpleListFilter):
    """By what was looked for; every target, without asking all searches which of them there are."""

    title = gettext_lazy("target")
    parameter_name = "target"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the targets of all kinds of units."""
        return [(kind.target, word_in_readers_language(kind.target)) for kind in unit_kinds()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the searches for it."""
        return queryset.filter(target=self.value()) if self.value() else queryset


@admin.register(Query)
class QueryAdmin(SuperuserOnlyAdmin):
    """Searches as they were made; read only."""

    list_display = ["asked", "modality", "target", "version", "user", "created_at"]
    list_filter = [ModalityFilter, TargetFilter, "version", "created_at"]
    list_select_related = ["version", "user"]
    search_fields = ["id", "parts__text"]
    search_help_text = gettext_lazy("A part of the words, or a whole id.")
    fields = [
        *("text", "modality", "document", "target", "collections", "filters", "version"),
        *("asker", "created_at", "plan", "timings_ms", "ranked"),
    ]
    readonly_fields = ["text", "modality", "document", "asker", "created_at", "ranked"]
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Query]:
        """Return the searches with their parts."""
        return super().get_queryset(request).prefetch_related("parts")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Query], search_term: str
    ) -> tuple[QuerySet[Query], bool]:
        """Keep the searches with these words, or of this id: each is looked up by an index."""
        if not (term := search_term.strip()):
            return queryset, False
        named = Q(pk__in=QueryPart.objects.filter(text__icontains=term).order_by().values("query"))
        with suppress(ValueError):
            named = Q(pk=UUID(term))
        return queryset.filter(named), False

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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Judgement], search_term: str
    ) -> tuple[QuerySet[Judgement], bool]:
        """Keep those with this in their comment, or their document's title or external id, each by its index."""
        if not (term := search_term.strip()):
            return queryset, False
        judgements, documents = (
            Judgement.objects.order_by().values("pk"),
            Document.objects.order_by().values("pk"),
        )
        ways = [
            judgements.filter(comment__icontains=term),
            judgements.filter(document__in=documents.filter(title__icontains=term)),
            judgements.filter(document__in=documents.filter(external_id__icontains=term)),
        ]
        return queryset.filter(pk__in=ways[0].union(*ways[1:])), False

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
        allowed = _allowed(request, queryset)
        return download(qrels_lines(allowed), "judgements.qrels", "text/plain", count=allowed.count())

    @admin.action(description=gettext_lazy("Export the answers that were judged as a TREC run"))
    def export_run(self, request: HttpRequest, queryset: QuerySet[Judgement]) -> StreamingHttpResponse:
        """Answer the run file."""
        allowed = _allowed(request, queryset)
        lines = run_lines(allowed, Document.objects.visible_to(request.user))
        return download(lines, "judgements.run", "text/plain", count=allowed.count())

    @admin.action(description=gettext_lazy("Export the chosen judgements as CSV"))
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Judgement]) -> StreamingHttpResponse:
        """Answer the CSV file."""
        allowed = _allowed(request, queryset)
        return download(csv_lines(allowed), "judgements.csv", count=allowed.count())


def _asked(query: Query) -> str:
    return query.text or f"by {query.modality}"


def _allowed(request: HttpRequest, chosen: QuerySet[Judgement]) -> QuerySet[Judgement]:
    allowed: QuerySet[Judgement] = exportable_by(request.user).filter(pk__in=chosen.values("pk"))
    return allowed
