"""The file that a document is made of and its pages, kept in step with the document; former versions stay as rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.utils import timezone

from search.models import Collection, DocumentFile, DocumentPage
from search.services.kept_rows import rows_kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from search.models import Document
    from search.querysets import Viewer


PAGES_MAX = 1_000_000
"""Above the number of any page."""
_OF_PAGE = ("number", "width", "height", "is_read", "is_unread", "boxes")


@dataclass(frozen=True)
class PageInput:
    """A page, in order; `boxes` as `DocumentPage` has them."""

    blob_id: str | None = None
    width: int = 0
    height: int = 0
    is_read: bool = False
    boxes: tuple[tuple[float, ...], ...] = ()
    is_unread: bool = False


@dataclass(frozen=True)
class FileContent:
    """A file and what was found in it beside text and figures; `outline` as `search.outline.Outline` gives it."""

    name: str
    kind: str
    sha256: str = ""
    size: int = 0
    blob_id: str | None = None
    outline: dict[str, Any] = field(default_factory=dict)
    pages: tuple[PageInput, ...] = ()
    notes: tuple[str, ...] = ()


def former_files(document: Document, viewer: Viewer) -> QuerySet[DocumentFile]:
    """Return the former versions of a document's file, newest first; for its curators, nothing for others."""
    if not Collection.objects.curated_by(viewer).filter(pk=document.collection_id).exists():
        return DocumentFile.objects.none()
    return DocumentFile.objects.filter(document=document).exclude(replaced_at=None)


def made_of_files(documents: Iterable[int]) -> set[int]:
    """Return those of the documents that were made of a file: they may be longer than others."""
    rows = DocumentFile.objects.filter(document__in=list(documents), replaced_at=None)
    return set(rows.values_list("document", flat=True))


def files_replace(documents: Sequence[Document], files: Sequence[FileContent | None]) -> None:
    """Make these the documents' current files, with their pages; None leaves what is stored.

    Where a text was changed without its file, its pages no longer know where it stands. Call it in a transaction.
    """
    for document, content in zip(documents, files, strict=True):
        if content is not None:
            _replace(document, content)
    unplaced = [document.pk for document, content in zip(documents, files, strict=True) if content is None]
    if unplaced:
        without = DocumentPage.objects.filter(document__in=unplaced, document__outline={})
        without.exclude(boxes=[]).update(boxes=[])


def files_keep(comes: Sequence[tuple[Document, FileContent]]) -> None:
    """Keep files that come again as they were, for a collection that did not keep files when they came first."""
    kept = {document.pk: content for document, content in comes if content.blob_id is not None}
    if not kept:
        return
    rows = list(DocumentFile.objects.filter(document__in=kept, replaced_at=None, blob=None))
    for row in rows:
        if row.sha256 == kept[row.document_id].sha256:
            row.blob_id = kept[row.document_id].blob_id
    DocumentFile.objects.bulk_update(rows, ["blob"])


def _replace(document: Document, content: FileContent) -> None:
    current = DocumentFile.objects.filter(document=document, replaced_at=None).select_for_update().first()
    if current is None or (current.sha256, current.name) != (content.sha256, content.name[:255]):
        if current is not None:
            current.replaced_at = timezone.now()
            current.save(update_fields=["replaced_at"])
        current = DocumentFile(document=document, name=content.name[:255], sha256=content.sha256)
    current.kind, current.size, current.notes = content.kind, content.size, list(content.notes)
    current.blob_id, current.page_count = content.blob_id, len(content.pages)
    current.save()
    _pages_replace(document, content.pages)


def _pages_replace(document: Document, pages: Sequence[PageInput]) -> None:
    """Make these the document's pages; those with the same picture stay, and with them their vectors."""
    rows = DocumentPage.objects.filter(document=document)
    stored = rows.order_by("pk").select_for_update()
    wanted = [_page(document, number, page) for number, page in enumerate(pages, start=1)]
    kept = rows_kept(stored, wanted, lambda page: page.blob_id, _OF_PAGE)
    rows.filter(pk__in=[row.pk for row in kept.gone]).delete()
    # Their numbers are set free first: no two pages may have one at any moment.
    rows.filter(pk__in=[row.pk for row in kept.changed]).update(number=F("number") + PAGES_MAX)
    DocumentPage.objects.bulk_update(kept.changed, _OF_PAGE)
    DocumentPage.objects.bulk_create(kept.new)


def _page(document: Document, number: int, page: PageInput) -> DocumentPage:
    return DocumentPage(
        document=document,
        number=number,
        blob_id=page.blob_id,
        width=page.width,
        height=page.height,
        is_read=page.is_read,
        is_unread=page.is_unread,
        boxes=[list(box) for box in page.boxes],
    )
