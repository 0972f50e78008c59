"""A valid bundle of a few kilobytes whose vectors mean something: a red picture lies near the word “red”.

The image encoder counts colours over an 8 × 8 grid, the text encoder averages its words' vectors; both use one
random vector per colour. Another `seed` gives another space, in which the former vectors are of no use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from workers.inference.bundles import bundle_write

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import GraphProto, NodeProto

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 50),
    "blue": (40, 60, 210),
    "yellow": (240, 220, 40),
    "orange": (245, 140, 20),
    "purple": (130, 40, 160),
    "pink": (245, 130, 180),
    "brown": (120, 75, 40),
    "black": (15, 15, 15),
    "grey": (128, 128, 128),
    "white": (250, 250, 250),
    "cyan": (40, 200, 210),
}
OTHER_WORDS = [
    "a",
    "the",
    "of",
    "on",
    "in",
    "with",
    "and",
    "is",
    "are",
    "picture",
    "photo",
    "part",
    "pump",
    "valve",
    "gear",
    "bolt",
    "pipe",
    "motor",
    "belt",
    "bearing",
    "hose",
    "rusty",
    "cracked",
    "leaking",
    "worn",
    "new",
    "old",
    "small",
    "large",
    "two",
    "three",
    "ground",
]
VOCABULARY = ("<pad>", "<start>", "<end>", "<unk>", *COLOURS, *OTHER_WORDS)
SIZE = 32
OPSET = 17


def make_tiny_bundle(path: Path, name: str = "tiny", dim: int = 32, seed: int = 0) -> Path:
    """Write the bundle to `path` (a zip file) and return the path."""
    image, text = tiny_graphs(dim, seed)
    files: dict[str, bytes | Path] = {
        "image.onnx": serialise(image),
        "text.onnx": serialise(text),
        "vocabulary.txt": vocabulary_bytes(),
    }
    bundle_write(path, tiny_manifest(name, dim), files)
    return path


def tiny_manifest(name: str = "tiny", dim: int = 32) -> dict[str, object]:
    """Return the bundle's manifest as JSON values, without `files`, which `bundle_write` adds."""
    return {
        "format": 1,
        "name": name,
        "licence": "Apache-2.0",
        "description": "Counts colours; for tests.",
        "dim": dim,
        "similarity": "cosine",
        "modalities": ["image", "text"],
        "image": {
            "resize": SIZE,
            "size": SIZE,
            "crop": "center",
            "interpolation": "bilinear",
            "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0],
        },
        "text": {"tokenizer": "nltk-words", "vocabulary": "vocabulary.txt", "max_tokens": 32},
        "payloads": {"onnx": {"image": "image.onnx", "text": "text.onnx"}},
    }


def vocabulary_bytes() -> bytes:
    return ("\n".join(VOCABULARY) + "\n").encode()


def serialise(graph: GraphProto, opset: int = OPSET) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(model.SerializeToString())


def tiny_graphs(dim: int, seed: int) -> tuple[GraphProto, GraphProto]:
    """Return the image and the text graph, which share one vector per colour."""
    random = np.random.default_rng(seed)
    colours = _unit(random.standard_normal((len(COLOURS), dim)))
    others = 0.4 * _unit(random.standard_normal((len(OTHER_WORDS), dim)))
    special = 0.05 * _unit(random.standard_normal((4, dim)))
    layout = 0.05 * _unit(random.standard_normal((192, dim)))
    return image_graph(colours, layout), text_graph(np.concatenate([special, colours, others]))


def image_graph(colours: np.ndarray, layout: np.ndarray) -> GraphProto:
    """pixels (batch, 3, 32, 32) in 0…1 → unit vectors: the share of each colour × its vector, a bit of layout."""
    anchors = np.array(list(COLOURS.values()), np.float32) / 255
    sharpness = 40.0
    constants = {
        "anchors": 2 * sharpness * anchors.T,
        "offsets": -sharpness * (anchors**2).sum(1),
        "colours": colours,
        "layout": layout,
        "grid_shape": np.array([0, 3, 64], np.int64),
        "flat_shape": np.array([0, 192], np.int64),
        "half": np.array(0.5),
    }
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Reshape", ["pooled", "grid_shape"], ["planes"]),
        helper.make_node("Transpose", ["planes"], ["by_cell"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["by_cell", "anchors"], ["products"]),
        helper.make_node("Add", ["products", "offsets"], ["closeness"]),
        helper.make_node("Softmax", ["closeness"], ["shares"], axis=-1),
        helper.make_node("ReduceMean", ["shares"], ["share"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["share", "colours"], ["by_colour"]),
        helper.make_node("Reshape", ["pooled", "flat_shape"], ["flat"]),
        helper.make_node("Sub", ["flat", "half"], ["centred"]),
        helper.make_node("MatMul", ["centred", "layout"], ["by_layout"]),
        helper.make_node("Add", ["by_colour", "by_layout"], ["raw"]),
        *unit_length("raw"),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])
    return graph_of(nodes, [pixels], colours.shape[1], constants)


def text_graph(words: np.ndarray) -> GraphProto:
    """tokens (batch, length), lengths (batch) → unit vectors: the mean of the words' vectors."""
    constants = {
        "words": words,
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "axis0": np.array([0], np.int64),
        "axis1": np.array([1], np.int64),
        "axis2": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["words", "tokens"], ["vectors"]),
        helper.make_node("Shape", ["tokens"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["length"]),
        helper.make_node("Range", ["zero", "length", "one"], ["positions"]),
        helper.make_node("Unsqueeze", ["positions", "axis0"], ["row"]),
        helper.make_node("Unsqueeze", ["lengths", "axis1"], ["ends"]),
        helper.make_node("Less", ["row", "ends"], ["inside"]),
        helper.make_node("Cast", ["inside"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weights", "axis2"], ["mask"]),
        helper.make_node("Mul", ["vectors", "mask"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "axis1"], ["raw"], keepdims=0),
        *unit_length("raw"),
    ]
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "length"])
    lengths = helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"])
    return graph_of(nodes, [tokens, lengths], words.shape[1], constants)


def unit_length(raw: str) -> list[NodeProto]:
    return [
        helper.make_node("ReduceL2", [raw], ["norm"], axes=[1], keepdims=1),
        helper.make_node("Div", [raw, "norm"], ["embedding"]),
    ]


def graph_of(nodes: list[NodeProto], inputs: list, dim: int, constants: dict[str, np.ndarray]) -> GraphProto:
    """Return a graph with the bundle's output `embedding` (batch, dim); floats are stored as float32."""
    stored = [
        numpy_helper.from_array(np.asarray(v, np.int64 if v.dtype == np.int64 else np.float32), k)
        for k, v in constants.items()
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", dim])
    return helper.make_graph(nodes, "tiny", inputs, [output], stored)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
