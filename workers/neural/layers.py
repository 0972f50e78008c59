"""Small operations that several parts share."""

import copy

import torch
from torch import Tensor, nn

# Large enough for half precision, small enough to leave any real vector's direction untouched.
LENGTH_EPSILON = 1e-6
# VSE++'s range for its word embeddings.
WORD_RANGE = 0.1


def unit_length(vectors: Tensor) -> Tensor:
    """Vectors (…, dim) scaled to Euclidean length 1, in float32; a zero vector stays zero instead of becoming NaN."""
    vectors = vectors.float()
    lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    unit: Tensor = vectors / lengths.clamp_min(LENGTH_EPSILON)
    return unit


def state_at_end(states: Tensor, lengths: Tensor) -> Tensor:
    """States (batch, length, dim) → the state of each row's last real token (batch, dim).

    A gather rather than a packed sequence: that one exports to ONNX with dynamic batch and length.
    """
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, states.shape[2])
    return states.gather(1, index).squeeze(1)


def token_mask(tokens: Tensor, lengths: Tensor) -> Tensor:
    """1 for real tokens, 0 for padding, (batch, length, 1), float32."""
    positions = torch.arange(tokens.shape[1], device=tokens.device)
    return (positions.unsqueeze(0) < lengths.unsqueeze(1)).unsqueeze(2).float()


def masked_mean(states: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
    """States (batch, length, dim) → the mean over each row's real tokens (batch, dim); `mask` is `token_mask`'s."""
    mean: Tensor = (states * mask.to(states.dtype)).sum(1) / lengths.unsqueeze(1).to(states.dtype)
    return mean


def without(module: nn.Module, name: str) -> nn.Module:
    """A shallow copy of the module without one of its parts, whose weights an export would otherwise carry along."""
    copied = copy.copy(module)
    copied._modules = {**module._modules, name: None}
    return copied
