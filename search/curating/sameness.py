"""Which documents are the same: in all that an import can set, as files, or as pictures.

Two files are the same by their bytes, whatever they are called and in whichever folder they lie. So are two pictures
that came alone, if all else that is said of them is the same, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, F, Func, JSONField, OuterRef, Q, Subquery
from django.db.models.functions import MD5

from search.models import Document, DocumentFile, DocumentImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

    from search.models import Collection
    from workers.models import Job

_SAID = ("blob", "said", "document__title", "document__body", "document__url", "document__tags")
"""What two pictures must have in common; `said`: their metadata without the folder."""
PAIRS_MAX = 50


def same_condition(collection: Collection) -> Q:
    """Return the condition of documents that are the same as another of the collection."""
    again = Document.objects.filter(collection=collection).exclude(content_hash="").order_by()
    hashes = again.values("content_hash").annotate(n=Count("pk")).filter(n__gt=1).values("content_hash")
    files = _files(collection).order_by()
    digests = files.values("sha256").annotate(n=Count("pk")).filter(n__gt=1).values("sha256")
    pictures = _pictures(collection)
    others = _alike(pictures).exclude(document=OuterRef("document"))
    return (
        Q(content_hash__in=hashes)
        | Q(pk__in=files.filter(sha256__in=digests).values("document"))
        | Q(pk__in=pictures.filter(Exists(others)).values("document"))
    )


def _files(collection: Collection) -> QuerySet[DocumentFile]:
    return DocumentFile.objects.filter(document__collection=collection, replaced_at=None).exclude(sha256="")


def _pictures(collection: Collection) -> QuerySet[DocumentImage]:
    """Return the first picture of each document that is made of no file, with its metadata without the folder."""
    rows = DocumentImage.objects.filter(document__collection=collection, ordinal=0, document__files=None)
    without_folder = Func(
        F("document__metadata"), template="(%(expressions)s - 'folder')", output_field=JSONField()
    )
    return rows.annotate(said=without_folder).order_by()


def _alike(pictures: QuerySet[DocumentImage]) -> QuerySet[DocumentImage]:
    """Return those that are the same as a row around them."""
    return pictures.filter(**{name: OuterRef(name) for name in _SAID})


def same_keys(collection: Collection, documents: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Yield documents with a key that those have in common which are the same; one document may have several."""
    wanted = set(documents)
    rows = Document.objects.filter(pk__in=wanted).exclude(content_hash="")
    for pk, digest in rows.order_by().values_list("pk", "content_hash"):
        yield pk, f"content {digest}"
    for pk, digest in _files(collection).filter(document__in=wanted).values_list("document", "sha256"):
        yield pk, f"file {digest}"
    pictures = _pictures(collection).filter(document__in=wanted).annotate(body=MD5("document__body"))
    for row in pictures.values_list(
        "document", "blob", "said", "body", "document__title", "document__url", "document__tags"
    ):
        yield row[0], f"picture {row[1:]}"


def same_as_earlier(collection: Collection, job: Job) -> tuple[int, list[tuple[str, str]]]:
    """Return how many documents that an import created are the same file or picture as an earlier one, and the first.

    Each is named by its external id, with the external id of the earliest that is the same.
    """
    files, pictures = _files(collection), _pictures(collection)
    found = [
        _pairs(files.filter(document__import_job=job), files.filter(sha256=OuterRef("sha256"))),
        _pairs(pictures.filter(document__import_job=job), _alike(pictures)),
    ]
    return sum(count for count, _ in found), [pair for _, pairs in found for pair in pairs]


def _pairs(new: QuerySet[Any], same: QuerySet[Any]) -> tuple[int, list[tuple[str, str]]]:
    earlier = same.filter(document__lt=OuterRef("document")).order_by("document")
    rows = new.filter(Exists(earlier))
    named = rows.annotate(earlier=Subquery(earlier.values("document__external_id")[:1]))
    pairs = named.order_by("document").values_list("document__external_id", "earlier")
    return rows.count(), list(pairs[:PAIRS_MAX])
