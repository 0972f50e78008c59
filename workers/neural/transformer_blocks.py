"""Transformers of published CLIP-like models, made of Hugging Face's `transformers`, imported when one is built.

Only typed numbers and names of a closed list reach its configs: no code, no address, no attention kernel of a stranger.
"""

import logging
from collections.abc import Iterable
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from workers.neural.errors import ModelConfigError

Activation = Literal["quick_gelu", "gelu", "gelu_pytorch_tanh"]
MAX_LAYERS, MAX_WIDTH, MAX_POSITIONS, MAX_PICTURE = 48, 4096, 8192, 2048
MIN_PATCH = 4


class TransformerShape(Protocol):
    """What the configs of both towers have: `layers` blocks of `width` values, with `heads` and `inner` of each."""

    @property
    def layers(self) -> int:
        """How many blocks follow each other."""
        ...

    @property
    def width(self) -> int:
        """How many values a token has."""
        ...

    @property
    def heads(self) -> int:
        """How many heads look at the tokens in each block."""
        ...

    @property
    def inner(self) -> int:
        """How many values the inner layer of each block has."""
        ...

    @property
    def activation(self) -> Activation:
        """What stands behind the inner layer."""
        ...

    @property
    def epsilon(self) -> float:
        """What layer normalisation adds to the variance."""
        ...


def transformers_library() -> Any:
    """The library. Raises ModelConfigError where it is not installed."""
    try:
        import transformers
    except ImportError:
        raise ModelConfigError(
            "The native weights of a CLIP-like model need transformers: pip install -r requirements.txt."
        ) from None
    logging.getLogger("transformers").setLevel(logging.ERROR)  # it warns of marks that no text here contains
    return transformers


def check_shape(shape: TransformerShape) -> None:
    """Raise ModelConfigError for sizes out of range, or where the heads cannot share the width equally."""
    sizes = ((shape.layers, MAX_LAYERS), (shape.width, MAX_WIDTH), (shape.inner, 4 * MAX_WIDTH))
    if not all(0 < size <= largest for size, largest in sizes) or not 0 < shape.epsilon < 1:
        raise ModelConfigError("A transformer's layers, width, inner or epsilon are out of range.")
    if shape.heads < 1 or shape.width % shape.heads:
        raise ModelConfigError(f"{shape.heads} heads cannot share {shape.width} values equally.")


def settings_of(shape: TransformerShape) -> dict[str, Any]:
    """The shape under the names of the library's configs."""
    return {
        "num_hidden_layers": shape.layers,
        "hidden_size": shape.width,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.inner,
        "hidden_act": shape.activation,
        "layer_norm_eps": shape.epsilon,
        "attn_implementation": "sdpa",
    }


def through(blocks: Iterable[nn.Module], states: Tensor, mask: Tensor | None = None) -> Tensor:
    """States (batch, tokens, width) through blocks; `mask` (…, tokens, tokens) is added to what attention compares."""
    for block in blocks:
        states = block(states, mask)
    return states
