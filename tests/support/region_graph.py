"""A small random detector as an ONNX graph of two stages: the best cells by score, and reasoning over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SIZE, DIM, NODES, CHANNELS = 64, 12, 5, 16
_MAPS, _STRIDE = 8, 8
_CELLS = (SIZE // _STRIDE) ** 2


def region_graph(*, looks_back: bool = False) -> bytes:
    """The graph; with `looks_back` its second stage needs the pixels, too, so that it cannot be cut."""
    node, last = helper.make_node, "read" if looks_back else "pooled"
    nodes = [
        node("Conv", ["pixels", "kernels"], ["maps"], strides=[_STRIDE] * 2),
        node("Relu", ["maps"], ["seen"]),
        node("Reshape", ["seen", "flat_shape"], ["flat"]),
        node("Transpose", ["flat"], ["cells"], perm=[0, 2, 1]),
        node("MatMul", ["cells", "worth"], ["scores"]),
        node("TopK", ["scores", "count"], ["best", "places"], axis=1),
        node("Expand", ["places", "wide"], ["wide_places"]),
        node("GatherElements", ["cells", "wide_places"], ["regions"], axis=1),
        node("MatMul", ["regions", "features"], ["nodes"]),
        node("Transpose", ["nodes"], ["turned"], perm=[0, 2, 1]),
        node("MatMul", ["nodes", "turned"], ["affinities"]),
        node("Softmax", ["affinities"], ["shares"], axis=2),
        node("MatMul", ["shares", "nodes"], ["told"]),
        node("Add", ["told", "nodes"], ["known"]),
        node("ReduceMean", ["known", "nodes_axis"], ["pooled"], keepdims=0),
        *_read_pixels(looks_back),
        node("MatMul", [last, "out"], ["raw"]),
        node("LpNormalization", ["raw"], ["embedding"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "regions",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIM]),
            helper.make_tensor_value_info("nodes", TensorProto.FLOAT, ["batch", NODES, CHANNELS]),
        ],
        [numpy_helper.from_array(value, name) for name, value in _constants().items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    serialised: bytes = model.SerializeToString()
    return serialised


def _read_pixels(looks_back: bool) -> list[Any]:
    if not looks_back:
        return []
    mean = helper.make_node("ReduceMean", ["seen", "map_axes"], ["brightness"], keepdims=0)
    doubled = helper.make_node("Concat", ["brightness", "brightness"], ["twice"], axis=1)
    return [mean, doubled, helper.make_node("Add", ["pooled", "twice"], ["read"])]


def _constants() -> dict[str, Any]:
    draw = np.random.default_rng(0)

    def weights(*shape: int) -> Any:
        return draw.normal(size=shape).astype(np.float32) / np.float32(np.sqrt(shape[0]))

    return {
        "kernels": weights(_MAPS, 3, _STRIDE, _STRIDE),
        "worth": weights(_MAPS, 1),
        "features": weights(_MAPS, CHANNELS),
        "out": weights(CHANNELS, DIM),
        "flat_shape": np.array([0, _MAPS, _CELLS]),
        "count": np.array([NODES]),
        "wide": np.array([1, 1, _MAPS]),
        "nodes_axis": np.array([1]),
        "map_axes": np.array([2, 3]),
    }


def region_manifest() -> dict[str, Any]:
    """The manifest of a bundle with the graph alone, as JSON values without `files`."""
    return {
        "format": 1,
        "name": "regions",
        "licence": "MIT",
        "dim": DIM,
        "similarity": "cosine",
        "modalities": ["image"],
        "image": {
            "resize": SIZE,
            "size": SIZE,
            "crop": "squash",
            "interpolation": "bilinear",
            "mean": [0.5] * 3,
            "std": [0.25] * 3,
            "precision": "float32",
            "stages": [NODES, CHANNELS],
        },
        "payloads": {"onnx": {"image": "image.onnx"}},
    }
