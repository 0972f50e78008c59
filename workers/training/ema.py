"""The exponential moving average of a model's weights, which finds more than the weights of any one step.

After each step, mean ← d · mean + (1 − d) · weights (Polyak and Juditsky 1992, as Tarvainen and Valpola
2017 use it). The first steps take a smaller d, so that the beginning is soon forgotten.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

WARM_UP_STEPS = 10


class Ema(nn.Module):
    """The average of the weights that are trained and of what the model counts along, such as batch norm's statistics.

    Part of a checkpoint, beside the weights of the last step. With `decay` 0 there is none and nothing happens.
    """

    steps: Tensor

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.decay = decay
        # In a tuple, since a module's own child would be written twice into every checkpoint.
        self._model = (model,)
        if decay:
            self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        for place, value in enumerate(self._values()):
            self.register_buffer(f"mean{place}", value.detach().clone())

    def _values(self) -> list[Tensor]:
        if not self.decay:
            return []
        trained = [weights for weights in self._model[0].parameters() if weights.requires_grad]
        return [*trained, *(kept for kept in self._model[0].buffers() if kept.is_floating_point())]

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        return [(self.get_buffer(f"mean{place}"), value) for place, value in enumerate(self._values())]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        if not self.decay:
            return
        self.steps += 1
        steps = int(self.steps)
        decay = min(self.decay, steps / (steps + WARM_UP_STEPS))
        for mean, value in self._pairs():
            mean.lerp_(value, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Let the means be the model's weights and keep the weights instead; a second call takes it back."""
        for mean, value in self._pairs():
            kept = value.clone()
            value.copy_(mean)
            mean.copy_(kept)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model with its averaged weights, for as long as it is measured."""
        self.swap()
        try:
            yield
        finally:
            self.swap()
