"""Graphs whose weights are stored in float16 give the vectors of the model that they were made of."""

from __future__ import annotations

import numpy as np
import openvino
import torch
from torch import nn

from workers.inference.precision import agreement
from workers.training.graphs import image_tower_graph


class Folded(nn.Module):
    """As batch norm leaves a kernel: its values are smaller than float16 can tell, and what follows makes up for it."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Conv2d(3, 96, 3, stride=2)
        self.head = nn.Linear(96, 512)
        with torch.no_grad():
            self.kernel.weight *= 1e-7
            self.kernel.bias.zero_()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.kernel(pixels).relu().mean((2, 3)) * 1e7)


def test_small_kernels_stay_exact_and_large_matrices_are_halved():
    torch.manual_seed(0)
    model = Folded().eval()
    pixels = torch.rand(4, 3, 32, 32)
    graph = image_tower_graph(model, 32, crops=False, half=True)
    core = openvino.Core()
    network = core.compile_model(core.read_model(graph), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    with torch.inference_mode():
        wanted = model(pixels).numpy()
    assert agreement(np.asarray(network([pixels.numpy()])[0]), wanted) > 0.99999
    assert len(graph) < 4 * model.kernel.weight.numel() + 2.2 * model.head.weight.numel()
