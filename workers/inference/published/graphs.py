"""A published encoder's graph with the ends that a bundle wants: our inputs before it, unit vectors behind it.

Its own nodes stay as they are; what is before and behind them is plain ONNX of opset 11 and later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, compose, helper

from workers.inference.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

OPSET_MIN = 11
MAX_BYTES = 2_000_000_000
"""Protocol buffers hold no more."""
_PREFIX = "net."
_IMAGE_OUTPUTS = ("image_embeds", "image_embedding", "embedding", "pooler_output")
_TEXT_OUTPUTS = ("text_embeds", "text_embedding", "embedding", "pooler_output")
_TOKENS = ("input_ids", "text", "tokens")
_MASK, _SEGMENTS = "attention_mask", "token_type_ids"
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)
_WHOLE = (TensorProto.INT64, TensorProto.INT32)


@dataclass(frozen=True)
class Padding:
    """How the published model's texts are padded.

    `token`: with which; `to`: always to one length; `attended`: whether the padding counts as words do.
    """

    token: int = 0
    to: int | None = None
    attended: bool = False


def refuse(problem: str) -> NoReturn:
    """Refuse a model that cannot become a bundle; raises BundleError `hub.cannot_convert`."""
    raise BundleError("hub.cannot_convert", problem=problem)


def read_graph(path: Path, weights: Path | None) -> Any:
    """Return a published graph; its weights may lie in the one file beside it, and nowhere else. Raises BundleError."""
    size = path.stat().st_size + (weights.stat().st_size if weights else 0)
    if size > MAX_BYTES:
        refuse("one of its graphs is larger than 2 GB")
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError, RecursionError):
        refuse(f"{path.name} is no ONNX model")
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            _take_in(tensor, weights)
    if any(node_has_graph(node) for node in model.graph.node) or model.functions:
        refuse("its graphs have control flow or functions of their own")
    if _opset(model) < OPSET_MIN:
        refuse(f"its graphs are of an ONNX version before opset {OPSET_MIN}")
    return model


def _take_in(tensor: Any, weights: Path | None) -> None:
    """Put a tensor's bytes into the graph, from the one file that was fetched with it, whatever the graph calls it."""
    about = {entry.key: entry.value for entry in tensor.external_data}
    if weights is None:
        refuse("a graph's weights lie in a file that is missing")
    try:
        start, length = int(about.get("offset", "0")), int(about["length"])
    except (KeyError, ValueError):
        refuse("a graph does not say where its weights lie")
    if start < 0 or length < 0 or start + length > weights.stat().st_size:
        refuse("a graph's weights lie beyond the end of their file")
    with weights.open("rb") as file:
        file.seek(start)
        tensor.raw_data = file.read(length)
    del tensor.external_data[:]
    tensor.data_location = TensorProto.DEFAULT


def node_has_graph(node: Any) -> bool:
    """Return whether an operator holds graphs of its own."""
    kinds = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
    return any(attribute.type in kinds for attribute in node.attribute)


def _opset(model: Any) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)


@dataclass(frozen=True)
class Input:
    """An input of a published graph: its name, element type, and axes, None for those that are free."""

    name: str
    kind: int
    axes: tuple[int | None, ...]


class PublishedTower:
    """One encoder of a published model, cut out of its graph: what leads to the encoder's output, and nothing else."""

    def __init__(self, model: Any, outputs: Sequence[str]) -> None:
        self._output = _copied(_output(model, outputs))
        _keep_only(model, self._output)
        self.inputs = {value.name: _input(value) for value in _inputs(model)}
        self._model = compose.add_prefix(model, _PREFIX, inplace=True)
        self._nodes = [_copied(node) for node in self._model.graph.node]
        self._constants: list[Any] = []

    def framed(
        self, inputs: Iterable[Any], before: Iterable[Any], constants: Iterable[Any], *, batches: bool
    ) -> Any:
        """Return the whole graph: our inputs, the nodes `before` that feed its own, and unit vectors behind it.

        It is one and the same graph each time, changed: its weights may be large.
        """
        kind, dim = self._output.type.tensor_type.elem_type, _axes(self._output)[-1]
        if kind not in _FLOATS:
            refuse("an encoder gives no vectors")
        behind = [
            _node("Cast", [_PREFIX + self._output.name], "ours.vectors", to=TensorProto.FLOAT),
            _node("LpNormalization", ["ours.vectors"], "embedding", axis=-1, p=2),
        ]
        graph = self._model.graph
        del graph.input[:], graph.output[:], graph.node[:]
        for tensor in self._constants:
            graph.initializer.remove(tensor)
        self._constants = list(constants)
        graph.input.extend(inputs)
        graph.node.extend([*before, *self._nodes, *behind])
        graph.initializer.extend(self._constants)
        shape = [_batch(batches=batches), dim or "dim"]
        graph.output.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, shape))
        return self._model


