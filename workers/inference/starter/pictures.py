"""A classifier of pictures as an ONNX graph that ends in the classes' sentence vectors.

EfficientNet-Lite (Tan and Le 2019, without squeeze and excitation, ReLU6), batch normalisation folded into its
convolutions; then ConSE (Norouzi et al. 2014): a picture's vector is the mean of the vectors of its most probable
classes' names, weighed by their probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from workers.inference.starter.onnx_graph import GraphWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[Any]]
    Floats = NDArray[np.float32]

_EPSILON = 1e-3
"""Of the batch normalisation."""


@dataclass(frozen=True)
class ClassifierShape:
    """What weights do not tell: the input's side, and how often and by what stride each stage's blocks come."""

    size: int = 260
    stages: tuple[tuple[int, int], ...] = ((1, 1), (3, 2), (3, 2), (4, 2), (4, 1), (5, 2), (1, 1))

    def strides(self) -> Iterator[int]:
        """Yield the stride of each block."""
        for repeats, stride in self.stages:
            yield from (stride, *[1] * (repeats - 1))


LITE2 = ClassifierShape()


@dataclass(frozen=True)
class NamedClasses:
    """The classes' `vectors` (classes, dim), the `centre` (dim) taken from every picture, and how they are mixed."""

    vectors: Floats
    centre: Floats
    most: int = 100
    temperature: float = 2.0


def picture_graph(weights: Tensors, classes: NamedClasses, shape: ClassifierShape = LITE2) -> bytes:
    """Return the graph `pixels` (batch, 3, size, size) → `embedding` (batch, dim)."""
    graph = GraphWriter()
    logits = _Classifier(graph, weights, shape.size).logits("pixels", shape)
    cooled = graph.add("Div", logits, graph.constant(classes.temperature))
    values, places = graph.several("TopK", cooled, graph.constant([classes.most]), outputs=2, axis=1)
    shares = graph.add("Unsqueeze", graph.add("Softmax", values, axis=1), graph.constant([1]))
    named = graph.add("Gather", graph.constant(classes.vectors, exact=True), places)
    mixed = graph.add("Squeeze", graph.add("MatMul", shares, named), graph.constant([1]))
    centred = graph.add("Sub", mixed, graph.constant(classes.centre, exact=True))
    pixels: tuple[int, list[int | str]] = (TensorProto.FLOAT, ["batch", 3, shape.size, shape.size])
    return graph.written({"pixels": pixels}, graph.unit_length(centred), classes.vectors.shape[1])


class _Classifier:
    """Writes the network from left to right and keeps the side of its maps, by which its padding goes."""

    def __init__(self, graph: GraphWriter, weights: Tensors, side: int) -> None:
        self._graph, self._weights, self._side = graph, weights, side

    def logits(self, pixels: str, shape: ClassifierShape) -> str:
        """(batch, 3, size, size) → (batch, classes)."""
        maps = self._clipped(self._convolved(pixels, "_conv_stem", "_bn0", stride=2))
        for at, stride in enumerate(shape.strides()):
            maps = self._block(maps, f"_blocks.{at}", stride)
        maps = self._clipped(self._convolved(maps, "_conv_head", "_bn1"))
        mean = self._graph.add("Flatten", self._graph.add("GlobalAveragePool", maps))
        weight, bias = (self._graph.constant(self._weights[f"_fc.{part}"]) for part in ("weight", "bias"))
        return self._graph.add("Gemm", mean, weight, bias, transB=1)

    def _block(self, maps: str, name: str, stride: int) -> str:
        """Widen, look around each place, narrow again; with a way past it where nothing changes its shape."""
        inner, channels = maps, self._weights[f"{name}._project_conv.weight"].shape[0]
        first = "_expand_conv" if f"{name}._expand_conv.weight" in self._weights else "_depthwise_conv"
        entering = self._weights[f"{name}.{first}.weight"].shape[1 if first == "_expand_conv" else 0]
        if first == "_expand_conv":
            inner = self._clipped(self._convolved(inner, f"{name}._expand_conv", f"{name}._bn0"))
        inner = self._clipped(self._convolved(inner, f"{name}._depthwise_conv", f"{name}._bn1", stride))
        inner = self._convolved(inner, f"{name}._project_conv", f"{name}._bn2")
        return self._graph.add("Add", inner, maps) if stride == 1 and entering == channels else inner

    def _convolved(self, maps: str, name: str, norm: str, stride: int = 1) -> str:
        weight, (scale, shift) = self._weights[f"{name}.weight"], self._folded(norm)
        kernel, depthwise = weight.shape[-1], name.endswith("_depthwise_conv")
        after = -(-self._side // stride)
        missing = max((after - 1) * stride + kernel - self._side, 0)
        before, self._side = missing // 2, after
        return self._graph.add(
            "Conv", maps, self._graph.constant(weight * scale[:, None, None, None]), self._graph.constant(shift),
            kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[before] * 2 + [missing - before] * 2,
            group=weight.shape[0] if depthwise else 1,
        )  # fmt: skip

    def _folded(self, norm: str) -> tuple[Floats, Floats]:
        """Return scale and shift of a batch normalisation."""
        parts = ("weight", "bias", "running_mean", "running_var")
        weight, bias, mean, variance = (self._weights[f"{norm}.{part}"] for part in parts)
        scale = (weight / np.sqrt(variance + np.float32(_EPSILON))).astype(np.float32)
        return scale, bias - mean * scale

    def _clipped(self, maps: str) -> str:
        """ReLU6."""
        return self._graph.add("Clip", maps, self._graph.constant(0.0), self._graph.constant(6.0))
