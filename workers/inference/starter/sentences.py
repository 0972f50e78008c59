"""A sentence encoder as an ONNX graph: BERT, the mean of its last states, unit length, centred.

Devlin et al. 2019 (BERT); Reimers and Gurevych 2019 (the mean as a sentence's vector); Wang et al. 2020 (MiniLM).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from workers.inference.starter.onnx_graph import GraphWriter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[Any]]

_EPSILON = 1e-12
_FAR = -1e9
"""Added to the attention of what is padding."""


@dataclass(frozen=True)
class SentenceShape:
    """What weights do not tell: the number of heads; layers are counted, other sizes read off."""

    heads: int = 12


def sentence_graph(
    weights: Tensors, centre: NDArray[Any] | None = None, shape: SentenceShape | None = None
) -> bytes:
    """Return the graph `input_ids`, `attention_mask` (batch, length) → `embedding` (batch, dim).

    `centre` (dim) is taken from the unit vectors, which then get unit length again.
    """
    graph, heads = GraphWriter(), (shape or SentenceShape()).heads
    layers = sorted({int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer.")})
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    far = graph.add("Mul", graph.add("Sub", graph.constant(1.0), mask), graph.constant(_FAR))
    hidden = _embedded(graph, weights)
    for layer in layers:
        block = _Block(graph, weights, f"encoder.layer.{layer}", heads)
        hidden = block.output(block.attention(hidden, graph.add("Unsqueeze", far, graph.constant([1, 2]))))
    vectors = graph.unit_length(_mean(graph, hidden, mask))
    if centre is not None:
        vectors = graph.unit_length(graph.add("Sub", vectors, graph.constant(centre, exact=True)))
    port: tuple[int, list[int | str]] = (TensorProto.INT64, ["batch", "length"])
    dim = weights["embeddings.word_embeddings.weight"].shape[1]
    return graph.written({"input_ids": port, "attention_mask": port}, vectors, dim)


def _embedded(graph: GraphWriter, weights: Tensors) -> str:
    """Words, places and the one kind of sentence."""
    words = graph.add("Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), "input_ids")
    kinds = weights["embeddings.token_type_embeddings.weight"][0]
    places = graph.constant(weights["embeddings.position_embeddings.weight"] + kinds)
    length = graph.add("Gather", graph.add("Shape", "input_ids"), graph.constant([1]))
    here = graph.add("Slice", places, graph.constant([0]), length, graph.constant([0]))
    return _normed(graph, weights, graph.add("Add", words, here), "embeddings.LayerNorm")


def _mean(graph: GraphWriter, hidden: str, mask: str) -> str:
    """The mean over a text's tokens, (batch, length, dim) → (batch, dim)."""
    column = graph.add("Unsqueeze", mask, graph.constant([2]))
    total = graph.add("ReduceSum", graph.add("Mul", hidden, column), graph.constant([1]), keepdims=0)
    return graph.add("Div", total, graph.add("ReduceSum", mask, graph.constant([1]), keepdims=1))


def _normed(graph: GraphWriter, weights: Tensors, hidden: str, name: str) -> str:
    scale, bias = graph.constant(weights[f"{name}.weight"]), graph.constant(weights[f"{name}.bias"])
    return graph.add("LayerNormalization", hidden, scale, bias, axis=-1, epsilon=_EPSILON)


@dataclass(frozen=True)
class _Block:
    """One layer of the transformer."""

    graph: GraphWriter
    weights: Tensors
    name: str
    heads: int

    def attention(self, hidden: str, far: str) -> str:
        """(batch, length, dim) → the same: heads that look at every token but padding."""
        query, key, value = (self._by_head(hidden, part) for part in ("query", "key", "value"))
        turned = self.graph.add("Transpose", key, perm=[0, 1, 3, 2])
        scores = self.graph.add("Add", self.graph.add("MatMul", query, turned), far)
        seen = self.graph.add("MatMul", self.graph.add("Softmax", scores, axis=-1), value)
        width = self.weights[f"{self.name}.attention.self.query.bias"].shape[0]
        back = self.graph.add("Transpose", seen, perm=[0, 2, 1, 3])
        joined = self.graph.add("Reshape", back, self.graph.constant([0, 0, width]))
        mixed = self._linear(joined, "attention.output.dense")
        return self._normed(self.graph.add("Add", mixed, hidden), "attention.output.LayerNorm")

    def output(self, hidden: str) -> str:
        """(batch, length, dim) → the same: two linear maps with a GELU between them."""
        wide = self._linear(hidden, "intermediate.dense")
        bent = self.graph.add("Erf", self.graph.add("Mul", wide, self.graph.constant(float(np.sqrt(0.5)))))
        open_ = self.graph.add(
            "Mul", self.graph.add("Add", bent, self.graph.constant(1.0)), self.graph.constant(0.5)
        )
        narrow = self._linear(self.graph.add("Mul", wide, open_), "output.dense")
        return self._normed(self.graph.add("Add", narrow, hidden), "output.LayerNorm")

    def _by_head(self, hidden: str, part: str) -> str:
        """(batch, length, dim) → (batch, heads, length, dim / heads); queries are scaled here, before the product."""
        width = self.weights[f"{self.name}.attention.self.{part}.bias"].shape[0]
        each = width // self.heads
        scale = each**-0.5 if part == "query" else 1.0
        made = self._linear(hidden, f"attention.self.{part}", scale)
        split = self.graph.add("Reshape", made, self.graph.constant([0, 0, self.heads, each]))
        return self.graph.add("Transpose", split, perm=[0, 2, 1, 3])

    def _linear(self, hidden: str, part: str, scale: float = 1.0) -> str:
        weight = self.weights[f"{self.name}.{part}.weight"].T * np.float32(scale)
        bias = self.weights[f"{self.name}.{part}.bias"] * np.float32(scale)
        return self.graph.add(
            "Add", self.graph.add("MatMul", hidden, self.graph.constant(weight)), self.graph.constant(bias)
        )

    def _normed(self, hidden: str, part: str) -> str:
        return _normed(self.graph, self.weights, hidden, f"{self.name}.{part}")
