"""Pictures with captions in the layout of Flickr8k: `name.jpg#k<TAB>caption` lines, and a list of names per split."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from workers.formats.captions import Caption, read_captions
from workers.neural.tokens import words_of
from workers.training.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Captioned:
    """One split: picture i is `paths[i]`, its captions are `captions[i]`, and it belongs to group `groups[i]`.

    Captions of one group describe each other's pictures too, so they never count as negatives. Without a groups file
    every picture is a group of its own. `sets` are the names and lengths of the data sets of which it is put together.
    """

    paths: tuple[Path, ...]
    captions: tuple[tuple[str, ...], ...]
    groups: tuple[int, ...]
    sets: tuple[tuple[str, int], ...] = ()

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

    def set_fingerprints(self) -> dict[str, str]:
        """The fingerprint of each of `sets` by itself, by its name."""
        ends = [*accumulate(length for _, length in self.sets)]
        return {
            name: self._part(end - length, end).fingerprint()
            for (name, length), end in zip(self.sets, ends, strict=True)
        }

    def _part(self, start: int, end: int) -> "Captioned":
        first = min(self.groups[start:end], default=0)
        groups = tuple(group - first for group in self.groups[start:end])
        return Captioned(self.paths[start:end], self.captions[start:end], groups)


def concatenated(names: Sequence[str], parts: Sequence[Captioned]) -> Captioned:
    """One split of several data sets', in their order; a group is never shared by two of them.

    A name that comes again gets a number.
    """
    firsts = [0, *accumulate(max(part.groups, default=-1) + 1 for part in parts)]
    again = [names[:place].count(name) + 1 for place, name in enumerate(names)]
    unique = [name if count == 1 else f"{name}-{count}" for name, count in zip(names, again, strict=True)]
    return Captioned(
        tuple(path for part in parts for path in part.paths),
        tuple(captions for part in parts for captions in part.captions),
        tuple(f + group for f, part in zip(firsts, parts, strict=False) for group in part.groups),
        tuple((name, len(part)) for name, part in zip(unique, parts, strict=True)),
    )


def scan_captions(path: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Captions by picture name, in the order of the file, and a sentence with its number for every wrong line.

    Raises TrainingError for a file that cannot be read or is not in UTF-8.
    """
    captions: dict[str, list[str]] = {}
    broken = []
    try:
        with path.open("rb") as file:
            for line in read_captions(file):
                if isinstance(line, Caption):
                    captions.setdefault(line.picture, []).append(line.text)
                elif line.problem.error_id == "import.not_utf8":
                    raise TrainingError(f"{path} cannot be read: {line.where}: {line.problem.reason}")
                else:
                    broken.append(f"{path.name} {line.where}: {line.problem.reason}")
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error}.") from None
    return captions, broken


def read_groups(path: Path) -> dict[str, str]:
    """The label of each picture by its name, from name<TAB>label lines. Raises TrainingError."""
    return dict(line.split("\t", 1) for line in lines_of(path) if "\t" in line)


def lines_of(path: Path) -> list[str]:
    """The lines of a text file that are not blank. Raises TrainingError."""
    return [line for _, line in _numbered_lines(path)]


def _numbered_lines(path: Path) -> list[tuple[int, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} cannot be read: {error}.") from None
