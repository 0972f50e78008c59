"""Keys that were seen in this run, kept on disk so that memory stays constant."""

from __future__ import annotations

import hashlib
import sqlite3


class SeenKeys:
    """A set of texts."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("")
        self._rows.execute("CREATE TABLE seen (mark BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, key: str) -> bool:
        """Add a text; return whether it was new."""
        return bool(self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?)", [_mark(key)]).rowcount)

    def __contains__(self, key: str) -> bool:
        return self._rows.execute("SELECT 1 FROM seen WHERE mark = ?", [_mark(key)]).fetchone() is not None

    def close(self) -> None:
        """Forget all."""
        self._rows.close()


def _mark(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()[:16]
