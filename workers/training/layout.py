"""Pictures with captions in the layout of Flickr8k: `name.jpg#k<TAB>caption` lines, and a list of names per split."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workers.neural.tokens import words_of
from workers.training.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Captioned:
    """One split: picture i is `paths[i]`, its captions are `captions[i]`, and it belongs to group `groups[i]`.

    Captions of one group describe each other's pictures too, so they never count as negatives. Without a groups file
    every picture is a group of its own.
    """

    paths: tuple[Path, ...]
    captions: tuple[tuple[str, ...], ...]
    groups: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def texts(self) -> list[str]:
        """All captions, picture by picture."""
        return [caption for captions in self.captions for caption in captions]

    def words(self) -> tuple[tuple[list[str], ...], ...]:
        """The captions as words, picture by picture: a millisecond for two or three of them, so keep the result."""
        return tuple(tuple(words_of(caption) for caption in captions) for captions in self.captions)

    def text_groups(self) -> list[int]:
        """The group of each of `texts`."""
        return [group for group, captions in zip(self.groups, self.captions, strict=True) for _ in captions]

    def fingerprint(self) -> str:
        """SHA-256 over names, sizes, captions and groups: equal for equal data wherever it lies."""
        facts = [(path.name, path.stat().st_size) for path in self.paths]
        return hashlib.sha256(json.dumps([facts, self.captions, self.groups]).encode()).hexdigest()


def read_captions(path: Path) -> dict[str, list[str]]:
    """Captions by picture name, in the order of the file. Raises TrainingError with the number of a wrong line."""
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(path), 1):
        key, tab, text = line.partition("\t")
        name, mark, _ = key.rpartition("#")
        if not (tab and mark and name and text.strip()):
            raise TrainingError(f"{path.name} line {number} is not of the form name.jpg#k<TAB>caption.")
        captions.setdefault(name, []).append(text.strip())
    return captions


def read_split(
    images: Path, captions: dict[str, list[str]], split: Path, groups: Path | None = None
) -> Captioned:
    """The pictures that `split` lists, one a line. Raises TrainingError for one without a file, caption or group."""
    names = [line.strip() for line in _lines(split)]
    _refuse_missing("caption", split, [name for name in names if name not in captions])
    _refuse_missing("picture file", split, [name for name in names if not (images / name).is_file()])
    if not names:
        raise TrainingError(f"{split.name} lists no picture.")
    return Captioned(
        paths=tuple(images / name for name in names),
        captions=tuple(tuple(captions[name]) for name in names),
        groups=_numbered(names, split, groups),
    )


def _numbered(names: list[str], split: Path, groups: Path | None) -> tuple[int, ...]:
    if groups is None:
        return tuple(range(len(names)))
    labels = dict(line.split("\t", 1) for line in _lines(groups) if "\t" in line)
    _refuse_missing("group", split, [name for name in names if name not in labels])
    numbers: dict[str, int] = {}
    return tuple(numbers.setdefault(labels[name], len(numbers)) for name in names)


def _refuse_missing(what: str, split: Path, names: Iterable[str]) -> None:
    missing = list(names)
    if missing:
        shown = ", ".join(missing[:3])
        raise TrainingError(f"{len(missing)} pictures of {split.name} have no {what}, such as {shown}.")


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} cannot be read: {error}.") from None
