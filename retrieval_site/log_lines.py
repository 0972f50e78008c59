"""How a line of the log is written: for people, or as JSON for programs that collect logs (LOG_FORMAT)."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

LINE = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"

_SECRET = re.compile(r"(/login/password/[^/\s]+/|/searches/unsubscribe/)[^/\s]+")
"""Addresses with what signs somebody in, or acts for them: a new password's link, and that which ends mail."""


def without_secrets(text: str) -> str:
    """Return a text with `***` for what is secret in addresses' paths."""
    return _SECRET.sub(r"\1***", text)


class NoSecretsFilter(logging.Filter):
    """Keep what is secret in addresses out of every line: Django names the address of a request that failed."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True always; only rewrites the message, where it has such an address."""
        message = record.getMessage()
        if (clean := without_secrets(message)) != message:
            record.msg, record.args = clean, None
        return True


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
