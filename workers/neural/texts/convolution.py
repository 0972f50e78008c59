"""Captions by their words and the phrases that these make: a mean of word vectors beside a convolution's maxima.

The mean says which words there are; the largest answer of each kernel to any few words that follow each other says
that "black dog" is there rather than a dog and something black (Kim 2014).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from workers.neural.errors import ModelConfigError
from workers.neural.layers import WORD_RANGE, masked_mean, token_mask


@dataclass(frozen=True, slots=True)
class ConvolutionConfig:
    """`word_dim`: width of the word embedding. `kernels`: how many, each over `span` words, an odd number."""

    kind: Literal["convolution"] = "convolution"
    word_dim: int = 300
    kernels: int = 256
    span: int = 3
    dropout: float = 0.0

    def build(self, vocabulary: int, dim: int) -> "ConvolutionEncoder":
        """The encoder of a vocabulary of this many tokens into `dim` dimensions. ModelConfigError for an even span."""
        if self.span % 2 == 0:
            raise ModelConfigError(f"span must be an odd number of words, not {self.span}.")
        return ConvolutionEncoder(self, vocabulary, dim)


class ConvolutionEncoder(nn.Module):
    """Tokens (batch, length) padded with 0 and lengths (batch), int64 ≥ 1 → (batch, dim), not yet unit length."""

    def __init__(self, config: ConvolutionConfig, vocabulary: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, config.word_dim, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.phrases = nn.Conv1d(config.word_dim, config.kernels, config.span, padding=config.span // 2)
        self.project = nn.Linear(config.word_dim + config.kernels, dim)
        nn.init.uniform_(self.table.weight, -WORD_RANGE, WORD_RANGE)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        mask = token_mask(tokens, lengths)
        words = self.dropout(self.table(tokens))
        mean = masked_mean(words, mask, lengths)
        # What answers are cut off at 0, so is the padding, and no maximum is that of a place without a word.
        answers = self.phrases((words * mask).transpose(1, 2)).transpose(1, 2).clamp_min(0) * mask
        projected: Tensor = self.project(self.dropout(torch.cat((mean, answers.amax(1)), 1)))
        return projected
