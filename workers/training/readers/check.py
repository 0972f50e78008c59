"""What is missing or broken in data sets, before hours of training go into them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from workers.inference.errors import PictureError
from workers.inference.pictures import open_picture
from workers.neural.tokens import WordTokenizer, vocabulary_of, words_of
from workers.training.picture_store import Progress
from workers.training.readers.read import DataSet, Picture

READERS = 2
CHUNK = 256
SHOWN = 5
# A JPEG is decoded at the smallest scale of at least so many pixels: all of its data are read all the same.
DECODED_SIDE = 32


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault, and where it is found."""

    what: str
    where: tuple[str, ...]

    def lines(self) -> list[str]:
        """The fault and its first places, for people."""
        more = [f"  and {len(self.where) - SHOWN} more"] if len(self.where) > SHOWN else []
        return [f"{len(self.where)} {self.what}:", *(f"  {place}" for place in self.where[:SHOWN]), *more]


@dataclass(frozen=True, slots=True)
class Checked:
    """`summary`: what there is, for people; `faults`: what must be put right, none where all is well."""

    summary: tuple[str, ...]
    faults: tuple[Fault, ...]


def check_data(sets: Sequence[DataSet], min_count: int, progress: Progress) -> Checked:
    """Look at every line and every picture of the splits, and at the words that validation has and training lacks.

    A word is known that occurs `min_count` times in the training captions, as in training.
    """
    used = [picture for data in sets for picture in data.pictures if picture.entry.split]
    there = [picture for picture in used if picture.path.is_file()]
    digests, unreadable = _read_all(there, progress)
    faults = (
        Fault("wrong lines or entries", tuple(s for data in sets for s in data.broken)),
        Fault("splits that nobody is in", tuple(s for s in ("train", "val") if not _in_split(used, s))),
        Fault("pictures without a caption", tuple(p.entry.file for p in used if not p.entry.captions)),
        Fault("pictures without a file", tuple(str(p.path) for p in used if not p.path.is_file())),
        Fault("pictures that cannot be used", tuple(unreadable)),
        Fault("pictures in more than one split", tuple(_shared(there, digests))),
    )
    summary = (*(_described(data) for data in sets), _unknown_words(used, min_count, progress))
    return Checked(summary, tuple(fault for fault in faults if fault.where))


def _in_split(pictures: Sequence[Picture], split: str) -> list[Picture]:
    return [picture for picture in pictures if picture.entry.split == split]


def _described(data: DataSet) -> str:
    counts = Counter(picture.entry.split or "no split" for picture in data.pictures)
    captions = sum(len(picture.entry.captions) for picture in data.pictures)
    parts = ", ".join(f"{count} in {split}" for split, count in counts.items())
    return f"{data.name} ({data.layout}): {len(data.pictures)} pictures, {captions} captions; {parts or 'nothing'}"


def _read_all(pictures: Sequence[Picture], progress: Progress) -> tuple[list[str], list[str]]:
    """The SHA-256 of each file, and a sentence for each that is no usable picture."""
    digests, unreadable = [], []
    for number, (digest, fault) in enumerate(_results([picture.path for picture in pictures]), 1):
        digests.append(digest)
        unreadable += [fault] if fault else []
        progress("reading pictures", number, len(pictures))
    return digests, unreadable


def _results(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    with ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(paths), CHUNK):
            yield from pool.map(_read, paths[start : start + CHUNK])


def _read(path: Path) -> tuple[str, str]:
    """The file's SHA-256, empty where it cannot be read, and why it cannot be used, empty where it can."""
    digest = ""
    try:
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        open_picture(data, shortest_side=DECODED_SIDE)
    except (PictureError, OSError) as error:
        return digest, f"{path}: {error}"
    return digest, ""


def _shared(pictures: Sequence[Picture], digests: Sequence[str]) -> Iterator[str]:
    """The files of equal content that stand in different splits: validation on them would measure memory."""
    places: dict[str, dict[str, str]] = defaultdict(dict)
    for picture, digest in zip(pictures, digests, strict=True):
        if digest:
            places[digest].setdefault(picture.entry.split, picture.entry.file)
    for splits in places.values():
        if len(splits) > 1:
            yield ", ".join(f"{file} in {split}" for split, file in splits.items())


def _unknown_words(pictures: Sequence[Picture], min_count: int, progress: Progress) -> str:
    train, val = (_words(_in_split(pictures, split), split, progress) for split in ("train", "val"))
    vocabulary = vocabulary_of(train, min_count)
    share = WordTokenizer(vocabulary).unknown_share(val) if val else 0.0
    return (
        f"{len(vocabulary)} words known (in at least {min_count} places of the training captions); "
        f"{100 * share:.1f} % of the validation captions' words are not"
    )


def _words(pictures: Sequence[Picture], split: str, progress: Progress) -> list[list[str]]:
    found = []
    for number, picture in enumerate(pictures, 1):
        found += [words_of(caption) for caption in picture.entry.captions]
        progress(f"reading captions of {split}", number, len(pictures))
    return found
