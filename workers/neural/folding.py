"""Maps that follow each other, multiplied out once for inference."""

import torch
from torch import Tensor, nn


class Foldable(nn.Module):
    """A part that has a cheaper form of equal result for inference."""

    def folded(self) -> nn.Module:
        """The cheaper form, with what the part has learned until now."""
        raise NotImplementedError


def fold(model: nn.Module) -> nn.Module:
    """The model with each foldable part in its cheaper form, changed in place; only for evaluation mode."""
    for name, child in list(model.named_children()):
        if isinstance(child, Foldable):
            setattr(model, name, child.folded())
        else:
            fold(child)
    return model


@torch.no_grad()
def linear_of(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """A float32 linear map of this weight (out, in) and bias (out)."""
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device=weight.device)
    linear.weight.copy_(weight)
    if bias is not None:
        linear.bias.copy_(bias)
    return linear
