"""Texts by the transformer of a published CLIP-like model, and a linear map behind it."""

from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from workers.neural.errors import ModelConfigError
from workers.neural.layers import state_at_end
from workers.neural.texts.pretrained import PretrainedTextEncoder
from workers.neural.transformer_blocks import (
    MAX_POSITIONS,
    Activation,
    check_shape,
    settings_of,
    through,
    transformers_library,
)

MASKED = -1e9
"""Added to what attention compares where a token must not be seen; finite, so that no row becomes NaN."""
_MAX_TYPES = 16


@dataclass(frozen=True, slots=True)
class TransformerTextConfig:
    """The shape, that of CLIP ViT-B/32 by default; `positions`: the longest text, in tokens.

    `family`: `clip` lets each token see those before it and reads the last one; `siglip` fills every text up to
    `positions` with the token `pad`, sees all of it, the filling too, and reads the last place; `bert` (Chinese-CLIP)
    sees the text and reads the first token. `types`: kinds of segment that BERT knows, of which a text is the first.
    """

    kind: Literal["transformer"] = "transformer"
    family: Literal["clip", "siglip", "bert"] = "clip"
    layers: int = 12
    width: int = 512
    heads: int = 8
    inner: int = 2048
    positions: int = 77
    activation: Activation = "quick_gelu"
    epsilon: float = 1e-5
    pad: int = 0
    types: int = 2
    bias: bool = False
    dropout: float = 0.0

    def build(self, vocabulary: int, dim: int) -> "TransformerTextEncoder":
        """The encoder of a vocabulary of this many tokens into `dim` dimensions, with random weights.

        ModelConfigError for a size out of range.
        """
        check_shape(self)
        if not (2 < self.positions <= MAX_POSITIONS and 0 < self.types <= _MAX_TYPES):
            raise ModelConfigError("A text transformer's positions or types are out of range.")
        if not 0 <= self.pad < vocabulary:
            raise ModelConfigError("A text transformer's pad is not in its vocabulary.")
        return TransformerTextEncoder(self, vocabulary, dim)


class TransformerTextEncoder(PretrainedTextEncoder):
    """See `PretrainedTextEncoder`; a text longer than `positions` loses its last tokens."""

    def __init__(self, config: TransformerTextConfig, vocabulary: int, dim: int) -> None:
        project = nn.Linear(config.width, dim, bias=config.bias)
        super().__init__(TextTransformer(config, vocabulary), project, config.dropout)
        self.config = config

    @property
    def blocks(self) -> nn.ModuleList:
        """See `PretrainedTextEncoder`."""
        return cast("TextTransformer", self.pretrained).blocks


class TextTransformer(nn.Module):
    """Tokens (batch, length) and lengths (batch), int64 ≥ 1 → (batch, width); what is behind a text changes nothing."""

    def __init__(self, config: TransformerTextConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.network = _network(config, vocabulary)

    @property
    def blocks(self) -> nn.ModuleList:
        """The blocks in their order."""
        encoder = self.network.encoder
        return cast("nn.ModuleList", encoder.layer if self.config.family == "bert" else encoder.layers)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        most = self.config.positions
        tokens, lengths = tokens[:, :most], lengths.clamp(max=most)
        return {"clip": self._clip, "siglip": self._siglip, "bert": self._bert}[self.config.family](
            tokens, lengths
        )

    def _clip(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        mask = (places.unsqueeze(0) > places.unsqueeze(1)).float() * MASKED
        states = through(self.blocks, self.network.embeddings(tokens), mask[None, None])
        return state_at_end(self.network.final_layer_norm(states), lengths)

    def _siglip(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        most = self.config.positions
        places = torch.arange(tokens.shape[1], device=tokens.device)
        filled = torch.where(places < lengths.unsqueeze(1), tokens, self.config.pad)
        behind = torch.full((1, most), self.config.pad, device=tokens.device).expand(tokens.shape[0], -1)
        whole = torch.cat([filled, behind], 1)[:, :most]
        states = through(self.blocks, self.network.embeddings(whole))
        return cast("Tensor", self.network.final_layer_norm(states[:, -1]))

    def _bert(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        mask = (places >= lengths.unsqueeze(1)).float() * MASKED
        parts = self.network.embeddings
        # Every text is one segment, of the first type.
        states = parts.word_embeddings(tokens) + parts.token_type_embeddings.weight[0]
        states = parts.LayerNorm(states + parts.position_embeddings.weight[: tokens.shape[1]])
        return through(self.blocks, states, mask[:, None, None])[:, :1].flatten(1)


def _network(config: TransformerTextConfig, vocabulary: int) -> Any:
    library = transformers_library()
    settings = settings_of(config) | {
        "max_position_embeddings": config.positions,
        "vocab_size": vocabulary,
        "pad_token_id": config.pad,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    if config.family == "clip":
        return library.CLIPTextModel(library.CLIPTextConfig(**settings))
    if config.family == "siglip":
        network = library.SiglipTextModel(library.SiglipTextConfig(**settings, projection_size=config.width))
        network.head = nn.Identity()  # it is the encoder's `project`
        return network
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    described = library.ChineseCLIPTextConfig(**settings, **off, type_vocab_size=config.types)
    return library.ChineseCLIPTextModel(described, add_pooling_layer=False)
