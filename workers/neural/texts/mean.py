"""Captions by the mean of their word vectors and a linear map: the plainest text encoder, and a strong one."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from workers.neural.layers import WORD_RANGE, masked_mean, token_mask


@dataclass(frozen=True, slots=True)
class MeanConfig:
    """`word_dim`: width of the word embedding."""

    kind: Literal["mean"] = "mean"
    word_dim: int = 300
    dropout: float = 0.0

    def build(self, vocabulary: int, dim: int) -> "MeanEncoder":
        """The encoder of a vocabulary of this many tokens into `dim` dimensions."""
        return MeanEncoder(self, vocabulary, dim)


class MeanEncoder(nn.Module):
    """Tokens (batch, length) padded with 0 and lengths (batch), int64 ≥ 1 → (batch, dim), not yet unit length."""

    def __init__(self, config: MeanConfig, vocabulary: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, config.word_dim, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.project = nn.Linear(config.word_dim, dim)
        nn.init.uniform_(self.table.weight, -WORD_RANGE, WORD_RANGE)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        mean = masked_mean(self.table(tokens), token_mask(tokens, lengths), lengths)
        projected: Tensor = self.project(self.dropout(mean))
        return projected
