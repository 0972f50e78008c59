"""Bundles that are wrong in one way each, built from the tiny one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

from tests.support.tiny_bundle import (
    SIZE,
    VOCABULARY,
    graph_of,
    serialise,
    tiny_graphs,
    tiny_manifest,
    unit_length,
    vocabulary_bytes,
)
from workers.inference.bundles import bundle_write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DIM = 32
PIXELS = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])


def bundle_with(
    path: Path,
    *,
    image: bytes | None = None,
    text: bytes | None = None,
    vocabulary: bytes | None = None,
    **manifest: object,
) -> Path:
    """The tiny bundle with another image graph, text graph, vocabulary or entries of its manifest."""
    own_image, own_text = tiny_graphs(DIM, 0)
    files: dict[str, bytes | Path] = {
        "image.onnx": image or serialise(own_image),
        "text.onnx": text or serialise(own_text),
        "vocabulary.txt": vocabulary or vocabulary_bytes(),
    }
    bundle_write(path, tiny_manifest() | manifest, files)
    return path


def image_model(change: Callable[[object], None], opset: int = 17) -> bytes:
    """The tiny image graph as a whole ONNX model after `change`."""
    model = helper.make_model(
        tiny_graphs(DIM, 0)[0], opset_imports=[helper.make_opsetid("", opset)], ir_version=8
    )
    change(model)
    return bytes(model.SerializeToString())


def pooled(nodes: list, constants: dict[str, np.ndarray] | None = None, *, finish: bool = True) -> bytes:
    """A graph whose nodes turn `flat` (batch, 3), the mean colours, into `raw` (batch, dim)."""
    start = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["pooled"]),
        helper.make_node("Reshape", ["pooled", "flat_shape"], ["flat"]),
    ]
    end = unit_length("raw") if finish else [helper.make_node("Identity", ["raw"], ["embedding"])]
    stored = {"flat_shape": np.array([0, 3], np.int64)} | (constants or {})
    return serialise(graph_of([*start, *nodes, *end], [PIXELS], DIM, stored))


def weights(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((3, DIM))


def custom_operator() -> bytes:
    def change(model):
        model.opset_import.append(helper.make_opsetid("evil.ops", 1))
        model.graph.node[0].domain = "evil.ops"
        model.graph.node[0].op_type = "RunShell"

    return image_model(change)


def endless_loop() -> bytes:
    """Counts for ever before it looks at the picture."""
    going = helper.make_tensor_value_info("going", TensorProto.BOOL, [])
    step = helper.make_tensor_value_info("step", TensorProto.INT64, [])
    again = helper.make_tensor_value_info("again", TensorProto.BOOL, [])
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["again"])], "body", [step, going], [again]
    )
    nodes = [
        helper.make_node("Loop", ["", "yes"], [], body=body),
        helper.make_node("MatMul", ["flat", "weights"], ["raw"]),
    ]
    return pooled(nodes, {"weights": weights(), "yes": np.array(1)})


def own_function() -> bytes:
    def change(model):
        body = helper.make_node("Relu", ["x"], ["y"])
        opset = helper.make_opsetid("", 17)
        model.functions.append(helper.make_function("", "MyRelu", ["x"], ["y"], [body], [opset]))

    return image_model(change)


def external_data() -> bytes:
    def change(model):
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "../../../../etc/passwd"

    return image_model(change)


def nan_weights() -> bytes:
    bad = weights()
    bad[1, 5] = np.nan
    return pooled([helper.make_node("MatMul", ["flat", "weights"], ["raw"])], {"weights": bad})


def constant_output() -> bytes:
    """The same vector for every picture."""
    nodes = [
        helper.make_node("Mul", ["flat", "zero"], ["nothing"]),
        helper.make_node("MatMul", ["nothing", "weights"], ["zeros"]),
        helper.make_node("Add", ["zeros", "constant"], ["raw"]),
    ]
    return pooled(nodes, {"weights": weights(), "zero": np.array(0.0), "constant": weights(1)[0]})


def batch_dependent() -> bytes:
    """Subtracts the batch's mean: nothing of a picture is left when it comes alone, so add some of it again."""
    nodes = [
        helper.make_node("MatMul", ["flat", "weights"], ["own"]),
        helper.make_node("ReduceMean", ["own"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Mul", ["mean", "half"], ["part"]),
        helper.make_node("Sub", ["own", "part"], ["raw"]),
    ]
    return pooled(nodes, {"weights": weights(), "half": np.array(0.5)})


def not_unit() -> bytes:
    return pooled(
        [helper.make_node("MatMul", ["flat", "weights"], ["raw"])], {"weights": weights()}, finish=False
    )


def endless_work(products: int = 4000) -> bytes:
    """Only allowed operators, but days of them: squares a large matrix over and over."""
    size = 3000
    nodes = [
        helper.make_node("MatMul", ["flat", "up"], ["row"]),
        helper.make_node("ReduceMean", ["row"], ["factor"], axes=[0, 1], keepdims=1),
        helper.make_node("Expand", ["factor", "square"], ["m0"]),
        *(helper.make_node("MatMul", [f"m{at}", f"m{at}"], [f"m{at + 1}"]) for at in range(products)),
        helper.make_node("ReduceMean", [f"m{products}"], ["noise"], axes=[0, 1], keepdims=1),
        helper.make_node("MatMul", ["flat", "weights"], ["own"]),
        helper.make_node("Add", ["own", "noise"], ["raw"]),
    ]
    constants = {"up": weights(), "square": np.array([size, size], np.int64), "weights": weights()}
    return pooled(nodes, constants)


def huge_allocation() -> bytes:
    """A picture's colour as a matrix of a terabyte."""
    nodes = [
        helper.make_node("ReduceMean", ["flat"], ["factor"], axes=[0, 1], keepdims=1),
        helper.make_node("Expand", ["factor", "square"], ["vast"]),
        helper.make_node("Exp", ["vast"], ["vaster"]),
        helper.make_node("CumSum", ["vaster", "axis"], ["sums"]),
        helper.make_node("ReduceMax", ["sums"], ["noise"], axes=[0, 1], keepdims=1),
        helper.make_node("MatMul", ["flat", "weights"], ["own"]),
        helper.make_node("Add", ["own", "noise"], ["raw"]),
    ]
    constants = {
        "square": np.array([500_000, 500_000], np.int64),
        "axis": np.array(0, np.int64),
        "weights": weights(),
    }
    return pooled(nodes, constants)


def short_word_table() -> bytes:
    from tests.support.tiny_bundle import text_graph

    return serialise(text_graph(np.random.default_rng(0).standard_normal((len(VOCABULARY) - 3, DIM))))


def length_blind_text() -> bytes:
    """Averages over the padding as well, so that a text's vector depends on its neighbours' length."""
    from tests.support.tiny_bundle import text_graph

    rows = np.random.default_rng(0).standard_normal((len(VOCABULARY), DIM))
    graph = text_graph(rows)
    for node in graph.node:
        if node.op_type == "Mul":
            node.op_type = "Add"
    return serialise(graph)
