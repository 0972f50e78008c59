"""A collection's pictures with what its documents say of them, as a data set that models are trained on."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from search.judged.searches import measures_models
from search.services.judgements import RELEVANT
from workers.inference.sniff import HEADER_BYTES, sniff_format
from workers.storage.blobs import blob_open
from workers.training.readers.listing import split_by_name
from workers.training.readers.table import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from search.models import Document, Query
    from workers.models import Blob

TEXTS = ("alt", "title", "passages")
CHUNK_ROWS = 200


@dataclass
class TrainingSet:
    """A folder with images/ and captions.csv, as `manage.py train --data` reads it.

    A document's pictures go into one split, which follows from its external id, and so does a picture that several
    documents show: with the first of them. A second export so gives the same splits, and new documents move none.

    With `judged`, photos that people asked with are pictures of the documents that they found relevant, and what they
    typed is said of such documents' pictures. A photo goes into the split of the first of its documents and has no
    captions of those in the other one.
    """

    folder: Path
    texts: Collection[str] = TEXTS
    held_out_percent: int = 10
    judged: bool = False

    def __post_init__(self) -> None:
        self.pictures: Counter[str] = Counter()
        self.without_text = 0
        self.lost: list[str] = []
        self._files: dict[str, str] = {}
        self._groups: dict[str, str] = {}

    def write(self, documents: Iterator[Document], progress: Callable[[int], None]) -> None:
        """Write all pictures of documents that have a text; `documents` come with images, blobs and passages."""
        (self.folder / "images").mkdir(parents=True)
        with (self.folder / "captions.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for number, document in enumerate(documents, 1):
                writer.writerows(self._rows(document))
                progress(number)

    def _rows(self, document: Document) -> Iterator[tuple[str, ...]]:
        images = list(document.images.all())
        asked = relevant_queries(document) if self.judged else []
        shown = (self._groups.get(image.blob_id) for image in images)
        group = next((known for known in shown if known), document.external_id)
        typed = [query.text for query in asked if query.text]
        for image in images:
            yield from self._picture(image.blob, captions_of(document, self.texts, image.alt, typed), group)
        captions = captions_of(document, self.texts)
        parts = (query.part for query in asked)
        photos = (part.preview for part in parts if part and part.preview and part.crop is None)
        for photo in dict.fromkeys(photos):
            if self._split(self._groups.get(photo.pk, group)) == self._split(group):
                yield from self._picture(photo, captions, group)

    def _picture(self, blob: Blob, captions: list[str], group: str) -> Iterator[tuple[str, ...]]:
        if not captions:
            self.without_text += 1
        elif name := self._file(blob):
            is_new = blob.pk not in self._groups
            own = self._groups.setdefault(blob.pk, group)
            split = self._split(own)
            self.pictures[split] += is_new
            yield from ((name, caption, split, own) for caption in captions)

    def _split(self, group: str) -> str:
        return split_by_name(group, self.held_out_percent)

    def _file(self, blob: Blob) -> str:
        """The picture's name in images/, where it is copied to; empty where the storage has lost it."""
        if blob.sha256 not in self._files:
            self._files[blob.sha256] = self._copied(blob)
        return self._files[blob.sha256]

    def _copied(self, blob: Blob) -> str:
        try:
            source = blob_open(blob)
        except AppError:
            self.lost.append(blob.sha256)
            return ""
        with source:
            name = f"{blob.sha256[:24]}.{sniff_format(source.read(HEADER_BYTES)) or 'bin'}"
            source.seek(0)
            with (self.folder / "images" / name).open("wb") as target:
                shutil.copyfileobj(source, target)
        return name


def relevant_queries(document: Document) -> list[Query]:
    """The training queries of one part for which the document was found relevant, by the median of its grades.

    The lower median for an even number of grades, as in qrels; `document` comes with its judgements and their queries.
    """
    grades: dict[Query, list[int]] = {}
    for judgement in document.judgements.all():
        grades.setdefault(judgement.query, []).append(judgement.grade)
    relevant = (query for query, given in grades.items() if median_low(given) >= RELEVANT)
    return [query for query in relevant if query.part and not measures_models(query)]


def captions_of(
    document: Document, texts: Collection[str], alt: str = "", typed: Iterable[str] = ()
) -> list[str]:
    """What is said of a picture, each text once and on one line: alt text, title, passages, what people typed."""
    by_kind = {
        "alt": [alt],
        "title": [document.title],
        "passages": [passage.text for passage in document.passages.all()],
    }
    chosen = [text for kind in TEXTS if kind in texts for text in by_kind[kind]]
    lines = (" ".join(text.split()) for text in (*chosen, *typed))
    return list(dict.fromkeys(line for line in lines if line))
