"""Detectors whose random weights tell boxes apart: as they are drawn, all boxes are worth the same."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torchvision.models.detection import FasterRCNN

from workers.neural.images.detector import CLASSES


@torch.no_grad()
def enlarge(network: nn.Module | Any) -> None:
    """Enlarge the weights that score and move boxes, in place."""
    network.rpn.head.cls_logits.weight.mul_(30)
    network.rpn.head.bbox_pred.weight.mul_(10)
    network.roi_heads.box_predictor.cls_score.weight.mul_(3)


class SmallMaps(nn.Module):
    """Five maps of a picture, each half as large as the one before, by one convolution each."""

    out_channels = 8

    def __init__(self) -> None:
        super().__init__()
        widths = (3, *([self.out_channels] * 5))
        steps = (4, 2, 2, 2, 2)
        self.layers = nn.ModuleList(
            nn.Conv2d(one, other, 3, stride, 1)
            for one, other, stride in zip(widths, widths[1:], steps, strict=False)
        )

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the maps by name, the proposals' own last."""
        maps = {}
        for name, layer in zip(("0", "1", "2", "3", "pool"), self.layers, strict=True):
            maps[name] = pixels = layer(pixels).relu()
        return maps


def small_detector() -> FasterRCNN:
    """A detector of torchvision's make over small maps, with random weights that tell boxes apart."""
    network = FasterRCNN(SmallMaps(), CLASSES)
    enlarge(network)
    return network
