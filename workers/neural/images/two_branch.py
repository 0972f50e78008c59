"""The picture side of the two-branch network: a torchvision network's features through two layers and a batch norm."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from workers.neural.images.cnn import cut_trunk
from workers.neural.images.features import FeatureEncoder, HeadConfig
from workers.neural.images.trunks import UsesTorchvision
from workers.neural.two_branch import TwoBranchHead


@dataclass(frozen=True, slots=True)
class TwoBranchImageConfig(UsesTorchvision):
    """`architecture` and `padding` as for `cnn`; `features` as for its head. `hidden`: width between the two layers."""

    kind: Literal["two-branch"] = "two-branch"
    architecture: str = "vgg19"
    padding: Literal["torch", "tensorflow"] = "torch"
    features: Literal["plain", "unit", "standard"] = "plain"
    hidden: int = 2048
    dropout: float = 0.5

    def build(self, dim: int) -> "TwoBranchImage":
        """The encoder into `dim` dimensions, with random weights."""
        return TwoBranchImage(self, dim)

    def trunk_of(self, network: nn.Module) -> tuple[nn.Module, int]:
        """A whole network as the trunk, and the number of its features; `network` itself is changed."""
        return cut_trunk(network, self.padding)


class TwoBranchImage(FeatureEncoder):
    """pixels (batch, 3, height, width), or (batch, crops, 3, height, width) → (batch, dim), not yet unit length."""

    def __init__(self, config: TwoBranchImageConfig, dim: int) -> None:
        trunk, width = config.build_trunk()
        super().__init__(trunk, width, dim, HeadConfig(features=config.features))
        self.linear = TwoBranchHead(width, config.hidden, dim, config.dropout)
