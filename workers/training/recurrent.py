"""A GRU as one operation of a graph. Torch's exporter makes a loop of it first, which takes three times as long."""

from typing import Any

import torch
from onnxscript.onnx_opset import opset18
from torch import Tensor, nn


@torch.library.custom_op("sightline::gru_states", mutates_args=())
def gru_states(inputs: Tensor, weights: Tensor, recurrent: Tensor, biases: Tensor) -> Tensor:
    """Inputs (batch, length, width) → states (batch, length, hidden), from a state of zeros.

    The weights are ONNX's: (1, 3 hidden, width), (1, 3 hidden, hidden) and (1, 6 hidden), gates in the order z, r, h.
    """
    size = recurrent.shape[2]
    gru = nn.GRU(inputs.shape[2], size, batch_first=True, device=inputs.device).requires_grad_(
        requires_grad=False
    )
    parts = (weights[0], recurrent[0], *biases[0].chunk(2))
    for parameter, part in zip(gru.parameters(), parts, strict=True):
        parameter.copy_(_reordered(part))
    states: Tensor = gru(inputs)[0]
    return states


@gru_states.register_fake
def _(inputs: Tensor, _weights: Tensor, recurrent: Tensor, _biases: Tensor) -> Tensor:
    return inputs.new_empty(*inputs.shape[:2], recurrent.shape[2])


def gru_operator(inputs: Any, weights: Any, recurrent: Any, biases: Any) -> Any:
    """`gru_states` by ONNX's GRU, which takes (length, batch, width) and gives (length, direction, batch, hidden)."""
    operators: Any = opset18
    size = recurrent.shape[2]
    states, _last = operators.GRU(
        operators.Transpose(inputs, perm=[1, 0, 2]),
        weights,
        recurrent,
        biases,
        hidden_size=size,
        linear_before_reset=1,
    )
    return operators.Transpose(operators.Squeeze(states, [1]), perm=[1, 0, 2])


class OneGru(nn.Module):
    """A GRU of one layer and one direction, batch first, as one operation; its last state is not given."""

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        weights, recurrent, *biases = (_reordered(part.detach()) for part in gru.parameters())
        self.weights, self.recurrent = nn.Buffer(weights[None]), nn.Buffer(recurrent[None])
        self.biases = nn.Buffer(torch.cat(biases)[None])

    def forward(self, inputs: Tensor) -> tuple[Tensor, None]:
        """See the class."""
        return gru_states(inputs, self.weights, self.recurrent, self.biases), None


def with_one_grus(tower: nn.Module) -> nn.Module:
    """The module with each plain GRU inside it as one operation, changed in place."""
    for name, child in list(tower.named_children()):
        if (
            isinstance(child, nn.GRU)
            and child.num_layers == 1
            and child.batch_first
            and not child.bidirectional
        ):
            setattr(tower, name, OneGru(child))
        else:
            with_one_grus(child)
    return tower


def _reordered(gates: Tensor) -> Tensor:
    """Torch's gates r, z, n in ONNX's order z, r, h, and back."""
    first, second, third = gates.chunk(3)
    return torch.cat((second, first, third))
