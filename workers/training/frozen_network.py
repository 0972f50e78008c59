"""A frozen network over crops of pictures; on a CPU by OpenVINO, in a fifth of torch's time for MobileNetV2."""

import warnings
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workers.inference.manifest import ImageSpec
from workers.inference.vino import openvino
from workers.neural.images.detector import Detector
from workers.training.recipe import PixelsConfig

Crops = NDArray[np.uint8]
Network = Callable[[Crops], NDArray[np.float32]]


def frozen_network(network: nn.Module, config: PixelsConfig) -> Network:
    """`network` in evaluation mode: crops uint8 (n, size, size, 3) → features float32 (n, …); for inference only.

    By torch on an accelerator, and for a detector, one of whose operations OpenVINO cannot read from torch.
    """
    whole = _FromBytes(network, config).eval()
    device = next(network.parameters()).device
    if device.type == "cpu" and not isinstance(network, Detector):
        return _compiled(whole, config.size)
    return lambda crops: whole(torch.from_numpy(crops).to(device)).float().cpu().numpy()


def to_input(pixels: Tensor, config: PixelsConfig | ImageSpec) -> Tensor:
    """uint8 (…, size, size, 3) → the network's input (…, 3, size, size): (v / 255 − mean) / std."""
    mean = torch.tensor(config.mean, device=pixels.device)
    std = torch.tensor(config.std, device=pixels.device)
    return ((pixels.float() / 255 - mean) / std).movedim(-1, -3)


class _FromBytes(nn.Module):
    def __init__(self, network: nn.Module, config: PixelsConfig) -> None:
        super().__init__()
        self.network = network
        self.config = config

    def forward(self, crops: Tensor) -> Tensor:
        return cast("Tensor", self.network(to_input(crops, self.config)))


def _compiled(network: nn.Module, size: int) -> Network:
    """Crop by crop: the activations of one stay in a core's cache, those of ten do not."""
    example = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of every shape that it takes as given
        model = openvino.convert_model(network, example_input=example, input=[list(example.shape)])
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
    }
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    return lambda crops: np.concatenate([compiled(crop[None])[0] for crop in crops])
