"""OAI-PMH 2.0 (https://www.openarchives.org/OAI/openarchivesprotocol.html), records in Dublin Core.

A reader of our own: the client libraries ask through an HTTP library that follows redirects to anywhere, waits and
reads for as long as the server likes, and forgive XML that is none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.utils import timezone

from retrieval_site.errors import AppError
from search.models.source import KEY_BYTES_MAX
from search.sources.dublin_core import Fields, elements_of, to_record
from search.sources.types import EntryBatch, EntryContent, Made, SourceEntry, SourceListing, content_digest
from search.sources.xml import child, children, read_xml, text
from workers.formats.problems import problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from xml.etree.ElementTree import Element

    from search.models import Collection
    from search.sources.fetching import SourceFetcher
    from search.sources.options import OaiOptions

PREFIX = "oai_dc"
BATCH_RECORDS = 200
EMPTY_PAGES_MAX = 3
TOKENS_MAX = 100_000
DAY = 10
"""Characters of a date; the protocol has either these or seconds."""
COMPLETE_EVERY = timedelta(days=7)
"""A server that does not keep what was deleted is read as a whole this often, to see what is gone."""


@dataclass(frozen=True)
class OaiPage:
    """One answer: its records, and the token that asks for the next (empty: there is none)."""

    entries: list[SourceEntry]
    token: str
    answered_at: str


class _TokenExpiredError(Exception):
    """The server does not know its token any more."""


@dataclass
class OaiReader:
    """See `types.SourceReader`. A position is how many records of which page are done, and since when it was asked."""

    address: str
    options: OaiOptions
    fetcher: SourceFetcher
    since: str
    complete_at: datetime | None
    listing: SourceListing = field(default_factory=SourceListing)

    def batches(self, after: str) -> Iterator[EntryBatch]:
        """Yield the records that were changed or deleted `since`, or all; an expired token begins the list again."""
        since, token, done = _position(after) if after else (self._since(), "", 0)
        self.listing.complete = not since
        try:
            yield from self._pages(since, token, done)
        except _TokenExpiredError:
            try:
                yield from self._pages(since, "", 0)
            except _TokenExpiredError:
                raise AppError("source.token_expired") from None

    def _since(self) -> str:
        """Return from when records are asked for, as the server writes dates; empty for all."""
        about = child(self._asked({"verb": "Identify"}), "Identify")
        if about is None:
            raise AppError("source.not_oai")
        keeps_deleted = text(child(about, "deletedRecord")) == "persistent"
        old = self.complete_at is None or self.complete_at < timezone.now() - COMPLETE_EVERY
        if not self.since or (old and not keeps_deleted):
            return ""
        return self.since[:DAY] if len(text(child(about, "granularity"))) == DAY else self.since

    def _pages(self, since: str, token: str, done: int) -> Iterator[EntryBatch]:
        used: set[str] = set()
        before: set[str] = set()
        empty = 0
        while True:
            page = self._page(since, token)
            self.listing.until = self.listing.until or page.answered_at
            for at in range(done, len(page.entries), BATCH_RECORDS):
                some = page.entries[at : at + BATCH_RECORDS]
                goes_on = [token, at + len(some)]
                if page.token and goes_on[1] == len(page.entries):
                    goes_on = [page.token, 0]
                yield EntryBatch(some, json.dumps([since, *goes_on]))
            if not page.token:
                return
            keys = {entry.key for entry in page.entries}
            empty = empty + 1 if keys <= before else 0
            used.add(token)
            if page.token in used or len(used) > TOKENS_MAX or empty > EMPTY_PAGES_MAX:
                raise AppError("source.no_end")
            before, token, done = keys, page.token, 0

    def _page(self, since: str, token: str) -> OaiPage:
        asked = {"verb": "ListRecords"}
        if token:
            asked["resumptionToken"] = token
        else:
            named = {"metadataPrefix": PREFIX, "from": since, "set": self.options.set}
            asked |= {name: value for name, value in named.items() if value}
        root = self._asked(asked)
        found = child(root, "ListRecords")
        entries = [_entry(record) for record in children(found, "record")]
        return OaiPage(
            [entry for entry in entries if entry],
            text(child(found, "resumptionToken")),
            text(child(root, "responseDate"))[:20],
        )

    def _asked(self, asked: dict[str, str]) -> Element:
        """Return the answer's root; that nothing fits is an empty answer. Raises AppError `source.*`."""
        joint = "&" if "?" in self.address else "?"
        root = read_xml(self.fetcher.answer(f"{self.address}{joint}{urlencode(asked)}"))
        if not str(root.tag).endswith("}OAI-PMH"):
            raise AppError("source.not_oai")
        error = child(root, "error")
        code = "" if error is None else error.get("code", "")
        if code == "badResumptionToken" and "resumptionToken" in asked:
            raise _TokenExpiredError
        if error is not None and code not in ("noRecordsMatch", "idDoesNotExist"):
            raise AppError("source.oai_error", code=code[:60], reason=text(error)[:300])
        return root

    def one(self, key: str) -> SourceEntry | None:
        """Ask for one record."""
        asked = {"verb": "GetRecord", "metadataPrefix": PREFIX, "identifier": key}
        record = child(child(self._asked(asked), "GetRecord"), "record")
        found = None if record is None else _entry(record)
        return found if found and found.key == key else None

    def content(self, entry: SourceEntry) -> EntryContent:
        """Return the record's elements; they came with the list."""
        elements: Fields = entry.data
        if not elements:
            raise AppError("source.no_dublin_core")
        return EntryContent(content_digest(self.options, json.dumps(elements).encode()), elements)

    def made(self, entry: SourceEntry, content: EntryContent, collection: Collection, *, store: bool) -> Made:
        """Return the record's document."""
        return Made((to_record(entry.key, content.data, self.options.fields),))

    def is_gone(self, key: str) -> bool:
        """Return True: the whole list did not have it."""
        return True

    def close(self) -> None:
        """Do nothing: the fetching processes serve all rounds."""


def _position(written: str) -> tuple[str, str, int]:
    since, token, done = json.loads(written)
    return since, token, done


def _entry(record: Element) -> SourceEntry | None:
    """Return a record as the list has it; None for one without an identifier."""
    header = child(record, "header")
    key = text(child(header, "identifier"))
    if header is None or not key:
        return None
    if len(key.encode()) > KEY_BYTES_MAX:
        return SourceEntry(key[:300], problem=problem("source.key_too_long", limit=KEY_BYTES_MAX))
    if header.get("status") == "deleted":
        return SourceEntry(key, deleted=True)
    return SourceEntry(key, data=elements_of(child(record, "metadata")))
