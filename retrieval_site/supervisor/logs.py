"""Log files that do not grow without end."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 20 * 1024 * 1024
LOOK_EVERY_SECONDS = 60.0


@dataclass
class LogKeeper:
    """Keeps one former part of every log: `web.log` and `web.log.1`."""

    folder: Path
    max_bytes: int = MAX_BYTES
    looked_at: float = 0.0

    def look_after(self) -> None:
        """Once a minute, put aside logs that are too long. Children append, so cutting their file is safe."""
        if time.monotonic() - self.looked_at < LOOK_EVERY_SECONDS:
            return
        self.looked_at = time.monotonic()
        for log in self.folder.glob("*.log"):
            if log.stat().st_size > self.max_bytes:
                _put_aside(log)


def _put_aside(log: Path) -> None:
    """Keep a log's former part, unless the disk has no room for it; the log begins anew either way."""
    former = log.with_name(log.name + ".1")
    try:
        shutil.copyfile(log, former)
    except OSError:
        former.unlink(missing_ok=True)
    with log.open("r+b") as file:
        file.truncate(0)
