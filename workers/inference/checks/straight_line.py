"""TorchScript as straight-line code, which is all that ONNX without control flow can say.

`torch.jit.script` keeps every `if` of the modules that it compiles, those of `torch.nn.GRU` included: whether the input
is packed, whether there is an initial state, which branch raises. Which way an encoder goes is tried out on examples;
whether it goes the same way for others is for the caller to compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from workers.inference.checks.packed import insert_call, source, state_at, without_packing

if TYPE_CHECKING:
    from collections.abc import Sequence

    Example = tuple[torch.Tensor, ...]

_NESTED_MAX = 32
_STATES = 3
"""Axes of a recurrent layer's states: batch, words, width."""
_SILENT = ("aten::warn", "prim::Print")


def straight_line(module: Any, examples: Sequence[Example]) -> Any:
    """Return a function without branches, loops and packed sequences that does what the module does on the examples.

    The examples differ in every size that must stay free; the shorter one comes last. Raises ValueError.
    """
    graph = _frozen(module)
    _for_the_cpu(graph)
    _decide_branches(graph, examples[-1])
    without_packing(graph)
    _read_states_by_gathering(graph, examples[-1])
    torch._C._jit_pass_dce(graph)
    _note_shapes(graph, examples)
    _squeeze_by_adding(graph)
    return _function(graph)


def _frozen(module: Any) -> Any:
    """The module's code with its weights as constants and every call inlined."""
    graph = torch._C._freeze_module(module._c).forward.graph.copy()  # type: ignore[attr-defined]
    torch._C._jit_pass_inline(graph)
    if next(iter(graph.inputs())).uses():
        raise ValueError("the code changes its own weights or settings")
    graph.eraseInput(0)
    return graph


def _for_the_cpu(graph: Any) -> None:
    """Forget the device on which the code was written, and what it prints."""
    for node in _every_node(graph):
        if node.kind() == "prim::Constant" and str(node.output().type()) == "Device":
            node.s_("value", "cpu")
        elif node.kind() in ("aten::cpu", "aten::cuda"):
            node.output().replaceAllUsesWith(node.inputsAt(0))
            node.destroy()
        elif node.kind() in _SILENT:
            node.destroy()


def _every_node(block: Any) -> list[Any]:
    """All nodes, those of inner blocks before the node that holds them."""
    found = []
    for node in block.nodes():
        for inner in node.blocks():
            found += _every_node(inner)
        found.append(node)
    return found


def _decide_branches(graph: Any, example: Example) -> None:
    """Replace each `if` by the branch that the example takes, the outermost first, and unroll what repeats fixedly."""
    for _ in range(_NESTED_MAX):
        _simplify(graph)
        branches = [node for node in graph.nodes() if node.kind() == "prim::If"]
        if not branches:
            break
        _decide(graph, branches, example)
    kinds = {node.kind() for node in _every_node(graph)}
    if kinds & {"prim::If", "prim::Loop"}:
        raise ValueError("the code keeps a loop whose number of turns depends on its input")


def _decide(graph: Any, branches: list[Any], example: Example) -> None:
    chosen = values(graph, [node.inputsAt(0) for node in branches], example)
    for node, choice in zip(branches, chosen, strict=True):
        with graph.insert_point_guard(node):
            node.replaceInput(0, graph.insertConstant(bool(choice)))


def _simplify(graph: Any) -> None:
    torch._C._jit_pass_constant_loop_unrolling(graph)  # type: ignore[attr-defined]
    torch._C._jit_pass_constant_propagation(graph)
    torch._C._jit_pass_lower_all_tuples(graph)
    torch._C._jit_pass_peephole(graph)
    torch._C._jit_pass_peephole_list_idioms(graph)  # type: ignore[attr-defined]
    torch._C._jit_pass_dce(graph)


def values(graph: Any, wanted: Sequence[Any], example: Example) -> Sequence[Any]:
    """Return what these values of the graph are for an example."""
    places: dict[int, Any] = {value.unique(): None for value in wanted}
    for at, node in enumerate(graph.nodes()):
        places.update((out.unique(), (at, out.offset())) for out in node.outputs() if out.unique() in places)
    copy = graph.copy()
    nodes = list(copy.nodes())
    for _ in list(copy.outputs()):
        copy.eraseOutput(0)
    for at, output in (places[value.unique()] for value in wanted):
        copy.registerOutput(nodes[at].outputsAt(output))
    copy.makeMultiOutputIntoTuple()
    found: tuple[Any, ...] = _function(copy)(*example)
    return found


def _note_shapes(graph: Any, examples: Sequence[Example]) -> None:
    """Write the type and rank of every tensor into the graph, and those sizes that all examples share."""
    tensors = [
        output
        for node in graph.nodes()
        if node.kind() != "prim::Constant"
        for output in node.outputs()
        if output.type().kind() == "TensorType"
    ]
    for output, *seen in zip(
        tensors, *(values(graph, tensors, example) for example in examples), strict=True
    ):
        sizes = [
            same[0] if len(set(same)) == 1 else None
            for same in zip(*(one.shape for one in seen), strict=True)
        ]
        output.setType(torch._C.TensorType.create_from_tensor(seen[0]).with_sizes(sizes))


def _read_states_by_gathering(graph: Any, example: Example) -> None:
    """Replace `states[rows, lengths - 1]`, whose place in a flattened table could not be bounded."""
    for node in graph.findAllNodes("aten::index"):
        states, entries = node.inputsAt(0), list(node.inputsAt(1).node().inputs())
        counted = [source(entry).node().kind() == "aten::arange" for entry in entries]
        if (
            counted not in ([True, False], [False, True])
            or values(graph, [states], example)[0].dim() != _STATES
        ):
            continue
        read = state_at if counted[0] else _state_of_words_first
        with graph.insert_point_guard(node):
            samples = [torch.ones(2, 2, 2), torch.ones(2, dtype=torch.int64)]
            found = insert_call(graph, read, [states, entries[counted.index(False)]], samples)
        node.output().replaceAllUsesWith(found[0])
        node.destroy()


def _state_of_words_first(states: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return state_at(states.transpose(0, 1), places)


def _squeeze_by_adding(graph: Any) -> None:
    """Take axes of length one away by adding up their only entries: the exporter asks for the length at run time."""
    for node in graph.findAllNodes("aten::squeeze"):
        given = node.inputsAt(0)
        sizes = given.type().varyingSizes()
        axis = node.inputsAt(1).toIValue() if node.inputsSize() == 2 else None
        if not isinstance(axis, int) or sizes is None or sizes[axis] != 1:
            continue
        with graph.insert_point_guard(node):
            constants = [graph.insertConstant(value) for value in ([axis], False, None)]
            added = graph.insertNode(graph.create("aten::sum", [given, *constants], 1)).output()
        added.setType(node.output().type())
        node.output().replaceAllUsesWith(added)
        node.destroy()


def _function(graph: Any) -> Any:
    return torch._C._create_function_from_graph("forward", graph)
