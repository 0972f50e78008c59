"""From a path to a data set: which layout it is, where its pictures lie, and its splits."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.training.errors import TrainingError
from workers.training.layout import Captioned
from workers.training.readers.coco import PREFIX, find_coco, read_coco
from workers.training.readers.flickr import find_flickr, read_flickr, read_lists
from workers.training.readers.karpathy import find_karpathy, read_karpathy
from workers.training.readers.listing import Entry, Listing, read_json, with_splits
from workers.training.readers.table import find_table, read_table

SAMPLE = 50


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """`find` looks for what `read` reads in a folder."""

    find: Callable[[Path], Path | None]
    read: Callable[[Path], Listing]


LAYOUTS = {
    "flickr": DatasetLayout(find_flickr, read_flickr),
    "coco": DatasetLayout(find_coco, read_coco),
    "karpathy": DatasetLayout(find_karpathy, read_karpathy),
    "csv": DatasetLayout(find_table, read_table),
}


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data set's folder, or the file of its captions; the `layout` and folder of `images` are found where empty."""

    path: str
    layout: str = ""
    images: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a data set and what is known of it; see `Entry`."""

    path: Path
    entry: Entry


@dataclass(frozen=True, slots=True)
class DataSet:
    """All pictures of one data set; `broken` are the lines or entries that could not be read, as sentences."""

    name: str
    layout: str
    pictures: tuple[Picture, ...]
    broken: tuple[str, ...] = ()

    def split(self, name: str) -> Captioned:
        """The pictures of one split, perhaps none. Raises TrainingError with the first that lacks a caption or file."""
        chosen = [picture for picture in self.pictures if picture.entry.split == name]
        self._refuse("lines or entries are wrong", self.broken)
        self._refuse("pictures have no caption", [p.entry.file for p in chosen if not p.entry.captions])
        self._refuse("pictures have no file", [str(p.path) for p in chosen if not p.path.is_file()])
        numbers: dict[str, int] = {}
        labels = (p.entry.group or f"\0{number}" for number, p in enumerate(chosen))
        return Captioned(
            paths=tuple(p.path for p in chosen),
            captions=tuple(p.entry.captions for p in chosen),
            groups=tuple(numbers.setdefault(label, len(numbers)) for label in labels),
        )

    def _refuse(self, what: str, found: Sequence[str]) -> None:
        if found:
            raise TrainingError(f"{self.name}: {len(found)} {what}: {found[0].rstrip('.')}; see --check.")


def read_source(source: DataSource) -> DataSet:
    """A data set with all its splits. Raises TrainingError where there is none, or its layout cannot be told."""
    path = Path(source.path)
    if not path.exists():
        raise TrainingError(f"There is no data set {path}.")
    layout, found = _recognised(path, source.layout)
    listing = LAYOUTS[layout].read(found)
    base = path if path.is_dir() else path.parent
    roots = [Path(source.images)] if source.images else _picture_folders(base)
    return data_set(path.resolve().name, layout, listing, roots)


def listed_set(images: Path, captions: Path, lists: dict[str, Path], groups: Path | None = None) -> DataSet:
    """A data set of Flickr8k's layout whose files are named one by one: `lists` are the names of each split.

    Raises TrainingError for a file that cannot be read.
    """
    return data_set(images.resolve().name, "flickr", read_lists(captions, lists, groups), [images])


def data_set(name: str, layout: str, listing: Listing, roots: Sequence[Path]) -> DataSet:
    """What a layout names, with its pictures looked for in `roots`."""
    entries = with_splits(listing.entries)
    paths = located([entry.file for entry in entries], roots)
    pictures = (Picture(path, entry) for path, entry in zip(paths, entries, strict=True))
    return DataSet(name, layout, tuple(pictures), listing.broken)


def _recognised(path: Path, layout: str) -> tuple[str, Path]:
    """The layout and the file (or, for COCO, folder) to read."""
    if layout and layout not in LAYOUTS:
        raise TrainingError(f"There is no layout {layout!r}; there are {', '.join(LAYOUTS)}.")
    if path.is_file():
        return layout or _layout_of_file(path), path
    found = {name: LAYOUTS[name].find(path) for name in ([layout] if layout else LAYOUTS)}
    there = {name: file for name, file in found.items() if file}
    if not there:
        raise TrainingError(f"{path} has no known layout; docs/training.md says which there are.")
    if len(there) > 1:
        raise TrainingError(f"{path} has the layouts {', '.join(there)}: choose one with --layout.")
    return next(iter(there.items()))


def _layout_of_file(path: Path) -> str:
    if path.suffix == ".csv":
        return "csv"
    if path.suffix != ".json":
        return "flickr"
    return "coco" if path.name.startswith(PREFIX) or "annotations" in read_json(path) else "karpathy"


def _picture_folders(base: Path) -> list[Path]:
    """Where the pictures may lie: images/ or any other folder here, one of the same name within it, or here."""
    base = base.parent if base.name == "annotations" else base
    folders = sorted(path for path in base.iterdir() if path.is_dir())
    folders.sort(key=lambda folder: folder.name.lower() != "images")
    return [inner for folder in (*folders, base) for inner in (folder, folder / folder.name)]


def located(files: Sequence[str], roots: Iterable[Path]) -> list[Path]:
    """The files below the root, and in the form, nested or flat, in which most of a sample of them are found."""
    sample = files[:: max(1, len(files) // SAMPLE)]
    forms = [(root, flat) for root in roots for flat in (False, True)]
    best = max(forms, key=lambda form: sum(_below(file, *form).is_file() for file in sample))
    return [_below(file, *best) for file in files]


def _below(file: str, root: Path, flat: bool) -> Path:  # noqa: FBT001
    return root / (Path(file).name if flat else file)
