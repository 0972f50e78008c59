"""What readers of sources give, and what a round does with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from search.sources.options import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.models import Collection
    from search.services.documents import DocumentRecord
    from search.sources.options import Options
    from workers.formats.problems import Problem


@dataclass(frozen=True)
class SourceEntry:
    """One file, record or manifest, as a listing names it.

    `stamp`: as long as it is the same, so is the content; empty where nothing tells. `deleted`: the server says that it
    is gone. `waits`: it is being written. `problem`: what stands in its place. `data` is the reader's own.
    """

    key: str
    stamp: str = ""
    deleted: bool = False
    waits: bool = False
    problem: Problem | None = None
    data: Any = None


@dataclass(frozen=True)
class EntryBatch:
    """Entries that are stored in one transaction; a later run goes on behind `position`."""

    entries: list[SourceEntry]
    position: str


@dataclass(frozen=True)
class EntryContent:
    """What an entry holds; `digest` is that of its bytes and of the options."""

    digest: str
    data: Any

    def close(self) -> None:
        """Close what was opened for it."""
        if hasattr(self.data, "close"):
            self.data.close()


@dataclass(frozen=True)
class Made:
    """The documents made of an entry, and why something of it is missing; `again`: another try may bring it.

    `keeps_others`: documents that were made of it before and are not among these stay.
    """

    records: tuple[DocumentRecord, ...]
    problem: Problem | None = None
    again: bool = False
    keeps_others: bool = False


@dataclass
class SourceListing:
    """What a reader found out while it listed.

    `complete`: what was not listed is no longer there. `until`: how far a server's records are known by now.
    `notes`: what a person should know, by the id of the warning.
    """

    complete: bool = False
    until: str = ""
    notes: dict[str, str] = field(default_factory=dict)
    ignored: int = 0
    ignored_examples: list[str] = field(default_factory=list)


class StillWrittenError(Exception):
    """An entry changes while it is read: it waits for the next round."""


class SourceReader(Protocol):
    """Reads one source. All methods raise AppError `source.*`; those that read an entry also StillWrittenError."""

    listing: SourceListing

    def batches(self, after: str) -> Iterator[EntryBatch]:
        """Yield all there is behind the position `after`, in an order that stays."""
        ...

    def one(self, key: str) -> SourceEntry | None:
        """Return one entry, asked for alone; None where it is not there."""
        ...

    def content(self, entry: SourceEntry) -> EntryContent:
        """Read an entry; raises AppError or InferenceError for one that cannot be read."""
        ...

    def made(self, entry: SourceEntry, content: EntryContent, collection: Collection, *, store: bool) -> Made:
        """Return the entry's documents; with `store` their pictures are stored. Raises as `content` does."""
        ...

    def is_gone(self, key: str) -> bool:
        """Return whether an entry that was not listed is certainly not there."""
        ...

    def close(self) -> None:
        """End what was started for reading."""
        ...


def content_digest(options: Options, data: bytes) -> str:
    """Return what is equal where bytes and options are."""
    return hashlib.sha256(fingerprint(options).encode() + data).hexdigest()
