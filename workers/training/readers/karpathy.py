"""Karpathy's split files: dataset_coco.json, dataset_flickr30k.json, dataset_flickr8k.json."""

from pathlib import Path
from typing import Any

from workers.training.errors import TrainingError
from workers.training.readers.listing import (
    Entry,
    Listing,
    caption_of,
    list_in,
    read_json,
    split_named,
    taken,
)


def find_karpathy(folder: Path) -> Path | None:
    """The split file in a folder, if there is one."""
    return next(iter(sorted(folder.glob("dataset*.json"))), None)


def read_karpathy(path: Path) -> Listing:
    """`images`, each with `filename`, `split`, `sentences` of `raw` text and, for COCO, `filepath`; `restval` trains.

    Raises TrainingError for a file of another form; a single wrong image is told with its number, from 1.
    """
    entries, broken = [], []
    for number, image in enumerate(list_in(read_json(path), "images", path), 1):
        try:
            entries.append(_entry(image))
        except TrainingError as error:
            broken.append(f"{path.name} image {number}: {error}")
    return Listing(tuple(entries), tuple(broken))


def _entry(image: Any) -> Entry:
    folder = image.get("filepath", "") if isinstance(image, dict) else ""
    name = taken(image, "filename", str)
    sentences = taken(image, "sentences", list)
    captions = tuple(caption_of(taken(sentence, "raw", str)) for sentence in sentences)
    return Entry(f"{folder}/{name}" if folder else name, captions, split_named(taken(image, "split", str)))
