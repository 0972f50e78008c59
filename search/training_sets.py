"""A collection's pictures with what its documents say of them, as a data set that models are trained on."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from workers.blobs import blob_open
from workers.inference.sniff import HEADER_BYTES, sniff_format
from workers.training.readers.listing import split_by_name
from workers.training.readers.table import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from search.models import Document, DocumentImage
    from workers.models import Blob

TEXTS = ("alt", "title", "passages")
CHUNK_ROWS = 200


@dataclass
class TrainingSet:
    """A folder with images/ and captions.csv, as `manage.py train --data` reads it.

    A document's pictures go into one split, which follows from its external id, and so does a picture that several
    documents show: with the first of them. A second export so gives the same splits, and new documents move none.
    """

    folder: Path
    texts: Collection[str] = TEXTS
    held_out_percent: int = 10

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
        shown = (self._groups.get(image.blob_id) for image in images)
        group = next((known for known in shown if known), document.external_id)
        for image in images:
            captions = captions_of(document, image, self.texts)
            if not captions:
                self.without_text += 1
            elif name := self._file(image.blob):
                is_new = image.blob_id not in self._groups
                own = self._groups.setdefault(image.blob_id, group)
                split = split_by_name(own, self.held_out_percent)
                self.pictures[split] += is_new
                yield from ((name, caption, split, own) for caption in captions)

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


def captions_of(document: Document, image: DocumentImage, texts: Collection[str]) -> list[str]:
    """What is said of a picture, each text once and on one line: its own alt text, the title, the passages."""
    said = {
        "alt": [image.alt],
        "title": [document.title],
        "passages": [passage.text for passage in document.passages.all()],
    }
    lines = (" ".join(text.split()) for kind in TEXTS if kind in texts for text in said[kind])
    return list(dict.fromkeys(line for line in lines if line))
