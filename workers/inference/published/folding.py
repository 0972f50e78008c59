"""A graph whose inputs have fixed lengths, without the arithmetic on shapes that exporters leave in it.

What follows from constants and from fixed shapes becomes a constant. It is then plain to see which index reads where,
which a bundle's graphs must show (`workers.inference.checks.indices`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from workers.inference.published.graphs import refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Types = dict[str, Any]
    """ONNX's types of tensors, with shapes, by the tensors' names."""

ELEMENTS_MAX = 1 << 17
"""Larger tensors are weights, not shapes or masks: they are left as they are."""
_INFERRED_MAX = 4096
_KEPT = frozenset({"Gather", "MatMul", "Gemm", "Conv", "Attention"})
"""Operators on weights alone are not computed ahead: that would unpack what is stored in half the bytes."""


def fold(model: Any) -> None:
    """Replace what is constant in the graph, whose inputs have shapes; the model is changed.

    Raises BundleError `hub.cannot_convert` for a graph that cannot be followed.
    """
    version = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    graph = model.graph
    types = {value.name: value.type for value in graph.input}
    known: dict[str, NDArray[Any]] = {}
    for tensor in graph.initializer:
        types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
        if np.prod(tensor.dims, dtype=float) <= ELEMENTS_MAX:
            known[tensor.name] = numpy_helper.to_array(tensor)
    stored = set(known)
    nodes = [node for node in graph.node if not _Folding(types, known, version).take(node)]
    wanted = {name for node in nodes for name in node.input}
    copies = [_copied(node) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    graph.initializer.extend(
        numpy_helper.from_array(known[name], name) for name in sorted(wanted & set(known) - stored)
    )
    _drop_unused(graph, wanted)


def _drop_unused(graph: Any, wanted: set[str]) -> None:
    for at in range(len(graph.initializer) - 1, -1, -1):
        if graph.initializer[at].name not in wanted:
            del graph.initializer[at]


class _Folding:
    """One walk through a graph: what is known of its tensors up to a node."""

    def __init__(self, types: Types, known: dict[str, NDArray[Any]], version: int) -> None:
        self._types, self._known, self._version = types, known, version

    def take(self, node: Any) -> bool:
        """Learn a node's outputs; return whether they are constants, so that it can go."""
        given = [name for name in node.input if name]
        if node.op_type == "Shape" and (lengths := self._lengths(node.input[0])) is not None:
            start, end = (
                next((one.i for one in node.attribute if one.name == key), None) for key in ("start", "end")
            )
            return self._is(node, [np.array(lengths[slice(start, end)], np.int64)])
        known = self._is_small if node.op_type in _KEPT | {"Shape"} else self._known.__contains__
        if all(map(known, given)) and (found := self._computed(node)) is not None:
            return self._is(node, found)
        self._types.update(self._inferred(node))
        return False

    def _is(self, node: Any, values: list[NDArray[Any]]) -> bool:
        for name, value in zip(node.output, values, strict=False):
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            self._types[name] = helper.make_tensor_type_proto(kind, list(value.shape))
            self._known[name] = value
        return True

    def _is_small(self, name: str) -> bool:
        return name in self._known and self._known[name].size <= _INFERRED_MAX

    def _lengths(self, name: str) -> list[int] | None:
        kind = self._types.get(name)
        if kind is None or not kind.tensor_type.HasField("shape"):
            return None
        dims = kind.tensor_type.shape.dim
        return [dim.dim_value for dim in dims] if all(dim.HasField("dim_value") for dim in dims) else None

    def _inferred(self, node: Any) -> Types:
        given = {name: self._types[name] for name in node.input if name in self._types}
        small = {
            name: numpy_helper.from_array(self._known[name], name) for name in given if self._is_small(name)
        }
        try:
            schema = onnx.defs.get_schema(node.op_type, self._version, "")
            found: Types = onnx.shape_inference.infer_node_outputs(schema, node, given, small)
        except (onnx.shape_inference.InferenceError, onnx.defs.SchemaError, RuntimeError, ValueError):
            return {}
        return found

    def _computed(self, node: Any) -> list[NDArray[Any]] | None:
        """Return what a node gives of constants; None where that is large, or not to be known here."""
        types = self._inferred(node)
        self._types.update(types)
        sizes = [self._lengths(name) for name in node.output if name]
        if any(size is None or np.prod(size, dtype=float) > ELEMENTS_MAX for size in sizes):
            return None
        try:
            opsets = {"": self._version}
            runner = ReferenceEvaluator(node, opsets=opsets)
            found = runner.run(None, {name: self._known[name] for name in node.input if name})
        except (NotImplementedError, RuntimeError, ValueError, TypeError, IndexError, KeyError):
            return None
        arrays = [np.asarray(one) for one in found]
        if any(array.size > ELEMENTS_MAX or array.dtype == object for array in arrays):
            refuse("a graph's constants cannot be computed")
        return arrays


def _copied(node: Any) -> Any:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    return copy
