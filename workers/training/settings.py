"""`--set key=value` as typed settings."""

import json
from collections.abc import Iterable
from typing import Any

from workers.training.errors import TrainingError


def read_settings(items: Iterable[str]) -> list[tuple[str, Any]]:
    """(key, value) of each `key=value`; a value is read as JSON where it is that, else as the word it is."""
    return [_setting(item) for item in items]


def _setting(item: str) -> tuple[str, Any]:
    key, equals, value = item.partition("=")
    if not (key and equals):
        raise TrainingError(f"--set takes key=value, such as image.architecture=resnet18, not {item!r}.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
