"""Pictures by any torchvision classification network and a linear map into the joint space (VSE++)."""

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from workers.neural.images.features import FeatureEncoder, HeadConfig
from workers.neural.images.padding import pad_like_tensorflow
from workers.neural.images.trunks import UsesTorchvision, cut_classifier


@dataclass(frozen=True, slots=True)
class CnnConfig(UsesTorchvision):
    """`architecture`: a torchvision name. `padding`: `tensorflow` for weights trained with its SAME padding."""

    kind: Literal["cnn"] = "cnn"
    architecture: str = "resnet152"
    padding: Literal["torch", "tensorflow"] = "torch"
    head: HeadConfig = field(default_factory=HeadConfig)

    def build(self, dim: int) -> FeatureEncoder:
        """The encoder into `dim` dimensions, with random weights."""
        network, width = self.build_trunk()
        return FeatureEncoder(network, width, dim, self.head)

    def trunk_of(self, network: nn.Module) -> tuple[nn.Module, int]:
        """A whole network as the trunk, and the number of its features; `network` itself is changed."""
        return cut_trunk(network, self.padding)


def cut_trunk(network: nn.Module, padding: str) -> tuple[nn.Module, int]:
    """A whole network without its classifier, and the number of its features; `network` itself is changed."""
    width = cut_classifier(network)
    if padding == "tensorflow":
        pad_like_tensorflow(network)
    return Trunk(network), width


class Trunk(nn.Module):
    """pixels (batch, 3, height, width) → features (batch, width) of a network without its classifier."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        features: Tensor = self.network(pixels)
        return features.flatten(1)
