"""Flickr8k and Flickr30k as published: lines of name.jpg#k<TAB>caption, and a list of names per split beside them."""

from pathlib import Path

from workers.training.layout import lines_of, read_groups, scan_captions
from workers.training.readers.listing import Entry, Listing

CAPTION_FILES = ("captions.txt", "Flickr8k.token.txt", "results_20130124.token", "*.token", "*.token.txt")
SPLIT_FILES = {
    "train": ("train.txt", "Flickr_8k.trainImages.txt", "flickr30k_train.txt"),
    "val": ("val.txt", "Flickr_8k.devImages.txt", "flickr30k_val.txt"),
    "test": ("test.txt", "Flickr_8k.testImages.txt", "flickr30k_test.txt"),
}
GROUPS = "groups.txt"


def find_flickr(folder: Path) -> Path | None:
    """The file of captions in a folder, if there is one."""
    return next((path for name in CAPTION_FILES for path in sorted(folder.glob(name))), None)


def read_flickr(path: Path) -> Listing:
    """A file of captions with the lists of train, val and test, and groups.txt, where they lie beside it."""
    lists = {
        split: next((path.with_name(name) for name in names if path.with_name(name).is_file()), None)
        for split, names in SPLIT_FILES.items()
    }
    groups = path.with_name(GROUPS)
    given = {split: file for split, file in lists.items() if file}
    return read_lists(path, given, groups if groups.is_file() else None)


def read_lists(path: Path, lists: dict[str, Path], groups: Path | None = None) -> Listing:
    """As `read_flickr`, with the split files named. Without one, every picture that has a caption."""
    captions, broken = scan_captions(path)
    named = [(_in_captions(n.strip(), captions), split) for split in lists for n in lines_of(lists[split])]
    named = named if lists else [(name, "") for name in captions]
    labels = read_groups(groups) if groups else dict.fromkeys(captions, "")
    without = [
        f"{name} has no group in the file of groups."
        for name, _ in named
        if name in captions and name not in labels
    ]
    entries = (Entry(n, tuple(captions.get(n, ())), split, labels.get(n, "")) for n, split in named)
    return Listing(tuple(entries), (*broken, *without))


def _in_captions(name: str, captions: dict[str, list[str]]) -> str:
    """Flickr30k Entities lists 1000092795 for 1000092795.jpg."""
    return f"{name}.jpg" if name not in captions and f"{name}.jpg" in captions else name
