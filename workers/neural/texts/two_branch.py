"""The text side of the two-branch network: the mean of the word vectors through two layers and a batch norm."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from workers.neural.layers import WORD_RANGE, masked_mean, token_mask
from workers.neural.two_branch import TwoBranchHead


@dataclass(frozen=True, slots=True)
class TwoBranchTextConfig:
    """`word_dim`: width of the word embedding. `hidden`: width between the two layers."""

    kind: Literal["two-branch"] = "two-branch"
    word_dim: int = 300
    hidden: int = 2048
    dropout: float = 0.5

    def build(self, vocabulary: int, dim: int) -> "TwoBranchText":
        """The encoder of a vocabulary of this many tokens into `dim` dimensions."""
        return TwoBranchText(self, vocabulary, dim)


class TwoBranchText(nn.Module):
    """Tokens (batch, length) padded with 0 and lengths (batch), int64 ≥ 1 → (batch, dim), not yet unit length."""

    def __init__(self, config: TwoBranchTextConfig, vocabulary: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, config.word_dim, padding_idx=0)
        self.head = TwoBranchHead(config.word_dim, config.hidden, dim, config.dropout)
        nn.init.uniform_(self.table.weight, -WORD_RANGE, WORD_RANGE)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        joint: Tensor = self.head(masked_mean(self.table(tokens), token_mask(tokens, lengths), lengths))
        return joint
