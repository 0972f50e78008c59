"""Captions told from a picture's nodes: VSRN's auxiliary task (Li et al. 2019, section 3.3).

A picture whose nodes suffice to write its caption holds what captions are about. The decoder, which only training
needs, is a GRU with attention over the nodes (Luong et al. 2015: the state attends after its step, so that all steps
are computed at once).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from workers.neural.errors import ModelConfigError
from workers.neural.images.regions import RegionEncoder
from workers.neural.tokens import PAD_ID

if TYPE_CHECKING:
    from workers.neural.two_tower import TwoTower
    from workers.training.recipe import GenerationConfig


class Captioner(nn.Module):
    """Nodes (batch, K, D) and a caption's tokens but its last (batch, length) → each next word's logits.

    These are (batch, length, vocabulary).
    """

    def __init__(self, nodes: int, vocabulary: int, config: GenerationConfig) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, config.word_dim, padding_idx=PAD_ID)
        self.begin = nn.Linear(nodes, config.hidden)
        self.gru = nn.GRU(config.word_dim, config.hidden, batch_first=True)
        self.ask = nn.Linear(config.hidden, nodes, bias=False)
        self.join = nn.Linear(config.hidden + nodes, config.hidden)
        self.tell = nn.Linear(config.hidden, vocabulary)

    def forward(self, nodes: Tensor, tokens: Tensor) -> Tensor:
        """See the class."""
        start = torch.tanh(self.begin(nodes.mean(1)))
        states, _ = self.gru(self.table(tokens), start.unsqueeze(0))
        attention = torch.softmax(self.ask(states) @ nodes.transpose(1, 2), 2)
        logits: Tensor = self.tell(torch.tanh(self.join(torch.cat((states, attention @ nodes), 2))))
        return logits


def generation_loss(logits: Tensor, tokens: Tensor) -> Tensor:
    """Σ over words of −log P(word | nodes, words before it), the mean over captions, as VSRN's code scales it.

    `logits` (batch, length − 1, vocabulary) are for all `tokens` (batch, length) but the first; padding is not told.
    """
    words = cross_entropy(
        logits.float().flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=PAD_ID, reduction="sum"
    )
    return words / len(tokens)


def captioner_of(model: TwoTower, config: GenerationConfig) -> Captioner | None:
    """The decoder for this model's nodes; None where nothing is to be told. ModelConfigError for one without nodes."""
    if not config.weight:
        return None
    if not isinstance(model.image, RegionEncoder):
        raise ModelConfigError(
            "generation.weight needs an image encoder of the kind regions, which has nodes."
        )
    return Captioner(model.image.gru.input_size, model.config.vocabulary, config)
