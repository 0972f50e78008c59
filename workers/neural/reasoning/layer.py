"""What both kinds of region reasoning share: nodes take up what their relations tell them, as a residual.

V* = BN((A V W_g) W_r) + V, with V the nodes (batch, K, D) and A their affinities (batch, K, K) (VSRN, Li et al. 2019,
eq. 4). Batch norm on the branch begins at zero, so that a new stack of layers changes nothing.
"""

from typing import cast

import torch
from torch import Tensor, nn

from workers.neural.errors import ModelConfigError
from workers.neural.folding import Foldable, linear_of

MAX_LAYERS = 64


class ReasoningLayer(Foldable):
    """Nodes (batch, K, D) → (batch, K, D). `affinity`: a module from nodes to (batch, K, K).

    A V is computed first: both orders cost the same, and W_g and W_r then stand side by side and can be folded.
    """

    def __init__(self, affinity: nn.Module, dim: int) -> None:
        super().__init__()
        self.affinity = affinity
        self.gather = nn.Linear(dim, dim, bias=False)
        # Without a bias: batch norm brings its own.
        self.response = nn.Linear(dim, dim, bias=False)
        self.norm = nn.BatchNorm1d(dim)
        nn.init.zeros_(self.norm.weight)

    def forward(self, nodes: Tensor) -> Tensor:
        """See the class."""
        seen = self.response(self.gather(self.affinity(nodes) @ nodes))
        changed: Tensor = nodes + self.norm(seen.flatten(0, 1)).view_as(nodes)
        return changed

    def folded(self) -> "FoldedLayer":
        """The same in evaluation mode with W_g, W_r and batch norm as one map: half the multiplications."""
        affinity = self.affinity.folded() if isinstance(self.affinity, Foldable) else self.affinity
        return FoldedLayer(affinity, self._one_map())

    @torch.no_grad()
    def _one_map(self) -> nn.Linear:
        running_mean, running_var = (
            cast("Tensor", self.norm.running_mean),
            cast("Tensor", self.norm.running_var),
        )
        scale = self.norm.weight.double() / (running_var.double() + self.norm.eps).sqrt()
        weight = scale[:, None] * (self.response.weight.double() @ self.gather.weight.double())
        return linear_of(weight, self.norm.bias.double() - running_mean.double() * scale)


class FoldedLayer(nn.Module):
    """Nodes (batch, K, D) → nodes + map(A nodes); for inference only."""

    def __init__(self, affinity: nn.Module, change: nn.Linear) -> None:
        super().__init__()
        self.affinity = affinity
        self.change = change

    def forward(self, nodes: Tensor) -> Tensor:
        """See the class."""
        changed: Tensor = nodes + self.change(self.affinity(nodes) @ nodes)
        return changed


def check_layers(layers: int) -> None:
    """Raises ModelConfigError for a number of layers that nobody means."""
    if not 0 <= layers <= MAX_LAYERS:
        raise ModelConfigError(f"reasoning.layers must be 0 to {MAX_LAYERS}, not {layers}.")
