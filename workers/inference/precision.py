"""Whether a network may run in bf16: twice as fast, but only some keep their vectors."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Network = Callable[[Floats], Floats]

AGREEMENT_MIN = 0.999
"""The least cosine between the bf16 and the fp32 vector of every probe picture."""
_MEMORY_NAME = "precision.json"


def agreement(found: Floats, wanted: Floats) -> float:
    """Return the least cosine between rows of two (n, dim) arrays; −1 where a vector is zero or not finite."""
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    if not np.isfinite(lengths).all() or not lengths.all():
        return -1.0
    return float(((found * wanted).sum(axis=1) / lengths).min())


def choose_precision(compile_as: Callable[[str], Network], probes: Floats, memory: Path | None) -> str:
    """Return “bf16” where it agrees with “f32” on the probes (n, …), else “f32”.

    Trying both takes seconds, so the answer is kept in the folder `memory`, which belongs to one graph and machine.
    """
    if memory and (known := _recall(memory / _MEMORY_NAME)):
        return known
    cosine = agreement(compile_as("bf16")(probes), compile_as("f32")(probes))
    precision = "bf16" if cosine >= AGREEMENT_MIN else "f32"
    if memory:
        _remember(memory / _MEMORY_NAME, {"precision": precision, "agreement": cosine})
    return precision


def _recall(path: Path) -> str | None:
    try:
        found = json.loads(path.read_text()).get("precision")
    except (OSError, ValueError, AttributeError):
        return None
    return found if found in ("bf16", "f32") else None


def _remember(path: Path, finding: dict[str, object]) -> None:
    """Write whole or not at all: several workers may start, and decide, at once."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    partial.write_text(json.dumps(finding))
    partial.replace(path)
