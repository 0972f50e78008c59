"""A sign of life for what looks after processes without a port: a file whose time is renewed (ALIVE_FILE)."""

from __future__ import annotations

from django.conf import settings


def alive_note() -> None:
    """Renew the time of the file that the operator named, if any."""
    if settings.CONFIG.alive_file is not None:
        settings.CONFIG.alive_file.touch()
