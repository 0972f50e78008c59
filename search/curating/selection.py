"""The documents of a collection as its curators look through them: what they ask for, in which order, page by page."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext

from retrieval_site.database.counting import COUNTED_MAX, counted
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from search.curating.naming import documents_named
from search.curating.quality import documents_of, quality_condition
from search.cursors import cursor_open, cursor_seal
from search.filters.registry import filters_conditions
from search.models import Collection, Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models.expressions import OrderBy

    from search.querysets import Viewer

WORDS_MAX = 200
DOCUMENTS_A_PAGE = 50
NEAR = 2000
"""So many documents are looked through for a word before all that have it are sorted."""
SORTS = {
    "-updated_at": gettext_lazy("Last changed first"),
    "-created_at": gettext_lazy("Newest first"),
    "created_at": gettext_lazy("Oldest first"),
    "title": gettext_lazy("Title, A to Z"),
    "external_id": gettext_lazy("External id"),
}
SORT_DEFAULT = "-updated_at"
_PURPOSE = "curating documents of {}"


@dataclass(frozen=True)
class DocumentsAsked:
    """Which documents of a collection somebody looks at: all of these conditions, in this order."""

    collection: Collection
    words: str = ""
    filters: dict[str, Any] = field(default_factory=dict)
    quality: str = ""
    sort: str = SORT_DEFAULT


@dataclass(frozen=True)
class DocumentsPage:
    """One page of documents, and the cursors of the next, "" where there is none."""

    documents: Sequence[Document]
    next: str


def documents_asked(
    asked: DocumentsAsked, *, among: Sequence[int] | None = None, most: int | None = None
) -> QuerySet[Document]:
    """Return the documents that fit, in no order; for `among` and `most` see `documents_named`.

    Raises AppError `parameter.invalid` for an unknown quality.
    """
    rows = Document.objects.filter(collection=asked.collection).order_by()
    if asked.words:
        rows = rows.filter(documents_named([asked.collection], asked.words, among=among, most=most))
    for condition in filters_conditions(asked.filters):
        where = condition.where.format(*["%s"] * condition.where.count("{}"))
        found = f"SELECT {condition.document} FROM {condition.rows} WHERE {where}"  # noqa: S608  filters' own SQL
        rows = rows.filter(pk__in=RawSQL(found, condition.parameters))  # noqa: S611  values are parameters
    if asked.quality:
        rows = rows.filter(quality_condition(asked.quality, asked.collection))
    return rows


def documents_counted(asked: DocumentsAsked) -> int:
    """Return how many documents fit, as `retrieval_site.database.counting` says it."""
    if asked.filters or asked.quality:
        return counted(documents_asked(asked))
    if asked.words:
        return counted(documents_asked(asked, most=COUNTED_MAX + 1))
    return documents_of(asked.collection)


def page_of(asked: DocumentsAsked, cursor: str, viewer: Viewer) -> DocumentsPage:
    """Return the page behind a cursor, the first without one; raises AppError `cursor.invalid`.

    A page is looked up by where the last one ended, so page 1,000 costs what page 1 does.
    """
    name, downwards = asked.sort.removeprefix("-"), asked.sort.startswith("-")
    purpose = _PURPOSE.format(f"{asked.collection.pk} {asked.sort}")
    behind = Q()
    if cursor:
        behind = _behind(name, json.loads(cursor_open(cursor, purpose, viewer)), downwards=downwards)
    order = (F(name).desc(), F("pk").desc()) if downwards else (F(name).asc(), F("pk").asc())
    found = _next(asked, behind, order)
    shown = found[:DOCUMENTS_A_PAGE]
    if len(found) == len(shown):
        return DocumentsPage(shown, "")
    place = json.dumps([str(getattr(shown[-1], name)), shown[-1].pk]).encode()
    return DocumentsPage(shown, cursor_seal(place, purpose, viewer))


def _next(asked: DocumentsAsked, behind: Q, order: tuple[OrderBy, OrderBy]) -> list[Document]:
    """Return the page's documents and one more, where there is one.

    A word that many documents have has a page among the next ones already: sorting all that have it takes longer.
    """
    wanted = DOCUMENTS_A_PAGE + 1

    def read(among: Sequence[int] | None) -> list[Document]:
        rows = documents_asked(asked, among=among).filter(behind).order_by(*order)
        return list(rows.defer("body").prefetch_related("images")[:wanted])

    if asked.words and not (asked.filters or asked.quality):
        every = documents_asked(replace(asked, words="")).filter(behind).order_by(*order)
        near = list(every.values_list("pk", flat=True)[:NEAR])
        found = read(near)
        if len(found) == wanted or len(near) < NEAR:
            return found
    return read(None)


def _behind(name: str, place: list[Any], *, downwards: bool) -> Q:
    value = parse_datetime(place[0]) if name.endswith("_at") else place[0]
    after = "lt" if downwards else "gt"
    return Q(**{f"{name}__{after}": value}) | Q(**{name: value, f"pk__{after}": place[1]})


def asked_of(
    collection: Collection, words: str, filters: dict[str, Any], quality: str, sort: str
) -> DocumentsAsked:
    """Return what is asked for, cleaned; raises AppError `parameter.invalid` for an unknown order."""
    if sort and sort not in SORTS:
        raise AppError.of_parameter("sort", gettext("Sort by one of {sorts}.").format(sorts=", ".join(SORTS)))
    cleaned = words.replace("\0", "").strip()[:WORDS_MAX]
    return DocumentsAsked(collection, cleaned, filters, quality, sort or SORT_DEFAULT)
