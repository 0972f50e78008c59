"""The example photos of the start page: drawn when the demo is loaded, read by pages without any imaging library."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from redis import RedisError

from search.guide import Example

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST_NAME = "examples.json"
SLUG = "machine-parts"
"""Of the demo's collection."""
MODEL_NAME = "demo-vsepp"
"""The name in the committed bundle."""
_DRAWING_KEY = "demo:drawing"
_DRAWING_SECONDS = 3600
"""A process that was killed cannot say that it draws no more."""


def examples_folder() -> Path:
    """Return the folder that `demo load` draws the examples into."""
    return Path(settings.DATA_DIR) / "demo" / "examples"


def examples() -> list[Example]:
    """Return every example; none before the demo is loaded."""
    try:
        rows = json.loads((examples_folder() / LIST_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return [Example(row["key"], row["label"], examples_folder() / f"{row['key']}.jpg") for row in rows]


@contextmanager
def drawing() -> Iterator[None]:
    """Let pages say that the documents' pictures are being drawn."""
    cache.set(_DRAWING_KEY, True, _DRAWING_SECONDS)  # noqa: FBT003  the cache's own signature
    try:
        yield
    finally:
        cache.delete(_DRAWING_KEY)


def is_drawing() -> bool:
    """Return whether pictures are being drawn now; False where nobody can tell."""
    try:
        return bool(cache.get(_DRAWING_KEY))
    except RedisError:
        return False
