"""What a version costs on this machine: milliseconds for a photo and a caption, memory, and its index; and coverage."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from search.indexing.prepare import coverage_report
from search.vectors.index import index_state
from search.vectors.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from models_admin.models import ModelVersion
    from workers.inference.encoder import Encoder

REPEATS = 7
CAPTION = "A man in a red jacket repairs the pump of an old machine."


def cost_of(version: ModelVersion, encoder: Encoder) -> dict[str, Any]:
    """Return `photo_ms`, `caption_ms` (one alone, the median of seven), `memory_bytes` and `index_bytes`.

    A value that cannot be had here is left out: of a modality that the version lacks, or of an encoder that is no
    process of its own. Decoding a photo comes on top, and is the same for all versions.
    """
    found: dict[str, Any] = {"device": encoder.device}
    image = encoder.manifest.image
    encodes = version.manifest.get("modalities", [])
    if "image" in encodes and image is not None:
        # Noise: a network without biases gives an empty picture a vector of no length, which is none.
        pixels = np.random.default_rng(0).normal(size=(1, 3, image.size, image.size)).astype(np.float32)
        found["photo_ms"] = _milliseconds(lambda: encoder.encode_pixels(pixels))
    if "text" in encodes:
        found["caption_ms"] = _milliseconds(lambda: encoder.encode_texts([CAPTION]))
    if memory := _resident_bytes(getattr(encoder, "pid", None)):
        found["memory_bytes"] = memory
    states = [index_state(version, table.kind) for table in tables_of(version) if table.exists()]
    return found | {"index_bytes": sum(state.size_bytes for state in states if state.kind)}


def coverage_of(version: ModelVersion) -> dict[str, Any]:
    """Return by kind of unit how many there are, have a vector, cannot have one, and are missing."""
    return {kind: asdict(counts) for kind, counts in coverage_report(version).items()}


def _milliseconds(encode: Callable[[], object]) -> float:
    encode()
    spent = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        encode()
        spent.append(1000 * (time.perf_counter() - start))
    return round(median(spent), 3)


def _resident_bytes(pid: int | None) -> int | None:
    """Return how much memory a process holds; None where that is not known."""
    if pid is None:
        return None
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    lines = (line.split() for line in status.splitlines() if line.startswith("VmRSS:"))
    return next((1024 * int(line[1]) for line in lines), None)
