"""What native weights of published models need, asked without importing any of it."""

from __future__ import annotations

import importlib.util

LIBRARIES = ("torch", "transformers")


def missing_libraries() -> list[str]:
    """Return what would have to be installed."""
    return [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
