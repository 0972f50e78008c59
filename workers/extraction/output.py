"""Where a reader puts the files that it takes out of a document: figures, pages, attachments. Under limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.inference.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True)
class OutputLimits:
    """What a reader may take out of one file."""

    pages: int = 5_000
    characters: int = 10_000_000
    """Of text."""
    figures: int = 2_000
    attached: int = 2_000
    attached_depth: int = 5
    files_bytes: int = 2048 * MIB
    """Of all figures, pages and attachments together."""
    figure_side_px: int = 64
    """Smaller pictures are ornaments: lines, bullets, icons."""
    page_longest_px: int = 1600


class Output:
    """The folder that a reader writes into, one file after another.

    Readers call `count_characters` for text as they go, so that a bomb ends early, not when memory is full.
    """

    def __init__(self, folder: Path, limits: OutputLimits) -> None:
        self.limits = limits
        self._folder = folder
        self._files = 0
        self._bytes = 0
        self._characters = 0

    def put(self, data: bytes) -> str:
        """Keep a file; return the name by which `Extracted` refers to it. Raises FileError `file.too_much`."""
        return self.put_all((data,))

    def put_all(self, parts: Iterable[bytes]) -> str:
        """Keep a file that comes in parts, as `put` does one that is there whole."""
        self._files += 1
        name = f"{self._files:06d}"
        with (self._folder / name).open("wb") as file:
            for data in parts:
                self._bytes += len(data)
                if self._bytes > self.limits.files_bytes:
                    raise FileError("file.too_much/files", limit_mib=self.limits.files_bytes // MIB)
                file.write(data)
        return name

    def count_characters(self, count: int) -> None:
        """Take note of so much more text. Raises FileError `file.too_much`."""
        self._characters += count
        if self._characters > self.limits.characters:
            raise FileError("file.too_much/characters", limit=self.limits.characters)
