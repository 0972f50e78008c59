"""How a line of the log is written: for people, or as JSON for programs that collect logs (LOG_FORMAT)."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

LINE = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"


class JsonFormatter(logging.Formatter):
    """Write a record as one line of JSON: `at`, `level`, `logger`, `request_id`, `message`, and `exception` if any.

    A record's `fields` (`extra={"fields": …}`) stand beside them.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)