class PublishedImageTower(PublishedTower):
    """`pixels` (batch, 3, size, size) → `embedding` (batch, dim) of unit length."""

    def __init__(self, model: Any) -> None:
        super().__init__(model, _IMAGE_OUTPUTS)
        if len(self.inputs) != 1:
            refuse(f"its image encoder takes {', '.join(sorted(self.inputs)[:5])}")
        (self._input,) = self.inputs.values()
        if self._input.kind not in (*_FLOATS, TensorProto.UINT8) or len(self._input.axes) != 4:
            refuse("its image encoder takes no pictures")

    @property
    def takes_bytes(self) -> bool:
        """Whether it centres and scales pictures itself: (batch, size, size, 3) of bytes."""
        return self._input.kind == TensorProto.UINT8

    @property
    def size(self) -> int | None:
        """The side of the pictures, where the graph says it."""
        return self._input.axes[1 if self.takes_bytes else 2]

    def graph(self, size: int, *, batches: bool = True) -> Any:
        """Return the whole graph, for pictures of this side. Not `batches`: each batch is of one."""
        shape = [_batch(batches=batches), 3, size, size]
        pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)
        own, kind = _PREFIX + self._input.name, self._input.kind
        if not self.takes_bytes:
            return self.framed([pixels], [_node("Cast", ["pixels"], own, to=kind)], [], batches=batches)
        before = [
            _node("Mul", ["pixels", "ours.most"], "ours.scaled"),
            _node("Round", ["ours.scaled"], "ours.rounded"),
            _node("Transpose", ["ours.rounded"], "ours.last", perm=[0, 2, 3, 1]),
            _node("Cast", ["ours.last"], own, to=kind),
        ]
        most = helper.make_tensor("ours.most", TensorProto.FLOAT, [], [255.0])
        return self.framed([pixels], before, [most], batches=batches)


class PublishedTextTower(PublishedTower):
    """The inputs that a manifest's `text.feed` names → `embedding` (batch, dim) of unit length."""

    def __init__(self, model: Any) -> None:
        super().__init__(model, _TEXT_OUTPUTS)
        tokens = [name for name in self.inputs if name in _TOKENS]
        unknown = set(self.inputs) - {*_TOKENS, _MASK, _SEGMENTS}
        if len(tokens) != 1 or unknown or any(one.kind not in _WHOLE for one in self.inputs.values()):
            refuse(f"its text encoder takes {', '.join(sorted(self.inputs)[:5])}")
        self.tokens = tokens[0]

    @property
    def length(self) -> int | None:
        """How many tokens each text must have, where the graph says it."""
        axes = self.inputs[self.tokens].axes
        return axes[1] if len(axes) > 1 else None

    def fed(self, padding: Padding) -> tuple[str, ...]:
        """Return the inputs of the whole graph."""
        return tuple(name for name in self.inputs if name != _MASK or not padding.attended)

    def graph(self, padding: Padding, *, batches: bool = True) -> Any:
        """Return the whole graph. Not `batches`: each batch is of one."""
        shape = [_batch(batches=batches), padding.to or "length"]
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in self.fed(padding)]
        nodes, constants = [], []
        for name, one in self.inputs.items():
            given = name
            if name == _MASK and padding.attended:
                given = "ours.ones"
                constants = [helper.make_tensor("ours.one", TensorProto.INT64, [], [1])]
                nodes += [
                    _node("Sub", [self.tokens, self.tokens], "ours.zeros"),
                    _node("Add", ["ours.zeros", "ours.one"], given),
                ]
            nodes.append(_node("Cast", [given], _PREFIX + name, to=one.kind))
        return self.framed(inputs, nodes, constants, batches=batches)


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(operator, inputs, [output], name=f"ours/{output}", **attributes)


def _batch(*, batches: bool) -> str | int:
    return "batch" if batches else 1


def _inputs(model: Any) -> list[Any]:
    stored = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in stored]


def _input(value: Any) -> Input:
    return Input(value.name, value.type.tensor_type.elem_type, _axes(value))


def _axes(value: Any) -> tuple[int | None, ...]:
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dims)


def _output(model: Any, names: Sequence[str]) -> Any:
    """Return the output that is a vector for each input: by its usual names, or as the only one with two axes."""
    outputs = {value.name: value for value in model.graph.output}
    named = [outputs[name] for name in names if name in outputs]
    flat = [value for value in outputs.values() if len(_axes(value)) == 2]
    if not named and len(flat) != 1:
        refuse(f"none of its graph's outputs is known: {', '.join(sorted(outputs)[:5])}")
    return (named or flat)[0]


def _keep_only(model: Any, output: Any) -> None:
    """Leave out of a graph what does not lead to the output: other outputs, the other encoder, unused tensors."""
    graph, wanted = model.graph, {output.name}
    nodes = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            nodes.append(node)
            wanted.update(name for name in node.input if name)
    kept = {
        "node": nodes[::-1],
        "input": [value for value in graph.input if value.name in wanted],
        "initializer": [tensor for tensor in graph.initializer if tensor.name in wanted],
        "output": [output],
    }
    copies = {field: [_copied(one) for one in values] for field, values in kept.items()}
    for field, values in copies.items():
        graph.ClearField(field)
        getattr(graph, field).extend(values)
    graph.ClearField("value_info")  # shapes that a batch of one left behind
    for field in ("doc_string", "metadata_props", "quantization_annotation"):
        graph.ClearField(field)


def _copied(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
