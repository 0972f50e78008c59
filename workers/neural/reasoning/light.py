"""The light graph network of Refine-ITR: affinities from the nodes themselves and one small learned map."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from workers.neural.reasoning.layer import ReasoningLayer, check_layers


@dataclass(frozen=True, slots=True)
class LightConfig:
    """`layers`: how many times the nodes look at each other."""

    kind: Literal["light"] = "light"
    layers: int = 4

    def build(self, nodes: int, dim: int) -> nn.Sequential:
        """Reasoning over `nodes` nodes of `dim` dimensions: (batch, nodes, dim) → the same shape."""
        check_layers(self.layers)
        return nn.Sequential(*(ReasoningLayer(LightAffinity(nodes), dim) for _ in range(self.layers)))


class LightAffinity(nn.Module):
    """Nodes V (batch, K, D) → W_σ (V Vᵀ) (batch, K, K); W_σ is a learned K × K map and no sigmoid."""

    def __init__(self, nodes: int) -> None:
        super().__init__()
        # Begins as the plain mean of VSRN's form with φ = θ = identity.
        self.sigma = nn.Parameter(torch.eye(nodes) / nodes)

    def forward(self, nodes: Tensor) -> Tensor:
        """See the class."""
        relations: Tensor = self.sigma @ (nodes @ nodes.transpose(1, 2))
        return relations
