"""Which values of a network are its layers' activations, found in its graph.

A layer is a convolution or a fully connected one. Its activation is the first one behind it where nothing but
normalisation and a residual addition lies between; layers that share one (a block's last convolution and its shortcut)
count once. A layer without an activation, such as MobileNetV2's bottlenecks, counts as it is after its normalisation.
"""

import operator
from dataclasses import dataclass

import torch
from torch import fx, nn
from torch.nn import functional

from workers.neural.errors import ModelConfigError

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
_ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.LeakyReLU, nn.ELU,
    nn.Mish, nn.PReLU, nn.Tanh,
)  # fmt: skip
_ACTIVATING = {torch.relu, torch.sigmoid, functional.relu, functional.gelu, functional.silu}
_ADDING = {operator.add, operator.iadd, torch.add}


@dataclass(frozen=True, slots=True)
class Layer:
    """`name` in the network, its `channels`, the graph's `node` of its activation, and where the channels lie in it."""

    name: str
    channels: int
    node: fx.Node
    channels_last: bool


def traced(network: nn.Module) -> fx.GraphModule:
    """The network as a graph of torch's own modules, in evaluation mode. ModelConfigError where it has none."""
    try:
        return fx.symbolic_trace(network.eval())
    except (fx.proxy.TraceError, TypeError, RuntimeError) as error:
        raise ModelConfigError(f"This network's layers cannot be told apart: {error}.") from None


def layers_of(graph: fx.GraphModule, classifier: str) -> list[Layer]:
    """Every layer but the classifier, in the order of their activations."""
    found: dict[fx.Node, Layer] = {}
    modules = dict(graph.named_modules())
    for node in graph.graph.nodes:
        layer = modules.get(str(node.target)) if node.op == "call_module" else None
        if not isinstance(layer, nn.Conv2d | nn.Linear) or node.target == classifier:
            continue
        channels = layer.out_channels if isinstance(layer, nn.Conv2d) else layer.out_features
        end = _activation(node, modules)
        found.setdefault(end, Layer(str(node.target), channels, end, isinstance(layer, nn.Linear)))
    order = {node: place for place, node in enumerate(graph.graph.nodes)}
    return sorted(found.values(), key=lambda layer: order[layer.node])


def end_with(graph: fx.GraphModule, result: fx.Node) -> None:
    """Make `result` what the graph gives, and drop what is not needed for it."""
    end = next(node for node in graph.graph.nodes if node.op == "output")
    end.args = (result,)
    graph.graph.eliminate_dead_code()
    graph.delete_all_unused_submodules()
    graph.recompile()


def _activation(layer: fx.Node, modules: dict[str, nn.Module]) -> fx.Node:
    """Where the layer's activation is made, else where its normalised values are."""
    node = normalised = layer
    while len(node.users) == 1:
        node = next(iter(node.users))
        module = modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, _ACTIVATIONS) or node.target in _ACTIVATING:
            return node
        if isinstance(module, _NORMS):
            normalised = node
        elif node.target not in _ADDING:
            break
    return normalised
