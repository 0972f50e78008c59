"""Full-Network Embedding: every layer's activations, standardised and discretised (Garcia-Gasulla et al. 2017).

Activations of all convolutional and fully connected layers, averaged over space and over crops; z-score per feature
with the training pictures' statistics; z above `high` → 1, below `low` → −1, else 0; a linear map without bias into the
joint space (Vilalta et al. 2017).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, fx, nn

from workers.neural.errors import ModelConfigError
from workers.neural.images.features import FeatureEncoder, HeadConfig
from workers.neural.images.layers import Layer, end_with, layers_of, traced
from workers.neural.images.padding import pad_like_tensorflow
from workers.neural.images.trunks import UsesTorchvision, classifier_name

# Below it a feature counts as constant. The wider bound of other heads would silence narrow layers of some networks.
DEVIATION_EPSILON = 1e-5
Pool = Callable[[Tensor, bool], Tensor]


@dataclass(frozen=True, slots=True)
class FneConfig(UsesTorchvision):
    """`architecture`: a torchvision name. `padding`: `tensorflow` for weights trained with its SAME padding.

    `layers`: names of layers, or of parts of the network whose layers are taken; empty for all. `last`: only so many
    of these, counted from the end; 0 for all. `peaks`: each channel's maximum over space beside its mean, which the
    paper does not take. `discretise` off leaves the standardised features as they are. The thresholds `low` and `high`
    are in deviations from the mean.
    """

    kind: Literal["fne"] = "fne"
    architecture: str = "vgg16"
    padding: Literal["torch", "tensorflow"] = "torch"
    layers: tuple[str, ...] = ()
    last: int = 0
    peaks: bool = False
    discretise: bool = True
    low: float = -0.25
    high: float = 0.15
    bias: bool = False
    dropout: float = 0.0

    def build(self, dim: int) -> "FneEncoder":
        """The encoder into `dim` dimensions, with random weights. ModelConfigError for a layer that is not there."""
        return FneEncoder(self, dim)

    def trunk_of(self, network: nn.Module) -> tuple[nn.Module, int]:
        """A whole network as the trunk, and the number of its features; `network` itself is changed."""
        classifier = classifier_name(network)
        if self.padding == "tensorflow":
            pad_like_tensorflow(network)
        graph = traced(network)
        layers = self._chosen(layers_of(graph, classifier))
        pools = (_spatial_mean, _spatial_peak) if self.peaks else (_spatial_mean,)
        width = len(pools) * sum(layer.channels for layer in layers)
        return _all_features(graph, layers, pools), width

    def _chosen(self, layers: list[Layer]) -> list[Layer]:
        for name in self.layers:
            if not any(_lies_in(layer.name, name) for layer in layers):
                raise ModelConfigError(f"{self.architecture} has no layer {name!r}.")
        if self.layers:
            layers = [layer for layer in layers if any(_lies_in(layer.name, name) for name in self.layers)]
        if not 0 <= self.last <= len(layers):
            raise ModelConfigError(f"last must be 0 to {len(layers)}, the number of layers, not {self.last}.")
        return layers[-self.last :]


class FneEncoder(FeatureEncoder):
    """pixels (batch, 3, height, width), or (batch, crops, 3, height, width) → (batch, dim), not yet unit length."""

    def __init__(self, config: FneConfig, dim: int) -> None:
        trunk, width = config.build_trunk()
        super().__init__(trunk, width, dim, HeadConfig("standard", config.bias, config.dropout))
        self.fne = config

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Keep the training pictures' mean and deviation (width)."""
        self.mean = mean.float()
        self.deviation = deviation.float().clamp_min(DEVIATION_EPSILON)

    def _normalised(self, features: Tensor) -> Tensor:
        z = super()._normalised(features.float())
        return ternary(z, self.fne.low, self.fne.high) if self.fne.discretise else z


def ternary(z: Tensor, low: float, high: float) -> Tensor:
    """1 where z > high, −1 where z < low, else 0, float32, of the same shape."""
    return (z > high).float() - (z < low).float()


def _all_features(graph: fx.GraphModule, layers: list[Layer], pools: Sequence[Pool]) -> fx.GraphModule:
    """The network whose result is every layer's pooled values, (batch, width), and nothing behind it."""
    means = []
    for layer in layers:
        # At once behind the layer: a later operation may change its values in place.
        with graph.graph.inserting_after(layer.node):
            given = (layer.node, layer.channels_last)
            means += [graph.graph.call_function(pool, given) for pool in pools]
    end = next(node for node in graph.graph.nodes if node.op == "output")
    with graph.graph.inserting_before(end):
        joined = graph.graph.call_function(torch.cat, (means, 1))
    end_with(graph, joined)
    return graph


def _spatial_mean(values: Tensor, channels_last: bool) -> Tensor:  # noqa: FBT001  the graph calls it by place
    """(batch, channels, height, width), or channels last with any axes between, → (batch, channels)."""
    if values.dim() == 2:
        return values
    # Both axes at once: flattened first, the values would be copied into another layout on their way.
    return values.flatten(1, -2).mean(1) if channels_last else values.mean((2, 3))


def _spatial_peak(values: Tensor, channels_last: bool) -> Tensor:  # noqa: FBT001  the graph calls it by place
    """(batch, channels, height, width), or channels last with any axes between, → (batch, channels)."""
    if values.dim() == 2:
        return values
    return values.flatten(1, -2).amax(1) if channels_last else values.amax((2, 3))


def _lies_in(layer: str, part: str) -> bool:
    return layer == part or layer.startswith(f"{part}.")
