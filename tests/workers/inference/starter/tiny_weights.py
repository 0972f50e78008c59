"""Small random weights in the shape of the starter's two networks, and the same networks written plainly in torch."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from workers.inference.starter.pictures import ClassifierShape

SHAPE = ClassifierShape(size=33, stages=((1, 1), (2, 2), (2, 1)))
CHANNELS = (8, 12, 16)
CLASSES, DIM, HEADS, WORDS, PLACES = 12, 16, 4, 30, 20


def classifier_weights() -> dict[str, np.ndarray]:
    """As EfficientNet-Lite names them: a stem, five blocks, a head, a linear layer."""
    random, found = np.random.default_rng(3), {}

    def layer(name: str, norm: str, *shape: int) -> None:
        found[f"{name}.weight"] = random.normal(0, 1.5 / np.sqrt(np.prod(shape[1:])), shape).astype(
            np.float32
        )
        for part, low, high in (
            ("weight", 0.7, 1.4),
            ("bias", 0.0, 1.0),
            ("running_mean", -0.5, 0.5),
            ("running_var", 0.5, 2),
        ):
            found[f"{norm}.{part}"] = random.uniform(low, high, shape[0]).astype(np.float32)

    layer("_conv_stem", "_bn0", 8, 3, 3, 3)
    entering = 8
    for at, (channels, kernel) in enumerate(((8, 3), (12, 5), (12, 5), (16, 3), (16, 3))):
        name, wide = f"_blocks.{at}", entering if at == 0 else entering * 3
        if at:
            layer(f"{name}._expand_conv", f"{name}._bn0", wide, entering, 1, 1)
        layer(f"{name}._depthwise_conv", f"{name}._bn1", wide, 1, kernel, kernel)
        layer(f"{name}._project_conv", f"{name}._bn2", channels, wide, 1, 1)
        entering = channels
    layer("_conv_head", "_bn1", 24, entering, 1, 1)
    found["_fc.weight"] = random.normal(0, 2, (CLASSES, 24)).astype(np.float32)
    found["_fc.bias"] = random.normal(0, 1, CLASSES).astype(np.float32)
    return found


def sentence_weights() -> dict[str, np.ndarray]:
    """As BERT names them, two layers."""
    random, found = np.random.default_rng(4), {}

    def linear(name: str, *shape: int) -> None:
        found[f"{name}.weight"] = random.normal(0, 0.4, shape).astype(np.float32)
        found[f"{name}.bias"] = random.normal(0, 0.2, shape[0]).astype(np.float32)

    def norm(name: str) -> None:
        found[f"{name}.weight"] = random.uniform(0.5, 1.5, DIM).astype(np.float32)
        found[f"{name}.bias"] = random.normal(0, 0.2, DIM).astype(np.float32)

    for name, rows in (("word", WORDS), ("position", PLACES), ("token_type", 2)):
        found[f"embeddings.{name}_embeddings.weight"] = random.normal(0, 1, (rows, DIM)).astype(np.float32)
    norm("embeddings.LayerNorm")
    for at in range(2):
        name = f"encoder.layer.{at}"
        for part in ("query", "key", "value"):
            linear(f"{name}.attention.self.{part}", DIM, DIM)
        linear(f"{name}.attention.output.dense", DIM, DIM)
        linear(f"{name}.intermediate.dense", 4 * DIM, DIM)
        linear(f"{name}.output.dense", DIM, 4 * DIM)
        norm(f"{name}.attention.output.LayerNorm")
        norm(f"{name}.output.LayerNorm")
    return found


def safetensors_bytes(weights: dict[str, np.ndarray]) -> bytes:
    """A safetensors file."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, values in weights.items():
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + b"".join(values.tobytes() for values in weights.values())
