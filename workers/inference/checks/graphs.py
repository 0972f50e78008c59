"""What can be seen of an ONNX graph without running it: operators, places of its data, inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, TensorProto

from workers.inference.checks.operators import ALLOWED, DOMAINS
from workers.inference.errors import BundleError
from workers.inference.text_feed import TextFeed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from workers.inference.manifest import ImageSpec, Manifest, TextSpec

OUTPUT, CELLS, NODES = "embedding", "cells", "nodes"
OPSET_MIN = 9
_CHECKER_MAX_BYTES = 2_000_000_000
"""Protocol buffers hold no more; the graph would not have been read."""
_CROPS = 10


@dataclass(frozen=True)
class Port:
    """An input or output: element type, and its axes, None for those whose length must be free."""

    elem_type: int
    axes: tuple[int | None, ...]


def image_inputs(spec: ImageSpec) -> dict[str, Port]:
    """Return what the image graph takes: `pixels` (batch, 3, size, size), with ten crops (batch, 10, 3, size, size)."""
    crops = (_CROPS,) if spec.crop == "ten" else ()
    return {"pixels": Port(TensorProto.FLOAT, (None, *crops, 3, spec.size, spec.size))}


def text_inputs(spec: TextSpec) -> dict[str, Port]:
    """Return what the text graph takes: `tokens` (batch, length) and `lengths` (batch), or what its feed names."""
    feed = spec.feed or TextFeed()
    kind = TensorProto.INT32 if feed.integers == "int32" else TensorProto.INT64
    length = spec.max_tokens if feed.padding == "fixed" else None
    return {name: Port(kind, (None,) if name == "lengths" else (None, length)) for name in feed.inputs}


def more_outputs(spec: ImageSpec, dim: int) -> dict[str, Port]:
    """Return what the image graph gives beside the embedding.

    `cells` (batch, rows, columns, dim), `nodes` (batch, nodes, channels), or nothing.
    """
    cells = {CELLS: Port(TensorProto.FLOAT, (None, *spec.cells, dim))} if spec.cells else {}
    nodes = {NODES: Port(TensorProto.FLOAT, (None, *spec.stages))} if spec.stages else {}
    return cells | nodes


def check_graph(
    path: Path, inputs: dict[str, Port], manifest: Manifest, more: dict[str, Port] | None = None
) -> Any:
    """Return the parsed model, or raise BundleError for whatever is not allowed in it; `more`: further outputs."""
    model = _read(path)
    _check_frame(model, path.name)
    for node in model.graph.node:
        _check_node(node, path.name)
    for tensor in _tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise BundleError("bundle.external_data", file=path.name)
    output = {OUTPUT: Port(TensorProto.FLOAT, (None, None))} | (more or {})
    _check_ports(model, inputs, output, path.name)
    _check_dim(model, manifest.dim, path.name)
    _check_standard(model, path.name)
    return model


def with_stated_batch(model: Any, ports: dict[str, Port]) -> dict[str, Port]:
    """Return the ports with a batch of one where the graph says so: it is then run row by row."""
    ones = {value.name for value in model.graph.input if _axes(value)[:1] == (1,)}
    return {
        name: Port(port.elem_type, (1, *port.axes[1:]) if name in ones else port.axes)
        for name, port in ports.items()
    }


def _read(path: Path) -> Any:
    if path.stat().st_size > _CHECKER_MAX_BYTES:
        _refuse("bundle.graph_invalid", "is larger than 2 GB", path.name)
    try:
        return onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError, RecursionError) as error:
        raise _refusal("bundle.graph_invalid", "is no ONNX model", path.name, reason=str(error)) from error


def _check_frame(model: Any, name: str) -> None:
    """Refuse what surrounds the graph: foreign operator sets, functions, training parts."""
    for opset in model.opset_import:
        if opset.domain not in DOMAINS:
            _refuse(
                "bundle.operator_not_allowed", "uses operators of its own domain", name, domain=opset.domain
            )
        if not OPSET_MIN <= opset.version <= onnx.defs.onnx_opset_version():
            _refuse(
                "bundle.graph_invalid",
                "uses a version of ONNX that is not supported",
                name,
                opset=opset.version,
            )
    if model.functions or model.training_info:
        _refuse("bundle.operator_not_allowed", "brings its own functions, which are not allowed", name)
    if model.graph.sparse_initializer or model.graph.quantization_annotation:
        _refuse(
            "bundle.operator_not_allowed", "holds sparse tensors or annotations, which are not allowed", name
        )


def _check_node(node: Any, name: str) -> None:
    if node.domain not in DOMAINS or node.op_type not in ALLOWED:
        message = f"uses the operator “{node.op_type[:60]}”, which is not allowed"
        _refuse(
            "bundle.operator_not_allowed", message, name, operator=node.op_type[:60], domain=node.domain[:60]
        )
    for attribute in node.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) or attribute.ref_attr_name:
            message = f"holds a graph inside the operator “{node.op_type}”, which is not allowed"
            _refuse("bundle.operator_not_allowed", message, name, operator=node.op_type)
        if attribute.type in (AttributeProto.SPARSE_TENSOR, AttributeProto.SPARSE_TENSORS):
            _refuse("bundle.operator_not_allowed", "holds sparse tensors, which are not allowed", name)


def _tensors(model: Any) -> Iterator[Any]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)


def _check_ports(model: Any, inputs: dict[str, Port], outputs: dict[str, Port], name: str) -> None:
    stored = {tensor.name for tensor in model.graph.initializer}
    _check_values([value for value in model.graph.input if value.name not in stored], inputs, "input", name)
    _check_values(model.graph.output, outputs, "output", name)


def _check_dim(model: Any, dim: int, name: str) -> None:
    stated = next(_axes(value)[1] for value in model.graph.output if value.name == OUTPUT)
    if stated not in (None, dim):
        raise BundleError("bundle.output_wrong_dim/stated", file=name, found=stated, dim=dim)


def _check_values(values: Iterable[Any], ports: dict[str, Port], what: str, name: str) -> None:
    found = {value.name: value for value in values}
    if set(found) != set(ports):
        message = f"must have the {what} {' and '.join(f'“{port}”' for port in ports)}, and no other"
        _refuse("bundle.graph_interface", message, name, found=sorted(found)[:8])
    for key, port in ports.items():
        kind, axes = found[key].type.tensor_type.elem_type, _axes(found[key])
        if kind != port.elem_type:
            wanted = TensorProto.DataType.Name(port.elem_type)
            _refuse("bundle.graph_interface", f"must have “{key}” of type {wanted}", name, value=key)
        if len(axes) != len(port.axes) or not all(map(_axis_fits, axes, port.axes, range(len(axes)))):
            shape = [length or "free" for length in port.axes]
            _refuse(
                "bundle.graph_interface",
                f"has “{key}” in a shape other than {shape}",
                name,
                value=key,
                found=list(axes),
            )


def _axis_fits(found: int | None, wanted: int | None, at: int) -> bool:
    """A free axis must be free (batches and texts differ in size), but what an output's width is may be stated.

    The batch may also be always of one: such a graph runs row by row.
    """
    return found is None or (found == wanted if wanted is not None else at > 0 or found == 1)


def _axes(value: Any) -> tuple[int | None, ...]:
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dims)


def _check_standard(model: Any, name: str) -> None:
    """Let ONNX's own checker look at it: types, attributes, order of the nodes."""
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError, TypeError) as error:
        raise _refusal("bundle.graph_invalid", "is not valid ONNX", name, reason=str(error)) from error


def _refuse(error_id: str, problem: str, name: str, **detail: Any) -> NoReturn:
    raise _refusal(error_id, problem, name, **detail)


def _refusal(error_id: str, problem: str, name: str, **detail: Any) -> BundleError:
    if "reason" in detail:
        detail["reason"] = detail["reason"][:500]
    return BundleError(error_id, file=name, problem=problem, **detail)
