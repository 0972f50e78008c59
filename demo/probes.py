"""What the pictures give away without any learning: nearest neighbours on colour histograms and on 16×16 pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Features = NDArray[np.floating[Any]]

LEVELS = 6  # of each colour channel in a histogram
SIDE = 16
CHUNK = 256


@dataclass(frozen=True)
class Labelled:
    """Pictures with what they show: `labels` are (kind, colour, condition)."""

    files: Sequence[Path]
    labels: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class ProbeResult:
    """Shares (0–1) of first hits with the right kind, and with kind, colour and condition right."""

    kind: float
    everything: float


def colour_histogram(image: Image.Image) -> Features:
    """Square roots of the shares of 6³ colours (216,): their inner product is the Bhattacharyya coefficient."""
    levels = np.asarray(image.convert("RGB").resize((64, 64)), np.int64) * LEVELS // 256
    cell = (levels[..., 0] * LEVELS + levels[..., 1]) * LEVELS + levels[..., 2]
    counts = np.bincount(cell.ravel(), minlength=LEVELS**3)
    result: Features = np.sqrt(counts / counts.sum()).astype(np.float32)
    return result


def small_pixels(image: Image.Image) -> Features:
    """The picture at 16×16 (768,), with mean 0 and length 1."""
    small = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.float32).ravel()
    small = small - small.mean()
    result: Features = small / max(float(np.linalg.norm(small)), 1e-6)
    return result


PROBES: dict[str, Callable[[Image.Image], Features]] = {"histogram": colour_histogram, "pixels": small_pixels}


def _features(files: Sequence[Path], of: Callable[[Image.Image], Features]) -> Features:
    rows = []
    for file in files:
        with Image.open(file) as image:
            rows.append(of(image))
    return np.stack(rows)


def _nearest(known: Features, asked: Features) -> NDArray[np.intp]:
    """Row of `known` (n, d) that is closest, by inner product, to each of `asked` (m, d)."""
    parts = [(asked[i : i + CHUNK] @ known.T).argmax(axis=1) for i in range(0, len(asked), CHUNK)]
    return np.concatenate(parts)


def probe(name: str, known: Labelled, asked: Labelled) -> ProbeResult:
    """How often the known picture nearest to an asked one, by the probe `name`, shows the same."""
    if not known.files or not asked.files:
        raise ValueError("a probe needs known and asked pictures")
    hits = _nearest(_features(known.files, PROBES[name]), _features(asked.files, PROBES[name]))
    pairs = [(known.labels[int(hit)], label) for hit, label in zip(hits, asked.labels, strict=True)]
    kind = sum(found[0] == label[0] for found, label in pairs)
    everything = sum(found == label for found, label in pairs)
    return ProbeResult(kind / len(pairs), everything / len(pairs))
