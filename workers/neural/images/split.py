"""A network in two parts at one of its modules: what stays as it is, and what is trained behind it.

Early layers of a pretrained network are much the same for every task, see the most pixels and so cost the most.
Computed once for a few views of each picture, they leave the rest to be trained in a small part of the time.
"""

from collections.abc import Sequence

from torch import Tensor, fx, nn

from workers.neural.errors import ModelConfigError
from workers.neural.images.layers import traced


def split_before(trunk: nn.Module, name: str) -> tuple[nn.Module, nn.Module]:
    """The trunk's layers before and from its network's module `name` on, such as `features.11` or `layer4`.

    `late(early(pixels))` is what the whole trunk gives; both are made of its own modules, so they share its weights.
    Raises ModelConfigError where there is no such module, or where more than one value crosses from before it to behind
    it, as in a DenseNet's blocks.
    """
    graph = trunk if isinstance(trunk, fx.GraphModule) else traced(trunk)
    nodes = [node for node in graph.graph.nodes if node.op != "output"]
    result = next(node for node in graph.graph.nodes if node.op == "output").args[0]
    start = next((place for place, node in enumerate(nodes) if _is_in(node, name)), None)
    if start is None or all(node.op == "placeholder" for node in nodes[:start]):
        raise ModelConfigError(f"start.tune_from: the network computes nothing in a module {name!r}.")
    before, behind = nodes[:start], nodes[start:]
    crossing = {used for node in behind for used in node.all_input_nodes if used in before}
    if len(crossing) != 1:
        raise ModelConfigError(
            f"start.tune_from: {len(crossing)} values cross into {name!r}; choose a module that only one leads to."
        )
    cut = crossing.pop()
    return _part(graph, before, None, cut), _part(graph, behind, cut, result)


def _is_in(node: fx.Node, module: str) -> bool:
    """Whether the node is of that module of the network, which some trunks hold within them."""
    target = str(node.target).removeprefix("network.")
    return node.op in {"call_module", "get_attr"} and f"{target}.".startswith(f"{module}.")


def _part(
    whole: fx.GraphModule, nodes: Sequence[fx.Node], given: fx.Node | None, result: fx.Node
) -> fx.GraphModule:
    """These nodes of the whole graph as a graph of their own, fed with the value of `given`."""
    graph, made = fx.Graph(), {}
    if given is not None:
        made[given] = graph.placeholder("given", type_expr=Tensor)
    for node in nodes:
        made[node] = graph.node_copy(node, made.__getitem__)
    graph.output(made[result])
    return fx.GraphModule(whole, graph)
