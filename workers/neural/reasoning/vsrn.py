"""VSRN's region reasoning (Li et al. 2019): affinities between two learned views of the nodes."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from workers.neural.folding import Foldable, linear_of
from workers.neural.reasoning.layer import ReasoningLayer, check_layers


@dataclass(frozen=True, slots=True)
class VsrnConfig:
    """`layers`: how many times the nodes look at each other."""

    kind: Literal["vsrn"] = "vsrn"
    layers: int = 4

    def build(self, nodes: int, dim: int) -> nn.Sequential:
        """Reasoning over `nodes` nodes of `dim` dimensions: (batch, nodes, dim) → the same shape."""
        check_layers(self.layers)
        return nn.Sequential(*(ReasoningLayer(VsrnAffinity(dim), dim) for _ in range(self.layers)))


class VsrnAffinity(Foldable):
    """Nodes V (batch, K, D) → R = φ(V) θ(V)ᵀ / K (batch, K, K) (eq. 1; its code divides by K)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.phi = nn.Linear(dim, dim, bias=False)
        self.theta = nn.Linear(dim, dim, bias=False)

    def forward(self, nodes: Tensor) -> Tensor:
        """See the class."""
        relations: Tensor = self.phi(nodes) @ self.theta(nodes).transpose(1, 2)
        return relations / nodes.shape[1]

    @torch.no_grad()
    def folded(self) -> "FoldedAffinity":
        """φ(V) θ(V)ᵀ = V (W_φᵀ W_θ) Vᵀ: one map instead of two."""
        return FoldedAffinity(linear_of(self.theta.weight.double().T @ self.phi.weight.double()))


class FoldedAffinity(nn.Module):
    """Nodes V (batch, K, D) → map(V) Vᵀ / K (batch, K, K); for inference only."""

    def __init__(self, change: nn.Linear) -> None:
        super().__init__()
        self.change = change

    def forward(self, nodes: Tensor) -> Tensor:
        """See the class."""
        relations: Tensor = self.change(nodes) @ nodes.transpose(1, 2)
        return relations / nodes.shape[1]
