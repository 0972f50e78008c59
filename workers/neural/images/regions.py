"""Pictures by the relations of their regions (VSRN, Li et al. 2019; Refine-ITR's light form).

Node features → linear map to D → reasoning → a GRU over the nodes, whose last state is the picture's vector.
"""

from dataclasses import dataclass, field
from typing import Literal, cast

from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN

from workers.neural.errors import ModelConfigError
from workers.neural.images.cells import cells_of
from workers.neural.images.detector import CHANNELS, Detector
from workers.neural.images.features import FeatureEncoder, HeadConfig
from workers.neural.images.trunks import UsesTorchvision
from workers.neural.reasoning.light import LightConfig
from workers.neural.reasoning.vsrn import VsrnConfig

MAX_WIDTH = 8192
MAX_PROPOSALS = 1000
"""What each of the detector's maps proposes at most."""


@dataclass(frozen=True, slots=True)
class RegionsConfig(UsesTorchvision):
    """`source`: the `cells` of the last map of a classification network, or the regions of a `detector`.

    `nodes`: K; for cells a square number, for the detector how many of its best regions. `architecture`: a torchvision
    name; for a detector `fasterrcnn_resnet50_fpn`. `padding`: of a classification network, `tensorflow` for weights
    trained with its SAME padding. `proposals`: among how many boxes the detector chooses its regions; the paper takes
    300, each of which costs the box head 14 million multiplications. `width`: D, the dimensions in which the nodes
    reason; 0 for those of the joint space.

    The nodes' features have unit length unless `head` says otherwise, as in VSRN's code: a layer multiplies three of
    them, so what is large in a picture unlike the training pictures would grow with its cube.
    """

    kind: Literal["regions"] = "regions"
    source: Literal["cells", "detector"] = "cells"
    architecture: str = "resnet152"
    padding: Literal["torch", "tensorflow"] = "torch"
    nodes: int = 49
    proposals: int = 300
    width: int = 0
    reasoning: VsrnConfig | LightConfig = field(default_factory=LightConfig)
    head: HeadConfig = field(default_factory=lambda: HeadConfig("unit"))

    def build(self, dim: int) -> "RegionEncoder":
        """The encoder into `dim` dimensions, with random weights."""
        return RegionEncoder(self, dim)

    def trunk_of(self, network: nn.Module) -> tuple[nn.Module, int]:
        """A whole network as the trunk, and the channels of its nodes; `network` itself is changed."""
        if isinstance(network, FasterRCNN) != (self.source == "detector"):
            raise ModelConfigError(f"{self.architecture} gives no regions of the source {self.source!r}.")
        if not isinstance(network, FasterRCNN):
            return cells_of(network, self.padding, self.nodes)
        if not 0 < self.nodes <= self.proposals <= MAX_PROPOSALS:
            raise ModelConfigError(
                f"nodes must be 1 to proposals, these at most {MAX_PROPOSALS}; not {self.nodes} of {self.proposals}."
            )
        return Detector(network, self.nodes, self.proposals), CHANNELS


class RegionEncoder(FeatureEncoder):
    """Pixels (batch, 3, height, width) → (batch, dim), not yet unit length; features are nodes (batch, K, channels)."""

    stored_half = True

    def __init__(self, config: RegionsConfig, dim: int) -> None:
        width = config.width or dim
        if not 0 < width <= MAX_WIDTH:
            raise ModelConfigError(f"width must be 0 to {MAX_WIDTH}, not {width}.")
        trunk, channels = config.build_trunk()
        super().__init__(trunk, channels, width, config.head)
        self.shape = (config.nodes, channels)
        self.reasoning = config.reasoning.build(config.nodes, width)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, dim) if width != dim else nn.Identity()

    def project(self, features: Tensor) -> Tensor:
        """Node features (batch, K, channels) → (batch, dim)."""
        return self.pool(self.reason(features))

    def reason(self, features: Tensor) -> Tensor:
        """Node features (batch, K, channels) → nodes that know of each other (batch, K, D)."""
        return cast("Tensor", self.reasoning(super().project(features)))

    def pool(self, nodes: Tensor) -> Tensor:
        """Nodes (batch, K, D), read one after the other, → (batch, dim)."""
        states, _ = self.gru(nodes)
        return cast("Tensor", self.out(states[:, -1]))
