"""Captions by a word embedding and a GRU whose last state is the text's vector (VSE++, Faghri et al. 2018)."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from workers.neural.layers import WORD_RANGE, masked_mean, state_at_end, token_mask


@dataclass(frozen=True, slots=True)
class GruConfig:
    """`word_dim`: width of the word embedding. `pool`: which states are taken: the last (the paper), or their mean.

    `hidden` 0 makes the GRU as wide as the joint space, as in the paper; any other size is mapped to it linearly.
    """

    kind: Literal["gru"] = "gru"
    word_dim: int = 300
    hidden: int = 0
    bidirectional: bool = False
    pool: Literal["last", "mean"] = "last"
    dropout: float = 0.0

    def build(self, vocabulary: int, dim: int) -> "GruEncoder":
        """The encoder of a vocabulary of this many tokens into `dim` dimensions."""
        return GruEncoder(self, vocabulary, dim)


class GruEncoder(nn.Module):
    """Tokens (batch, length) padded with 0 and lengths (batch), int64 ≥ 1 → (batch, dim), not yet unit length."""

    def __init__(self, config: GruConfig, vocabulary: int, dim: int) -> None:
        super().__init__()
        hidden = config.hidden or dim
        self.config = config
        self.table = nn.Embedding(vocabulary, config.word_dim, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(config.word_dim, hidden, batch_first=True)
        self.back = nn.GRU(config.word_dim, hidden, batch_first=True) if config.bidirectional else None
        self.project = nn.Linear(hidden, dim) if hidden != dim else nn.Identity()
        nn.init.uniform_(self.table.weight, -WORD_RANGE, WORD_RANGE)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        words = self.dropout(self.table(tokens))
        vector = self._pooled(self.gru(words)[0], tokens, lengths)
        if self.back is not None:
            reverse = _reversed(words, lengths)
            vector = (vector + self._pooled(self.back(reverse)[0], tokens, lengths)) / 2
        projected: Tensor = self.project(vector)
        return projected

    def _pooled(self, states: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
        if self.config.pool == "last":
            return state_at_end(states, lengths)
        return masked_mean(states, token_mask(tokens, lengths), lengths)


def _reversed(words: Tensor, lengths: Tensor) -> Tensor:
    """Each row's real tokens in reverse order, its padding left behind them."""
    positions = torch.arange(words.shape[1], device=words.device).unsqueeze(0)
    back = lengths.unsqueeze(1) - 1 - positions
    index = torch.where(back >= 0, back, positions).unsqueeze(2).expand(-1, -1, words.shape[2])
    return words.gather(1, index)
