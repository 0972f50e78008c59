"""The tiny bundle with the output `cells`: what each of its 8 × 8 cells gives to a picture's vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.support.tiny_bundle import serialise, tiny_graphs, tiny_manifest, vocabulary_bytes
from workers.inference.bundles import bundle_write

if TYPE_CHECKING:
    from pathlib import Path

DIM, SIDE = 32, 8


def make_cells_bundle(
    path: Path, *, share: float = 1.0, stated: bool = True, grid: Any = (SIDE, SIDE)
) -> Path:
    """Write the bundle to `path` and return the path.

    `share`: of what its cells should be, 1 for the truth. `stated` says their shape in the graph, `grid` in the
    manifest, if it does.
    """
    image, text = tiny_graphs(DIM, 0)
    _add_cells(image, share, stated=stated)
    files: dict[str, bytes | Path] = {
        "image.onnx": serialise(image),
        "text.onnx": serialise(text),
        "vocabulary.txt": vocabulary_bytes(),
    }
    bundle_write(path, cells_manifest(grid), files)
    return path


def cells_manifest(grid: Any = (SIDE, SIDE)) -> dict[str, Any]:
    """Return the bundle's manifest as JSON values, without `files`."""
    values: dict[str, Any] = tiny_manifest("cells")
    if grid:
        values["image"]["cells"] = list(grid)
    return values


def _add_cells(graph: Any, share: float, *, stated: bool) -> None:
    layout = next(value for value in graph.initializer if value.name == "layout")
    constants = {
        "layout_by_cell": numpy_helper.to_array(layout).reshape(3, SIDE**2, DIM) * SIDE**2,
        "planes_shape": np.array([0, 3, SIDE**2]),
        "norm_shape": np.array([0, 1, 1]),
        "cells_shape": np.array([0, SIDE, SIDE, DIM]),
        "told": np.array(share, np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    graph.node.extend(
        [
            helper.make_node("MatMul", ["shares", "colours"], ["cell_colours"]),
            helper.make_node("Reshape", ["centred", "planes_shape"], ["centred_planes"]),
            helper.make_node(
                "Einsum", ["centred_planes", "layout_by_cell"], ["cell_layout"], equation="bcn,cnd->bnd"
            ),
            helper.make_node("Add", ["cell_colours", "cell_layout"], ["raw_cells"]),
            helper.make_node("Reshape", ["norm", "norm_shape"], ["norm_by_cell"]),
            helper.make_node("Div", ["raw_cells", "norm_by_cell"], ["true_cells"]),
            helper.make_node("Mul", ["true_cells", "told"], ["flat_cells"]),
            helper.make_node("Reshape", ["flat_cells", "cells_shape"], ["cells"]),
        ]
    )
    shape = ["batch", SIDE, SIDE, DIM] if stated else ["batch", "rows", "columns", "dim"]
    graph.output.append(helper.make_tensor_value_info("cells", TensorProto.FLOAT, shape))
