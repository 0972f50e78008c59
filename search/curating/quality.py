"""What a curator would mend, at a glance: each figure is the number of documents that one condition leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import BigIntegerField, Count, Exists, Max, Min, OuterRef, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext

from retrieval_site.database.counting import is_about
from retrieval_site.errors import AppError
from retrieval_site.kept import Kept
from retrieval_site.languages.lazy import gettext_lazy
from search.curating.sameness import same_condition
from search.models import (
    Collection,
    CollectionField,
    Document,
    DocumentImage,
    DocumentPage,
    FieldValue,
    Passage,
)
from search.units.registry import unit_kinds
from workers.models import JobItem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

LANGUAGE_FIELDS = ("metadata.language", "metadata.lang")
LANGUAGES_MAX = 20
KEPT_SECONDS, KEPT_MAX = 600.0, 256
"""The figures of large collections are kept so long by each process, of so many of them."""


@dataclass(frozen=True)
class Corpus:
    """A collection at a glance: how many documents each condition leaves, by its name; languages by documents."""

    documents: int
    figures: dict[str, int]
    oldest: datetime | None
    newest: datetime | None
    languages: list[tuple[str, int]]
    language_field: str


def _no_text(collection: Collection) -> Q:
    return ~Q(Exists(Passage.objects.filter(document=OuterRef("pk"))))


def _no_pictures(collection: Collection) -> Q:
    return ~Q(Exists(DocumentImage.objects.filter(document=OuterRef("pk"))))


def _no_title(collection: Collection) -> Q:
    return Q(title="")


def _no_tags(collection: Collection) -> Q:
    return Q(tags=[])


def _failed(collection: Collection) -> Q:
    """Of some unit, no vector could be made."""
    found = Q(pk__in=[])
    items = JobItem.objects.annotate(unit=Cast(KT("payload__unit"), BigIntegerField())).exclude(unit=None)
    for kind in unit_kinds():
        units = items.filter(payload__kind=kind.name).values("unit")
        rows = kind.rows.filter(pk__in=units, document__collection=collection)
        found |= Q(pk__in=rows.values("document"))
    return found


def _unread(collection: Collection) -> Q:
    """Of some page, which has no text of its own, character recognition read nothing."""
    return Q(Exists(DocumentPage.objects.filter(document=OuterRef("pk"), is_unread=True)))


def _same(collection: Collection) -> Q:
    """Another document of the collection says exactly the same, or is the same file or picture."""
    return same_condition(collection)


def _near(collection: Collection) -> Q:
    """A job found it nearly the same as an older one."""
    return Q(near_duplicate__same_as__collection=collection)


QUALITIES: dict[str, tuple[str, Callable[[Collection], Q]]] = {
    "no-text": (gettext_lazy("without text"), _no_text),
    "no-pictures": (gettext_lazy("without pictures"), _no_pictures),
    "no-title": (gettext_lazy("without a title"), _no_title),
    "no-tags": (gettext_lazy("without tags"), _no_tags),
    "failed": (gettext_lazy("with a part that could not be encoded"), _failed),
    "unread": (gettext_lazy("with a page on which no text could be read"), _unread),
    "same": (gettext_lazy("the same as another"), _same),
    "near": (gettext_lazy("nearly the same as an older one"), _near),
}
"""By the name in an address: its words after “documents”, and the condition."""


def quality_condition(name: str, collection: Collection) -> Q:
    """Return the condition of this name; raises AppError `parameter.invalid`."""
    if name not in QUALITIES:
        raise AppError.of_parameter(
            "quality", gettext("“quality” is one of {qualities}.").format(qualities=", ".join(QUALITIES))
        )
    return QUALITIES[name][1](collection)


_kept = Kept[tuple[Corpus, "datetime | None"]](KEPT_SECONDS, KEPT_MAX)


def corpus_lately(collection: Collection) -> tuple[Corpus, datetime | None]:
    """Return a collection at a glance, and when a large one was counted: that reads all of its documents."""
    if not has_many_documents(collection):
        return corpus_of(collection), None
    return _kept.get(collection.pk, lambda: (corpus_of(collection), timezone.now()))


def has_many_documents(collection: Collection) -> bool:
    """Return whether counting all documents of a collection takes its time."""
    return is_about(documents_of(collection))


def documents_of(collection: Collection) -> int:
    """Return how many documents a collection has, as `CollectionQuerySet.counted` says it."""
    known = getattr(collection, "document_count", None)
    if known is not None:
        return int(known)
    return int(Collection.objects.filter(pk=collection.pk).counted().get().document_count)


def corpus_of(collection: Collection) -> Corpus:
    """Return a collection at a glance, in two statements."""
    figures: dict[str, Any] = {
        name.replace("-", "_"): Count("pk", filter=condition(collection))
        for name, (_, condition) in QUALITIES.items()
    }
    rows = Document.objects.filter(collection=collection).order_by()
    counted = rows.aggregate(
        documents=Count("pk"), oldest=Min("created_at"), newest=Max("created_at"), **figures
    )
    field, languages = _languages(collection)
    return Corpus(
        counted["documents"],
        {name: counted[name.replace("-", "_")] for name in QUALITIES},
        counted["oldest"],
        counted["newest"],
        languages,
        field,
    )


def _languages(collection: Collection) -> tuple[str, list[tuple[str, int]]]:
    """Return the field that says a document's language, "" where none does, and its values by documents."""
    fields = CollectionField.objects.filter(collection=collection, name__in=LANGUAGE_FIELDS)
    field = fields.order_by("name").first()
    if field is None:
        return "", []
    rows = (
        FieldValue.objects.filter(field=field).order_by().values_list("value").annotate(n=Count("document"))
    )
    return field.name, list(rows.order_by("-n", "value")[:LANGUAGES_MAX])
