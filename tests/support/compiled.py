"""Graphs run by OpenVINO as they are, in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workers.inference.vino import openvino

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch


def compiled(graph: Path) -> Callable[[torch.Tensor], np.ndarray]:
    """The graph as a function of its one input."""
    model = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = model.create_infer_request()

    def run(values: torch.Tensor) -> np.ndarray:
        request.infer([values.numpy()])
        return np.array(request.get_output_tensor(0).data)

    return run
