"""A small repository in the layout of transformers.js, made without torch: random maps of pictures and of words."""

from __future__ import annotations

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SIDE, DIM = 16, 8
WORDS = ["[PAD]", "[UNK]", "pump", "valve", "red", "blue", "house", "dog", "rain", "roof", "grass", "men"]


def repository_files() -> dict[str, bytes]:
    """Return the files of a repository, one of which, a pickle, nobody wants."""
    return {
        "config.json": b'{"model_type": "clip"}',
        "preprocessor_config.json": json.dumps(_PICTURES).encode(),
        "tokenizer.json": json.dumps(_TOKENIZER).encode(),
        "tokenizer_config.json": b'{"pad_token": "[PAD]", "model_max_length": 32}',
        "onnx/vision_model.onnx": _vision(),
        "onnx/text_model.onnx": _text(),
        "pytorch_model.bin": b"\x80\x04" + bytes(4000),
    }


_PICTURES = {
    "size": {"height": SIDE, "width": SIDE}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 3,
    "do_normalize": True,
}  # fmt: skip
_TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None,
    "added_tokens": [
        {"id": at, "content": WORDS[at], "special": True, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False}
        for at in (0, 1)
    ],
    "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None,
    "decoder": None,
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {word: at for at, word in enumerate(WORDS)}},
}  # fmt: skip


def _vision() -> bytes:
    """Return a graph with an output that nobody wants, and vectors that are not of unit length."""
    weights = np.random.default_rng(1).normal(size=(3 * SIDE * SIDE, DIM)).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["pixel_values"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["image_embeds"]),
        helper.make_node("Identity", ["flat"], ["last_hidden_state"]),
    ]
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, "height", "width"])
    outputs = [
        _vectors("image_embeds"),
        helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, None),
    ]
    return _packed(nodes, [pixels], outputs, {"weights": weights})


def _text() -> bytes:
    """Return a graph that takes the mean of a text's words."""
    table = np.random.default_rng(2).normal(size=(len(WORDS), DIM)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "middle"], ["text_embeds"], keepdims=0),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    axes = {"last": np.array([2]), "middle": np.array([1])}
    return _packed(nodes, inputs, [_vectors("text_embeds")], {"table": table} | axes)


def _vectors(name: str) -> object:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", DIM])


def _packed(nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> bytes:
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
