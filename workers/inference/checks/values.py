"""Follow a graph from its inputs: the shape of each tensor and, of whole numbers, the bounds of their values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, TypeProto, helper, numpy_helper

from workers.inference.checks import intervals
from workers.inference.checks.intervals import UNKNOWN, Axis, Dim, Interval, hull, length_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Dims = tuple[Dim, ...]

WHOLE = {
    TensorProto.INT64, TensorProto.INT32, TensorProto.INT16, TensorProto.INT8, TensorProto.BOOL,
    TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64,
}  # fmt: skip
_ENTRIES_MAX = 64
"""Longer rows are described by one interval."""
_CONSTANT_MAX = 4096
"""Larger constants are not folded: none of them is a shape or a list of axes."""


@dataclass(frozen=True)
class Tensor:
    """`kind`: ONNX's element type. `dims`: None where not even the rank is known.

    `entries`: bounds of whole numbers, one for each place of the last axis, or one for all of them.
    `from_data`: whether the values depend on the graph's input, rather than on its shape and constants.
    """

    kind: int
    dims: Dims | None = None
    entries: tuple[Interval, ...] = (UNKNOWN,)
    from_data: bool = False
    constant: np.ndarray[Any, Any] | None = None
    is_tokens: bool = False

    @property
    def all(self) -> Interval:
        """The bounds of every value in it."""
        return hull(self.entries)

    def with_one_bound(self) -> Tensor:
        """Return it with one interval for all values, for operators that move them."""
        return replace(self, entries=(self.all,), constant=None)


class Values:
    """The tensors of one graph by name; `None` for what an operator leaves out."""

    def __init__(self, model: Any, inputs: Mapping[str, Tensor]) -> None:
        self.version = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
        self._known: dict[str, Tensor] = dict(inputs)
        self._strangers = 0
        for tensor in model.graph.initializer:
            self._known[tensor.name] = constant_of(tensor)

    def __getitem__(self, name: str) -> Tensor | None:
        return self._known.get(name) if name else None

    def inputs_of(self, node: Any) -> list[Tensor | None]:
        """Return a node's inputs in order."""
        return [self[name] for name in node.input]

    def stranger(self) -> Dim:
        """Return a length of which nothing is known."""
        self._strangers += 1
        return Dim(1, (Axis(f"?{self._strangers}"),))

    def keep(self, node: Any, outputs: Iterable[Tensor]) -> None:
        """Remember a node's outputs."""
        self._known.update({name: found for name, found in zip(node.output, outputs, strict=False) if name})

    def inferred(self, node: Any) -> list[Tensor]:
        """Return the outputs' types and shapes by ONNX's own rules, with lengths by name."""
        names: dict[str, Dim] = {}
        given, data = {}, {}
        for name in node.input:
            if not name:
                continue
            found = self[name] or Tensor(TensorProto.UNDEFINED)
            given[name] = _type_of(found, names)
            if found.constant is not None:
                data[name] = numpy_helper.from_array(found.constant, name)
        try:
            schema = onnx.defs.get_schema(node.op_type, self.version, "")
            types = onnx.shape_inference.infer_node_outputs(schema, node, given, data)
        except (onnx.shape_inference.InferenceError, onnx.defs.SchemaError, RuntimeError, ValueError):
            types = {}
        return [self._tensor(types.get(name), names) for name in node.output]

    def _tensor(self, found: TypeProto | None, names: dict[str, Dim]) -> Tensor:
        if found is None:
            return Tensor(TensorProto.UNDEFINED)
        kind, tensor = found.tensor_type.elem_type, found.tensor_type
        if not tensor.HasField("shape"):
            return Tensor(kind, None, bounds_of_kind(kind))
        dims = tuple(self._dim(one, names) for one in tensor.shape.dim)
        return Tensor(kind, dims, bounds_of_kind(kind))

    def _dim(self, dim: Any, names: dict[str, Dim]) -> Dim:
        if dim.HasField("dim_value"):
            return Dim(dim.dim_value)
        return names.get(dim.dim_param) or self.stranger()


def attribute(node: Any, name: str, default: Any = None) -> Any:
    """Return an attribute's value, or the default."""
    for one in node.attribute:
        if one.name == name:
            return helper.get_attribute_value(one)
    return default


def constant_of(tensor: Any) -> Tensor:
    """Return what is known of a stored tensor: everything of a small one, the bounds of whole numbers."""
    dims = tuple(Dim(length) for length in tensor.dims)
    if tensor.data_type not in WHOLE and np.prod(tensor.dims, dtype=float) > _CONSTANT_MAX:
        return Tensor(tensor.data_type, dims)
    values = numpy_helper.to_array(tensor)
    small = values if values.size <= _CONSTANT_MAX else None
    return Tensor(tensor.data_type, dims, _entries_of(values, tensor.data_type), constant=small)


def shape_tensor(dims: Iterable[Dim]) -> Tensor:
    """Return the tensor that holds these lengths."""
    lengths = tuple(length_of(dim) for dim in dims)
    return Tensor(TensorProto.INT64, (Dim(len(lengths)),), packed(lengths))


def packed(entries: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Return entries as a tensor keeps them: one for all, where there are too many."""
    return entries if 1 <= len(entries) <= _ENTRIES_MAX else (hull(entries),)


def bounds_of_kind(kind: int) -> tuple[Interval, ...]:
    """Return what an element type alone tells of its values."""
    if kind == TensorProto.BOOL:
        return (intervals.TRUTH,)
    if kind in (TensorProto.UINT8, TensorProto.INT8):
        return (intervals.between(0, 255) if kind == TensorProto.UINT8 else intervals.between(-128, 127),)
    return (UNKNOWN,)


def _entries_of(values: np.ndarray[Any, Any], kind: int) -> tuple[Interval, ...]:
    if kind not in WHOLE or values.size == 0:
        return (UNKNOWN,)
    rows = values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)
    if rows.shape[1] > _ENTRIES_MAX:
        rows = values.reshape(-1, 1)
    return tuple(map(_stored, rows.min(0).tolist(), rows.max(0).tolist()))


def _stored(low: int, high: int) -> Interval:
    low, high = int(low), int(high)
    if low == high and abs(low) <= intervals.LIMIT:
        return intervals.number(low)
    within = abs(low) <= intervals.LIMIT and abs(high) <= intervals.LIMIT
    return intervals.between(low, high) if within else UNKNOWN


def _type_of(tensor: Tensor, names: dict[str, Dim]) -> TypeProto:
    """Return the tensor's type for ONNX's rules; free lengths get names under which they are found again."""
    if tensor.dims is None:
        return helper.make_tensor_type_proto(tensor.kind, None)
    shape: list[int | str] = []
    for dim in tensor.dims:
        if dim.is_fixed:
            shape.append(dim.factor)
            continue
        name = f"{dim.factor}*{'*'.join(axis.name for axis in dim.axes)}"
        names[name] = dim
        shape.append(name)
    return helper.make_tensor_type_proto(tensor.kind, shape)
