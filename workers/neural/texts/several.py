"""Several text encoders side by side: each fills a part of the joint space.

With `similarity.parts` of the same number each learns by a loss of its own, and its errors are its own: what one
mistakes, the others outvote, as with separate models, though they share one image network.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from workers.neural.errors import ModelConfigError
from workers.neural.texts.convolution import ConvolutionConfig
from workers.neural.texts.gru import GruConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.texts.sentence import SentenceConfig
from workers.neural.texts.two_branch import TwoBranchTextConfig

SingleTextConfig = ConvolutionConfig | GruConfig | MeanConfig | SentenceConfig | TwoBranchTextConfig


@dataclass(frozen=True, slots=True)
class SeveralConfig:
    """`encoders`, each with word vectors of its own, into equal parts of the joint space, in their order."""

    kind: Literal["several"] = "several"
    encoders: tuple[SingleTextConfig, ...] = (MeanConfig(), ConvolutionConfig())

    def build(self, vocabulary: int, dim: int) -> "SeveralEncoder":
        """The encoders of a vocabulary of this many tokens into `dim` dimensions together.

        ModelConfigError where they cannot share these equally.
        """
        if not self.encoders or dim % len(self.encoders):
            raise ModelConfigError(
                f"{len(self.encoders)} text encoders cannot share {dim} dimensions equally."
            )
        return SeveralEncoder(self, vocabulary, dim)


class SeveralEncoder(nn.Module):
    """Tokens (batch, length) padded with 0 and lengths (batch), int64 ≥ 1 → (batch, dim), not yet unit length."""

    def __init__(self, config: SeveralConfig, vocabulary: int, dim: int) -> None:
        super().__init__()
        share = dim // len(config.encoders)
        self.encoders = nn.ModuleList(encoder.build(vocabulary, share) for encoder in config.encoders)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        return torch.cat([encoder(tokens, lengths) for encoder in self.encoders], 1)
