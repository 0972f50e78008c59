"""What a batch's photos found, as far as its person may see it now: for the page, the API and a spreadsheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval_site.database.reading import read
from search.downloads import download
from search.hit_exports import HIT_COLUMNS, hit_cells
from search.retrieval.calibrate import match_of
from search.retrieval.keep import ranked_of
from search.retrieval.present import hits_of
from search.retrieval.scope import visible_collections
from search.spreadsheets import csv_line
from search.units.registry import unit_kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.http import StreamingHttpResponse

    from search.models import BatchPhoto, PhotoBatch
    from search.querysets import Viewer
    from search.retrieval.types import Hit, Match

COLUMNS = ("photo", *HIT_COLUMNS, "failed_because", "match")
_NO_HIT = [None] * len(HIT_COLUMNS)


@dataclass(frozen=True)
class PhotoRow:
    """A photo with its hits, and whether any of them fits it; None where nothing is known of that."""

    photo: BatchPhoto
    hits: tuple[Hit, ...]
    match: Match | None

    @property
    def is_nothing(self) -> bool:
        """Whether nothing fits, and what is closest is only that."""
        return self.match == "none" and bool(self.hits)


def photo_rows(batch: PhotoBatch, photos: Sequence[BatchPhoto], viewer: Viewer) -> list[PhotoRow]:
    """Return the photos with what the viewer may see of their hits, in one statement for each photo."""
    kind = unit_kind_of(batch.target).name
    visible = visible_collections(viewer)
    ranked = [(photo, ranked_of(photo.answer, kind)) for photo in photos]
    rows = [(photo, tuple(hits_of(found, kind, visible))) for photo, found in ranked]
    return [PhotoRow(photo, hits, match_of([hit.strength for hit in hits])) for photo, hits in rows]


def table_download(batch: PhotoBatch, viewer: Viewer) -> StreamingHttpResponse:
    """Return what the photos of a batch found as a file for spreadsheets; `count` of its note is that of the photos."""
    lines = csv_lines(batch, viewer)
    return download(lines, "photos.csv", count=batch.photos.count(), batch=str(batch.pk))


def csv_lines(batch: PhotoBatch, viewer: Viewer) -> Iterator[str]:
    """Yield a header, a line for each hit of each photo, one for a photo without hits, and one for each that failed."""
    yield csv_line(COLUMNS)
    photos = list(batch.photos.all())
    for row in read(lambda: photo_rows(batch, photos, viewer)):
        if not row.hits:
            yield csv_line((row.photo.name, *_NO_HIT, None, row.match))
        for hit in row.hits:
            yield csv_line((row.photo.name, *hit_cells(hit), None, row.match))
    failed = batch.job.items.order_by("key").values_list("key", "reason") if batch.job else ()
    for name, reason in failed:
        yield csv_line((name, *_NO_HIT, reason, None))
