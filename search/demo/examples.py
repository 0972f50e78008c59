"""The example photos of the start page: drawn when the demo is loaded, read by pages without any imaging library."""

from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings

LIST_NAME = "examples.json"


def examples_folder() -> Path:
    """Return the folder that `demo load` draws the examples into."""
    return Path(settings.DATA_DIR) / "demo" / "examples"


def examples() -> list[tuple[str, str, Path]]:
    """Return (key, label, path of the JPEG) of every example; none before the demo is loaded."""
    try:
        rows = json.loads((examples_folder() / LIST_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return [(row["key"], row["label"], examples_folder() / f"{row['key']}.jpg") for row in rows]


def example_path(key: str) -> Path | None:
    """Return the picture of one example, None where there is none of that key."""
    return next((path for known, _, path in examples() if known == key), None)
