"""Writes an ONNX graph node by node. Large tables are stored in float16 with a Cast behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_OPSET, _IR_VERSION = 17, 8
_HALF_FROM = 4096
"""Tables with so many numbers are stored in half the room; biases and the like keep their precision."""


class GraphWriter:
    """Collects the nodes and constants of one graph."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add a node; return the name of its output, the last one where it has several."""
        names = [f"{operator}_{len(self._nodes)}_{at}" for at in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[-1]

    def several(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Add a node of several outputs; return their names."""
        last = self.add(operator, *inputs, outputs=outputs, **attributes)
        return [f"{last.rpartition('_')[0]}_{at}" for at in range(outputs)]

    def constant(self, values: NDArray[Any] | Sequence[int] | float, *, exact: bool = False) -> str:
        """Add a constant and return its name; large tables of floats are halved unless they must be `exact`."""
        array = np.asarray(values, np.float32 if np.asarray(values).dtype.kind == "f" else np.int64)
        halved = array.dtype == np.float32 and array.size >= _HALF_FROM and not exact
        name = f"constant_{len(self._constants)}"
        stored = array.astype(np.float16) if halved else array
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(stored), name))
        return self.add("Cast", name, to=TensorProto.FLOAT) if halved else name

    def unit_length(self, vectors: str) -> str:
        """Add the division of rows (batch, dim) by their length."""
        return self.add("Div", vectors, self.add("ReduceL2", vectors, axes=[1], keepdims=1))

    def written(self, inputs: Mapping[str, tuple[int, list[int | str]]], embedding: str, dim: int) -> bytes:
        """Return the model with these inputs, type and shape each, and the one output `embedding` (batch, dim)."""
        self._nodes.append(helper.make_node("Identity", [embedding], ["embedding"]))
        ports = [helper.make_tensor_value_info(name, *port) for name, port in inputs.items()]
        output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", dim])
        graph = helper.make_graph(self._nodes, "starter", ports, [output], self._constants)
        opsets = [helper.make_opsetid("", _OPSET)]
        return bytes(
            helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION).SerializeToString()
        )
