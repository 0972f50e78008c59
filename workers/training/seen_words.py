"""Word vectors of words that no training caption has: nothing teaches them, so they say nothing and take no room.

A pretrained encoder's pieces of words are many times those that a few thousand captions use. Left at their random
beginnings, the others would add noise to a query, and rows to the graph.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from workers.neural.tokens import SPECIAL_TOKENS

_PACKED_BELOW = 0.5
"""The share of rows with values below which a table is packed: the numbers of its rows take room, too."""


def forget_unseen(tables: Iterable[nn.Embedding], tokens: Iterable[int]) -> int:
    """Set the rows of all but these tokens and the special ones to zero, where no gradient reaches them. How many."""
    seen = torch.tensor(sorted({*range(len(SPECIAL_TOKENS)), *tokens}))
    with torch.no_grad():
        for table in tables:
            unseen = torch.ones(table.num_embeddings, dtype=torch.bool)
            unseen[seen] = False
            table.weight[unseen] = 0
    return len(seen)


class PackedTable(nn.Module):
    """An embedding's rows that are not zero, and the place of each token's row; place 0 is a row of zeros."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        filled = table.weight.detach().any(1)
        places = torch.where(filled, filled.cumsum(0), 0)
        rows = table.weight.detach()[filled]
        self.places, self.rows = nn.Buffer(places), nn.Buffer(torch.cat((torch.zeros_like(rows[:1]), rows)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of any shape → their vectors, in one more dimension."""
        return nn.functional.embedding(
            nn.functional.embedding(tokens, self.places[:, None])[..., 0], self.rows
        )


def with_packed_tables(tower: nn.Module) -> nn.Module:
    """The module with each embedding inside it that is mostly rows of zeros packed, changed in place."""
    for name, child in list(tower.named_children()):
        if isinstance(child, nn.Embedding) and child.weight.any(1).float().mean() < _PACKED_BELOW:
            setattr(tower, name, PackedTable(child))
        else:
            with_packed_tables(child)
    return tower
