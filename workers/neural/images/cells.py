"""The cells of a network's last map as regions: what a grid says where no detector is wanted."""

import math

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.passes.fake_tensor_prop import FakeTensorProp
from torch.nn.functional import adaptive_avg_pool2d

from workers.neural.errors import ModelConfigError
from workers.neural.images.layers import end_with, traced
from workers.neural.images.padding import pad_like_tensorflow
from workers.neural.images.trunks import cut_classifier

# What torchvision's networks were made for; some take nothing else.
TRIAL_SIZE = 224
MAX_CELLS = 4096


class Cells(nn.Module):
    """Pixels (batch, 3, height, width) → cells (batch, grid², channels), row by row from the upper left.

    A map of another size is averaged to grid × grid.
    """

    def __init__(self, network: nn.Module, grid: int) -> None:
        super().__init__()
        self.network = network
        self.grid = grid

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        cells: Tensor = self.network(pixels)
        if cells.shape[2:] != (self.grid, self.grid):
            cells = adaptive_avg_pool2d(cells, self.grid)
        return cells.flatten(2).transpose(1, 2)


def cells_of(network: nn.Module, padding: str, cells: int) -> tuple[Cells, int]:
    """A whole classification network up to its last map, and its channels; `network` itself is changed.

    Raises ModelConfigError for a network without such a map, and for a number of cells that makes no square.
    """
    grid = math.isqrt(max(0, cells))
    if not 0 < cells <= MAX_CELLS or grid * grid != cells:
        raise ModelConfigError(f"Cells make a square: nodes must be 36, 49 or the like, not {cells}.")
    cut_classifier(network)
    if padding == "tensorflow":
        pad_like_tensorflow(network)
    graph = traced(network)
    node, channels = _last_map(graph)
    return Cells(_up_to(graph, node), grid), channels


class AveragedMap(nn.Module):
    """A network up to its last map, whose features are the average over it; see `grid.GridTrunk`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def map(self, pixels: Tensor) -> Tensor:
        """See the class."""
        maps: Tensor = self.network(pixels)
        return maps

    def pool(self, maps: Tensor) -> Tensor:
        """See the class."""
        return maps.mean((2, 3))

    def spread(self, maps: Tensor) -> Tensor:
        """See the class."""
        return maps.flatten(2).transpose(1, 2)


def averaged_map(network: nn.Module) -> tuple[AveragedMap, int]:
    """A network without its classifier up to its last map, and its channels; `network` stays as it is.

    Raises ModelConfigError for a network without such a map.
    """
    graph = traced(network)
    node, channels = _last_map(graph)
    return AveragedMap(_up_to(graph, node)), channels


def _last_map(graph: fx.GraphModule) -> tuple[fx.Node, int]:
    """The last value of the network that is still a map, and its channels."""
    pixels = torch.zeros(2, 3, TRIAL_SIZE, TRIAL_SIZE, device=next(graph.parameters()).device)
    FakeTensorProp(graph, FakeTensorMode(allow_non_fake_inputs=True)).propagate(pixels)
    maps = [node for node in graph.graph.nodes if _is_map(node)]
    if not maps or maps[-1].target == graph.graph.find_nodes(op="placeholder")[0].target:
        raise ModelConfigError("This network has no map of features.")
    if any(isinstance(module, nn.MultiheadAttention) for module in _behind(graph, maps[-1])):
        raise ModelConfigError("This network's features are no map: it attends to patches.")
    return maps[-1], int(maps[-1].meta["val"].shape[1])


def _is_map(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.dim() == 4 and min(value.shape[2:]) > 1


def _behind(graph: fx.GraphModule, last: fx.Node) -> list[nn.Module]:
    nodes = list(graph.graph.nodes)
    behind = nodes[nodes.index(last) + 1 :]
    return [graph.get_submodule(str(node.target)) for node in behind if node.op == "call_module"]


def _up_to(graph: fx.GraphModule, node: fx.Node) -> fx.GraphModule:
    end_with(graph, node)
    for other in graph.graph.nodes:
        other.meta.clear()  # what the trial left would be copied and kept with the model
    return graph
