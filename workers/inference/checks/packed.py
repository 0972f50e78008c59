"""Packed sequences of TorchScript as padded ones with their lengths: the form that ONNX and OpenVINO compute alike.

`pack_padded_sequence` sorts texts by length and drops their padding. Here texts stay padded and in their order, a
recurrent layer runs over the padding too, and a text's last state is read at its length; backwards it reads each text
reversed within its length. The vectors are the same, which the caller compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

_PACK, _UNPACK = "aten::_pack_padded_sequence", "aten::_pad_packed_sequence"
_RECURRENT: dict[str, Any] = {
    "aten::gru": torch.gru,
    "aten::lstm": torch.lstm,
    "aten::rnn_tanh": torch.rnn_tanh,
    "aten::rnn_relu": torch.rnn_relu,
}
_MOVES = ("aten::to", "aten::contiguous", "aten::clone", "aten::detach", "aten::alias")
_SAMPLE_LENGTHS = (3, 2)
_BATCH_FIRST = True


def without_packing(graph: Any) -> None:
    """Replace what packs, what reads packed texts and what pads them again. Raises ValueError where that fails."""
    if not graph.findAllNodes(_PACK):
        return
    _Unsorted(graph).apply()
    for node in graph.findAllNodes(_PACK):
        _unpack(graph, node)


class _Unsorted:
    """Takes the sorting by length out of a graph: with texts in their order, it changes nothing to sort them."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._lengths = list(graph.inputs())[-1]
        self._orders: set[int] = set()

    def apply(self) -> None:
        """Walk through the graph once."""
        for node in list(self._graph.nodes()):
            kept = self._replacements(node)
            for output, value in kept:
                output.replaceAllUsesWith(value)
            if kept:
                node.destroy()

    def _replacements(self, node: Any) -> list[tuple[Any, Any]]:
        """Return what the node's outputs are when nothing is sorted, as (output, value)."""
        kind, inputs, outputs = node.kind(), list(node.inputs()), list(node.outputs())
        if kind in ("aten::as_tensor", "aten::tensor") and inputs[0].node().kind() == "prim::tolist":
            return [(outputs[0], inputs[0].node().inputsAt(0))]
        if kind in ("aten::sort", "aten::argsort"):
            return self._sorted(node, inputs[0], outputs)
        if kind in ("aten::scatter", "aten::scatter_") and self._is_order(inputs[2]):
            inputs[0].replaceAllUsesAfterNodeWith(node, inputs[2])
            return [(outputs[0], inputs[2])]
        if kind == "aten::index_select" and self._is_order(inputs[2]):
            return [(outputs[0], inputs[0])]
        if kind == "aten::index" and self._is_order(next(iter(inputs[1].node().inputs()))):
            return [(outputs[0], inputs[0])]
        return []

    def _sorted(self, node: Any, given: Any, outputs: list[Any]) -> list[tuple[Any, Any]]:
        if self._is_order(given):
            order = given
        elif source(given) == self._lengths:
            with self._graph.insert_point_guard(node):
                order = insert_call(
                    self._graph,
                    lambda lengths: torch.arange(lengths.size(0)),
                    [given],
                    [torch.ones(2, dtype=torch.int64)],
                )[0]
            self._orders.add(order.unique())
        else:
            return []
        return [(outputs[-1], order), *((first, given) for first in outputs[:-1])]

    def _is_order(self, value: Any) -> bool:
        return source(value).unique() in self._orders


def source(value: Any) -> Any:
    """Return the value of which this one is a copy, or the same on another device or in another type."""
    while value.node().kind() in _MOVES:
        value = value.node().inputsAt(0)
    return value


def _unpack(graph: Any, node: Any) -> None:
    given, lengths, batch_first = node.inputs()
    with graph.insert_point_guard(node):
        padded = (
            given
            if batch_first.toIValue()
            else insert_call(graph, lambda rows: rows.transpose(0, 1), [given], [torch.ones(2, 2, 2)])[0]
        )
    packed, batch_sizes = node.outputs()
    packed.replaceAllUsesWith(padded)
    for use in list(batch_sizes.uses()):
        user = use.user
        with graph.insert_point_guard(user):
            if user.kind() in _RECURRENT:
                _read_padded(graph, user, lengths)
            elif user.kind() == _UNPACK:
                _pad(graph, user, lengths)
            elif user.kind() in ("aten::select", "aten::size"):
                _count(graph, user, padded)
            else:
                raise ValueError(f"{user.kind()} reads the batch sizes of packed texts")
    node.destroy()


def _count(graph: Any, node: Any, padded: Any) -> None:
    """How many texts there are at the first word, or words in the longest text."""
    if node.kind() == "aten::size":
        axis, found = 1, "aten::size"
    elif node.inputsAt(2).toIValue() == 0:
        axis, found = 0, "aten::select"
    else:
        raise ValueError("the code reads how many texts have a certain word")
    length = graph.insertNode(graph.create("aten::size", [padded, graph.insertConstant(axis)], 1)).output()
    length.setType(torch._C.IntType.get())
    if found == "aten::select":
        length = graph.insertNode(graph.create("prim::NumToTensor", [length], 1)).output()
    node.output().replaceAllUsesWith(length)
    node.destroy()


