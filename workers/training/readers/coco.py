"""COCO's captions: captions_train2014.json, captions_val2017.json and the like, alone or side by side."""

from pathlib import Path
from typing import Any

from workers.training.errors import TrainingError
from workers.training.readers.listing import Entry, Listing, caption_of, list_in, read_json, taken

PREFIX = "captions_"


def find_coco(folder: Path) -> Path | None:
    """The folder of the caption files: this one or its annotations/."""
    places = (folder, folder / "annotations")
    return next((place for place in places if any(place.glob(f"{PREFIX}*.json"))), None)


def read_coco(path: Path) -> Listing:
    """One caption file, or all of a folder; whether a file is for training or validation is told by its name.

    Raises TrainingError for a file of another form; a single wrong image or annotation is told with its number, from 1.
    """
    files = sorted(path.glob(f"{PREFIX}*.json")) if path.is_dir() else [path]
    parts = [_read_file(file) for file in files]
    return Listing(
        tuple(entry for part in parts for entry in part.entries),
        tuple(sentence for part in parts for sentence in part.broken),
    )


def _read_file(path: Path) -> Listing:
    data, broken = read_json(path), []
    names: dict[int, str] = {}
    captions: dict[int, list[str]] = {}
    for number, image in enumerate(list_in(data, "images", path), 1):
        try:
            names[taken(image, "id", int)] = taken(image, "file_name", str)
        except TrainingError as error:
            broken.append(f"{path.name} image {number}: {error}")
    for number, annotation in enumerate(list_in(data, "annotations", path), 1):
        try:
            _add_caption(annotation, names, captions)
        except TrainingError as error:
            broken.append(f"{path.name} annotation {number}: {error}")
    # The pictures of captions_train2014.json lie in train2014/.
    folder = f"{path.stem.removeprefix(PREFIX)}/" if path.stem.startswith(PREFIX) else ""
    entries = (
        Entry(folder + name, tuple(captions.get(key, ())), _split(path)) for key, name in names.items()
    )
    return Listing(tuple(entries), tuple(broken))


def _add_caption(annotation: Any, names: dict[int, str], captions: dict[int, list[str]]) -> None:
    key = taken(annotation, "image_id", int)
    if key not in names:
        raise TrainingError(f"there is no image with the id {key}.")
    captions.setdefault(key, []).append(caption_of(taken(annotation, "caption", str)))


def _split(path: Path) -> str:
    return next((split for split in ("train", "val", "test") if split in path.stem), "")
