"""The native payload: safetensors header against the shapes that its config demands, before anything is allocated."""

from __future__ import annotations

import importlib.util
import json
import math
from typing import TYPE_CHECKING, Any

from workers.inference.errors import BundleError
from workers.inference.precision import AGREEMENT_MIN, agreement
from workers.inference.texts import pad_ids

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from workers.inference.manifest import ImageSpec, Manifest, NativeFiles
    from workers.neural.two_tower import TwoTower

    Floats = NDArray[np.float32]

HEADER_MAX_BYTES = 16 << 20
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


def has_torch() -> bool:
    """Whether torch is installed; only then can a native payload be compared with its config and its graphs."""
    return importlib.util.find_spec("torch") is not None


def check_native(files: NativeFiles, folder: Path) -> None:
    """Refuse a config or weights that do not fit each other; raises BundleError `bundle.native_invalid`."""
    shapes = read_shapes(folder / files.weights)
    try:
        config = json.loads((folder / files.config).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _invalid("its config is no JSON") from error
    if has_torch():
        _compare(config, shapes)


def read_shapes(weights: Path) -> dict[str, tuple[int, ...]]:
    """Return the tensors' shapes by name from a safetensors header; raises BundleError `bundle.native_invalid`."""
    size = weights.stat().st_size
    with weights.open("rb") as source:
        length = int.from_bytes(source.read(8), "little")
        if not 2 <= length <= min(HEADER_MAX_BYTES, size - 8):
            raise _invalid("its weights are no safetensors file")
        text = source.read(length)
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        return {name: _shape(entry, size - 8 - length) for name, entry in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _invalid("its weights have a damaged header") from error


def check_agreement(manifest: Manifest, folder: Path, vectors: dict[str, Floats]) -> dict[str, float]:
    """Refuse native weights that are not the graphs' model: both must give the probes the same `vectors`.

    Returns the least cosine per modality; raises BundleError `bundle.payloads_disagree`.
    """
    from workers.inference.torch_runtime import read_native

    model = read_native(manifest, folder)
    found = {
        modality: agreement(_encode(model, modality, manifest, folder), vectors[modality])
        for modality in vectors
    }
    for modality, cosine in found.items():
        if not cosine >= AGREEMENT_MIN:  # also where it is no number
            raise BundleError("bundle.payloads_disagree", modality=modality, agreement=cosine)
    check_grid(model, manifest.image)
    return found


def check_grid(model: TwoTower, spec: ImageSpec | None) -> None:
    """Refuse cells of the graphs that the native encoder, which a GPU would run, does not have."""
    from workers.neural.grid import grid_tower

    if spec is None or spec.cells is None:
        return
    tower = grid_tower(model, spec.size)
    if tower is None or tower.grid != spec.cells:
        raise BundleError("bundle.payloads_disagree/cells", found=list(tower.grid) if tower else None)


def _shape(entry: dict[str, Any], data_bytes: int) -> tuple[int, ...]:
    shape, (start, end) = tuple(entry["shape"]), entry["data_offsets"]
    if not all(type(number) is int and number >= 0 for number in (*shape, start, end)):
        raise ValueError("a shape or a place is no list of whole numbers")
    if not 0 <= start <= end <= data_bytes or end - start != math.prod(shape) * _BYTES[entry["dtype"]]:
        raise ValueError("a tensor lies outside of the file")
    return shape


def _compare(config: Any, shapes: dict[str, tuple[int, ...]]) -> None:
    wanted = _wanted_shapes(config)
    if different := sorted(name for name in {*wanted, *shapes} if wanted.get(name) != shapes.get(name)):
        raise _invalid(f"config and weights do not fit each other at “{different[0][:100]}”")


def _wanted_shapes(config: Any) -> dict[str, tuple[int, ...]]:
    from workers.neural.native import shapes_of

    try:
        return shapes_of(config)
    except (ValueError, TypeError, RuntimeError, ArithmeticError, LookupError) as error:
        raise _invalid(f"its config is not valid ({str(error)[:300]})") from error


def _encode(model: TwoTower, modality: str, manifest: Manifest, folder: Path) -> Floats:
    import torch

    from workers.inference.checks.probing import image_probes, text_probes

    with torch.inference_mode():
        if modality == "image" and manifest.image:
            return model.encode_image(torch.from_numpy(image_probes(manifest.image))).numpy()
        if manifest.text is None:
            raise _invalid("it has no text encoder")
        ids = pad_ids(text_probes(manifest.text, folder), manifest.text)
        return model.encode_text(*map(torch.from_numpy, ids)).numpy()


def _invalid(problem: str) -> BundleError:
    return BundleError("bundle.native_invalid", problem=problem)
