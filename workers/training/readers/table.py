"""A CSV file with a header: file,caption and, if wanted, split and group; one caption a row."""

import csv
from pathlib import Path

from workers.training.errors import TrainingError
from workers.training.readers.listing import Entry, Listing, caption_of, split_named

COLUMNS = ("file", "caption", "split", "group")


def find_table(folder: Path) -> Path | None:
    """captions.csv, or the only CSV file of a folder."""
    named, files = folder / "captions.csv", list(folder.glob("*.csv"))
    return named if named.is_file() else files[0] if len(files) == 1 else None


def read_table(path: Path) -> Listing:
    """The pictures in the order of their first rows. Raises TrainingError for a file that is no such table.

    A single wrong row is told with its number, the header being row 1. A picture's split and group stand in its first
    row; a later row may leave them empty.
    """
    captions: dict[str, list[str]] = {}
    labels: dict[str, tuple[str, str]] = {}
    broken = []
    for number, row in enumerate(_rows(path), 2):
        cells = {column: (row.get(column) or "").strip() for column in COLUMNS}
        try:
            name = _checked_name(cells, labels)
            captions.setdefault(name, []).append(caption_of(cells["caption"]))
        except TrainingError as error:
            broken.append(f"{path.name} row {number}: {error}")
    entries = (Entry(name, tuple(texts), *labels[name]) for name, texts in captions.items())
    return Listing(tuple(entries), tuple(broken))


def _checked_name(cells: dict[str, str], labels: dict[str, tuple[str, str]]) -> str:
    """The row's file, whose split and group are noted in `labels`."""
    name, split = cells["file"], split_named(cells["split"])
    if not name:
        raise TrainingError("it names no file.")
    first = labels.setdefault(name, (split, cells["group"]))
    if split not in {"", first[0]}:
        raise TrainingError(f"it puts {name} into a second split.")
    return name


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source)
            if not {"file", "caption"} <= set(reader.fieldnames or ()):
                raise TrainingError(f"{path.name} needs the columns file and caption.")
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{path} cannot be read: {error}.") from None