@dataclass(frozen=True)
class _Layers:
    """The shape of a recurrent network."""

    run: Callable[..., tuple[Tensor, ...]]
    biased: bool
    layers: int
    directions: int
    states: int

    def forward(self, words: Tensor, lengths: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
        """Words (batch, length, width) → states of the last layer, and each layer's and direction's last state."""
        given, weights = rest[: self.states], rest[self.states :]
        each = len(weights) // (self.layers * self.directions)
        ends: list[Tensor] = []
        for _ in range(self.layers):
            both = []
            for back in range(self.directions):
                at = len(ends)
                own = weights[at * each : (at + 1) * each]
                start = [state[at : at + 1] for state in given] or self._zeros(words, own)
                states = self._read(_reversed(words, lengths) if back else words, start, own)
                ends.append(state_at(states, lengths - 1))
                both.append(_reversed(states, lengths) if back else states)
            words = torch.cat(both, 2)
        return words, torch.stack(ends)

    def _read(self, words: Tensor, start: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
        state = list(start) if self.run is torch.lstm else start[0]
        trained = both_ways = False
        return self.run(words, state, list(weights), self.biased, 1, 0.0, trained, both_ways, _BATCH_FIRST)[0]

    def _zeros(self, words: Tensor, weights: Sequence[Tensor]) -> list[Tensor]:
        zeros = words.new_zeros(1, words.size(0), weights[1].size(1))
        return [zeros, zeros]


def _reversed(rows: Tensor, lengths: Tensor) -> Tensor:
    """Each text's words in reverse order, its padding left behind them."""
    places = torch.arange(rows.size(1)).unsqueeze(0)
    back = lengths.unsqueeze(1) - 1 - places
    index = torch.where(back >= 0, back, places)
    return rows.gather(1, index.unsqueeze(2).expand(-1, -1, rows.size(2)))


def state_at(states: Tensor, places: Tensor) -> Tensor:
    """States (batch, length, width) and a place in each text (batch) → the states there (batch, width)."""
    return states.gather(1, places.view(-1, 1, 1).expand(-1, 1, states.size(2))).sum(1)


def _read_padded(graph: Any, node: Any, lengths: Any) -> None:
    words, _, hx, weights, biased, layers, _, _, both_ways = node.inputs()
    if node.kind() == "aten::lstm" and node.outputsAt(2).uses():
        raise ValueError("the code reads the cell state of an LSTM over packed texts")
    states = list(hx.node().inputs()) if node.kind() == "aten::lstm" else [hx]
    given = [] if all(source(state).node().kind() == "aten::zeros" for state in states) else states
    network = _Layers(
        _RECURRENT[node.kind()], biased.toIValue(), layers.toIValue(), 1 + both_ways.toIValue(), len(given)
    )
    samples = weights.toIValue() or [value.toIValue() for value in weights.node().inputs()]
    values = [words, lengths, *given, *map(graph.insertConstant, samples)]
    count = network.layers * network.directions
    rows = torch.ones(len(_SAMPLE_LENGTHS), max(_SAMPLE_LENGTHS), samples[0].size(1))
    state = torch.zeros(count, len(_SAMPLE_LENGTHS), samples[1].size(1))
    found = insert_call(
        graph, network.forward, values, [rows, torch.tensor(_SAMPLE_LENGTHS), *[state] * len(given), *samples]
    )
    for output, value in zip(node.outputs(), found, strict=False):
        output.replaceAllUsesWith(value)
    node.destroy()


def _pad(graph: Any, node: Any, lengths: Any) -> None:
    """States of all words with the padding value behind each text."""
    packed, _, batch_first, padding, _ = node.inputs()
    fill, first = float(padding.toIValue()), batch_first.toIValue()

    def forward(states: Tensor, lengths: Tensor) -> Tensor:
        inside = torch.arange(states.size(1)).unsqueeze(0) < lengths.unsqueeze(1)
        padded = torch.where(inside.unsqueeze(2), states, torch.tensor(fill))
        return padded if first else padded.transpose(0, 1)

    found = insert_call(
        graph, forward, [packed, lengths], [torch.ones(2, 3, 2), torch.tensor(_SAMPLE_LENGTHS)]
    )
    node.outputsAt(0).replaceAllUsesWith(found[0])
    node.outputsAt(1).replaceAllUsesWith(lengths)
    node.destroy()


def insert_call(
    graph: Any, function: Callable[..., Any], inputs: Sequence[Any], samples: Sequence[Tensor]
) -> list[Any]:
    """Insert a function of tensors into the graph, traced with samples; return its results there."""
    traced = torch.jit.trace(function, tuple(samples), check_trace=False)  # type: ignore[no-untyped-call]
    body = traced.inlined_graph
    torch._C._jit_pass_lower_all_tuples(body)
    return list(graph.insertGraph(body, list(inputs)))
