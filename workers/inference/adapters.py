"""A bundle's adapter: one small affine map per tower, behind the network, so that marks move a model in seconds.

v ─► v + A·v + b ─► unit length. The zero map leaves every vector as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.format import write_array_header_1_0

from workers.inference.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from workers.inference.manifest import Manifest

    Floats = NDArray[np.float32]

ENTRY_MAX = 1e3
"""The largest size of an entry: sums over 4,000 dimensions stay far from float32's end."""
ALIKE_COSINE = 1 - 1e-6
_ENTRY = np.dtype("<f4")


@dataclass(frozen=True)
class ResidualMap:
    """What one tower's vectors pass through: `weights` (dim, dim) for rows of vectors, and `bias` (dim)."""

    weights: Floats
    bias: Floats

    @classmethod
    def nothing(cls, dim: int) -> ResidualMap:
        """Return the map that changes no vector."""
        return cls(np.zeros((dim, dim), np.float32), np.zeros(dim, np.float32))

    @property
    def is_nothing(self) -> bool:
        """Whether every vector stays exactly as it is."""
        return not self.weights.any() and not self.bias.any()

    def moved(self, vectors: Floats) -> Floats:
        """Return (…, dim) vectors mapped, before they are brought to unit length."""
        return np.asarray(vectors + vectors @ self.weights + self.bias, np.float32)

    def vectors(self, vectors: Floats) -> Floats:
        """Unit vectors (n, dim) → unit vectors (n, dim); one that is mapped to zero becomes not finite."""
        if self.is_nothing:
            return vectors
        moved = self.moved(vectors)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)

    def cells(self, cells: Floats) -> Floats:
        """(n, rows, columns, dim) → the same, so that the mean over the grid is still the picture's vector.

        The map is linear, so each cell passes it alone; the bias belongs to no place and is given to every cell alike,
        and all cells are divided by the whole picture's length.
        """
        if self.is_nothing:
            return cells
        moved = self.moved(cells)
        lengths = np.linalg.norm(moved.mean((1, 2), keepdims=True), axis=3, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(moved / lengths, np.float32)

    def write(self, path: Path) -> None:
        """Write the map as the bundle's file: float32 (dim + 1, dim), whose last row is the bias."""
        with path.open("wb") as file:
            np.save(file, np.vstack([self.weights, self.bias]).astype(_ENTRY), allow_pickle=False)


def read_adapter(manifest: Manifest, folder: Path) -> dict[str, ResidualMap]:
    """Return the maps of an extracted bundle by modality; raises BundleError `bundle.adapter_invalid`."""
    if manifest.adapter is None:
        return {}
    names = vars(manifest.adapter).items()
    return {modality: _read_map(folder, name, manifest.dim) for modality, name in names if name is not None}


def check_adapter(manifest: Manifest, folder: Path, vectors: dict[str, Floats]) -> None:
    """Refuse an adapter that spoils the probes' unit `vectors` (n, dim): not finite, or all alike behind it."""
    for modality, one in read_adapter(manifest, folder).items():
        found = one.vectors(vectors[modality])
        if not np.isfinite(found).all():
            raise BundleError("bundle.output_not_finite", modality=modality)
        if (found @ found[0] > ALIKE_COSINE).all():
            raise BundleError("bundle.outputs_all_alike", modality=modality)


def _read_map(folder: Path, name: str, dim: int) -> ResidualMap:
    """Read exactly what `ResidualMap.write` wrote: no header of an unknown hand is ever interpreted."""
    path, header = folder / name, _header(dim)
    with path.open("rb") as file:
        known = file.read(len(header)) == header
    if not known or path.stat().st_size != len(header) + (dim + 1) * dim * _ENTRY.itemsize:
        problem = f"is not a .npy file of float32 of the shape ({dim + 1}, {dim}), as NumPy saves it"
        raise BundleError("bundle.adapter_invalid", name=name, problem=problem)
    values = np.fromfile(path, _ENTRY, offset=len(header)).reshape(dim + 1, dim)
    if not (np.abs(values) <= ENTRY_MAX).all():
        problem = f"holds a number that is not finite or beyond ±{ENTRY_MAX:g}"
        raise BundleError("bundle.adapter_invalid", name=name, problem=problem)
    return ResidualMap(values[:-1], values[-1])


def _header(dim: int) -> bytes:
    """Return the first bytes of a `.npy` file of little-endian float32 (dim + 1, dim), row after row."""
    room = BytesIO()
    entry = {"descr": _ENTRY.str, "fortran_order": False, "shape": (dim + 1, dim)}
    write_array_header_1_0(room, entry)
    return room.getvalue()
