"""What an encoder answers to varied inputs: finite, of unit length, different, and the same in any company."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from workers.inference.errors import BundleError
from workers.inference.precision import agreement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Encode = Callable[[Sequence[int]], Floats]

LENGTH_TOLERANCE = 1e-3
ALIKE = 0.99999
"""Mean cosine of different inputs above which an encoder says nothing; random weights give up to 0.9999."""
BATCH_TOLERANCE = 1e-4
"""How far a vector's cosine may be from 1 when it is encoded in another company; kernels differ by size."""
CELLS_TOLERANCE = 1e-2
"""How far the mean of a picture's cells may be from its vector, whose length is 1."""
_SPREAD_SHARE = 0.01


@dataclass(frozen=True)
class Findings:
    """What was measured on one encoder."""

    probes: int
    length_error: float
    mean_cosine: float
    batch_agreement: float

    def to_json(self) -> dict[str, float]:
        """Return the numbers as plain JSON values."""
        return asdict(self)


def check_outputs(encode: Encode, count: int, dim: int, modality: str) -> tuple[Floats, Findings]:
    """Encode `count` probes alone, together and in reverse order; return the vectors (count, dim) and findings.

    `encode` takes positions of probes and returns the network's raw output for them, in that order.
    Raises BundleError.
    """
    alone = np.concatenate([_checked(encode([at]), 1, dim, modality) for at in range(count)])
    order = list(range(count))
    batched = _checked(encode(order), count, dim, modality)
    backwards = _checked(encode(order[::-1]), count, dim, modality)[::-1]
    mean_cosine = mean_pair_cosine(alone)
    _check_alike(mean_cosine, modality)
    agreed = min(agreement(batched, alone), agreement(backwards, alone))
    # Where all vectors lie close together, a mix-up would hide in the tolerance: it shrinks with their spread.
    if 1 - agreed > min(BATCH_TOLERANCE, _SPREAD_SHARE * (1 - mean_cosine)) + 1e-6:
        raise BundleError("bundle.batch_changes_result", modality=modality, agreement=agreed)
    error = float(np.abs(np.linalg.norm(alone, axis=1) - 1).max())
    return alone, Findings(count, error, mean_cosine, agreed)


def check_cells(cells: Floats, vectors: Floats, grid: tuple[int, int]) -> float:
    """Return how far the mean of each picture's cells is from its vector (n, dim) of length 1, at most.

    `cells` is the network's raw output (n, rows, columns, dim). Raises BundleError.
    """
    count, dim = vectors.shape
    if cells.shape != (count, *grid, dim):
        wanted = [count, *grid, dim]
        raise BundleError("bundle.output_wrong_dim", modality="image", found=list(cells.shape), wanted=wanted)
    if not np.isfinite(cells).all():
        raise BundleError("bundle.output_not_finite", modality="image")
    error = float(np.linalg.norm(cells.mean((1, 2), dtype=np.float64) - vectors, axis=1).max())
    if not error <= CELLS_TOLERANCE:
        raise BundleError("bundle.cells_disagree", error=error, limit=CELLS_TOLERANCE)
    return error


def mean_pair_cosine(vectors: Floats) -> float:
    """Return the mean cosine of all pairs of different rows."""
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float64)
    count = len(unit)
    return float(((unit @ unit.T).sum() - count) / (count * (count - 1)))


def _checked(vectors: Floats, count: int, dim: int, modality: str) -> Floats:
    if vectors.shape != (count, dim):
        raise BundleError(
            "bundle.output_wrong_dim",
            modality=modality,
            found=list(vectors.shape),
            wanted=[count, dim],
        )
    if not np.isfinite(vectors).all():
        raise BundleError("bundle.output_not_finite", modality=modality)
    length = np.linalg.norm(vectors, axis=1)
    if np.abs(length - 1).max() > LENGTH_TOLERANCE:
        raise BundleError("bundle.output_not_unit", modality=modality, found=float(length[0]))
    return vectors


def _check_alike(mean_cosine: float, modality: str) -> None:
    if mean_cosine > ALIKE:
        raise BundleError("bundle.outputs_all_alike", modality=modality, mean_cosine=mean_cosine)
