"""LoRA (Hu et al. 2022): what a pretrained linear map learns is a product of two narrow matrices beside its own weight.

W + B·A / √rank, where A is drawn at random and B begins as zeros, so that nothing has changed before something is
learned. Multiplied in, it costs nothing to serve.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

ADAPTED = ("q_proj", "v_proj", "query", "value")
"""How CLIP's, SigLIP's and BERT's blocks call the maps to queries and values."""


class LowRank(nn.Module):
    """A weight (out, in) → the weight with what was learned beside it."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.down = nn.Parameter(torch.randn(rank, columns) / columns**0.5)
        self.up = nn.Parameter(torch.zeros(rows, rank))
        self.scale = rank**-0.5

    def forward(self, weight: Tensor) -> Tensor:
        """See the class."""
        learned: Tensor = self.scale * (self.up @ self.down)
        return weight + learned


def add_low_rank(network: nn.Module, rank: int) -> int:
    """Freeze the network and let its attention learn beside its weights; how many maps do."""
    network.requires_grad_(requires_grad=False)
    maps = list(_maps(network))
    for linear in maps:
        # Its shape is that of the weight, which the check would compute once more for every map.
        parametrize.register_parametrization(linear, "weight", LowRank(linear.weight, rank), unsafe=True)
    return len(maps)


def merge_low_rank(network: nn.Module) -> None:
    """Multiply what was learned into the weights; the network has its own shape again."""
    for linear in _maps(network):
        if parametrize.is_parametrized(linear, "weight"):
            parametrize.remove_parametrizations(linear, "weight", leave_parametrized=True)


def _maps(network: nn.Module) -> Iterator[nn.Linear]:
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and name.rpartition(".")[2] in ADAPTED:
            yield module
