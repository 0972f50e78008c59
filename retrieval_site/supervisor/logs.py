"""Log files that do not grow without end, and in which nothing grows older than it should."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 20 * 1024 * 1024
LOOK_EVERY_SECONDS = 60.0
DAY_SECONDS = 86_400.0


@dataclass
class LogKeeper:
    """Keeps one former part of every log: `web.log` and `web.log.1`.

    With `keep_days` no line stays longer than that, 0 is for ever: each log is put aside once its former part is half
    as old, so both parts together are never older. The time of the former part says when the log began.
    """

    folder: Path
    max_bytes: int = MAX_BYTES
    keep_days: int = 0
    looked_at: float = 0.0

    def look_after(self) -> None:
        """Once a minute, put aside logs that are too long or old. Children append, so cutting their file is safe."""
        if time.monotonic() - self.looked_at < LOOK_EVERY_SECONDS:
            return
        self.looked_at = time.monotonic()
        for log in self.folder.glob("*.log"):
            if log.stat().st_size > self.max_bytes or self._is_old(_former(log)):
                _put_aside(log)
        for former in self.folder.glob("*.log.1"):
            if not former.with_suffix("").exists() and self._is_old(former):
                former.unlink(missing_ok=True)

    def _is_old(self, former: Path) -> bool:
        """Return whether a log has to begin anew by the age of its former part; of what has none it is not known."""
        if not self.keep_days:
            return False
        try:
            age_seconds = time.time() - former.stat().st_mtime
        except FileNotFoundError:
            return True
        return age_seconds >= self.keep_days * DAY_SECONDS / 2


def _former(log: Path) -> Path:
    return log.with_name(log.name + ".1")


def _put_aside(log: Path) -> None:
    """Keep a log's former part, unless the disk has no room for it; the log begins anew either way."""
    former = _former(log)
    try:
        shutil.copyfile(log, former)
        former.touch()  # copying nothing over nothing may leave the time as it is
    except OSError:
        former.unlink(missing_ok=True)
    with log.open("r+b") as file:
        file.truncate(0)
