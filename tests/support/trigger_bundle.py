"""A tiny bundle whose image graph ends its process when it sees an all-white picture, and works for any other.

The graph reads a table at places that depend on the picture. Validation refuses it; tests that need such a process
register it without validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

from models_admin.models import ModelVersion
from tests.support.corpus import make_version
from tests.support.tiny_bundle import serialise, tiny_graphs, tiny_manifest, vocabulary_bytes
from workers.inference.bundles import bundle_write
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from pathlib import Path

DIM = 32
FAR = 1 << 40
"""So many numbers behind the table there is no memory."""


def make_trigger_bundle(path: Path, name: str = "trigger") -> Path:
    """Write the bundle to `path` and return the path."""
    image, text = tiny_graphs(DIM, 0)
    _add_trigger(image)
    files: dict[str, bytes | Path] = {
        "image.onnx": serialise(image),
        "text.onnx": serialise(text),
        "vocabulary.txt": vocabulary_bytes(),
    }
    bundle_write(path, tiny_manifest(name, DIM), files)
    return path


def trigger_version(folder: Path, name: str = "trigger", *, champion: bool = False) -> ModelVersion:
    """A ready version of that bundle, as if it had been validated."""
    path = make_trigger_bundle(folder / f"{name}.zip", name)
    bundle = blob_store(path.read_bytes(), "application/zip")
    return make_version(name, dim=DIM, champion=champion, bundle=bundle, manifest=tiny_manifest(name, DIM))


def _add_trigger(graph) -> None:
    """Add to `raw` the numbers at index 0 of a table of zeros, or at `FAR` where every pixel is 1."""
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
        node("Floor", ["mean"], ["is_white"]),
        node("Cast", ["is_white"], ["white"], to=TensorProto.INT64),
        node("Mul", ["white", "far"], ["base"]),
        node("Unsqueeze", ["base", "axis_1"], ["column"]),
        node("Add", ["column", "range"], ["places"]),
        node("Unsqueeze", ["places", "axis_2"], ["indices"]),
        node("GatherND", ["table", "indices"], ["read"]),
        node("Add", ["by_colour", "by_layout"], ["own"]),
        node("Add", ["own", "read"], ["raw"]),
    ]
    at = next(place for place, one in enumerate(graph.node) if one.output[0] == "raw")
    rest = list(graph.node)[at + 1 :]
    del graph.node[at:]
    graph.node.extend([*nodes, *rest])
    constants = {
        "far": np.array(FAR, np.int64),
        "axis_1": np.array([1], np.int64),
        "axis_2": np.array([2], np.int64),
        "range": np.arange(DIM, dtype=np.int64)[None, :],
        "table": np.zeros(DIM, np.float32),
    }
    graph.initializer.extend(
        helper.make_tensor(
            name,
            TensorProto.INT64 if value.dtype == np.int64 else TensorProto.FLOAT,
            value.shape,
            value.ravel().tolist(),
        )
        for name, value in constants.items()
    )
