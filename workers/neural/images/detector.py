"""Regions by torchvision's Faster R-CNN (Ren et al. 2015; as bottom-up attention, Anderson et al. 2018, uses it)."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FrozenBatchNorm2d, clip_boxes_to_image, nms

ARCHITECTURE = "fasterrcnn_resnet50_fpn"
CHANNELS = 1024
"""Width of the box head."""
CLASSES = 91
OVERLAP_MAX = 0.5
"""Two regions that share more than this (intersection over union) are one."""


def detector_network() -> FasterRCNN:
    """The `fasterrcnn_resnet50_fpn` of torchvision with random weights; its published weights fit."""
    backbone = resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, norm_layer=FrozenBatchNorm2d, trainable_layers=5
    )
    network = FasterRCNN(backbone, CLASSES)
    for module in network.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = 0.0  # as torchvision sets it for the published weights
    return network


class Detector(nn.Module):
    """Pixels (batch, 3, height, width) → the box features (batch, regions, 1024) of the best regions by score.

    Ordered by score; a picture with fewer regions is filled up with zeros. Pixels are scaled as for ImageNet's
    networks; pictures are not resized here. Always in evaluation mode: proposals of training need boxes to learn from.
    """

    def __init__(self, network: FasterRCNN, regions: int) -> None:
        super().__init__()
        self.backbone = network.backbone
        self.rpn = network.rpn
        self.roi_heads = network.roi_heads
        self.regions = regions
        self.eval()

    def train(self, mode: bool = True) -> "Detector":  # noqa: FBT001, FBT002  torch's signature
        """Stay in evaluation mode."""
        return super().train(mode=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        size = (pixels.shape[-2], pixels.shape[-1])
        sizes = [size] * len(pixels)
        maps = self.backbone(pixels)
        proposals, _ = self.rpn(ImageList(pixels, sizes), maps)
        heads = cast("Any", self.roi_heads)
        features = heads.box_head(heads.box_roi_pool(maps, proposals, sizes))
        logits, changes = heads.box_predictor(features)
        boxes = heads.box_coder.decode(changes, proposals)
        counts = [len(found) for found in proposals]
        parts = zip(*(part.split(counts) for part in (features, logits, boxes)), strict=True)
        return torch.stack([self._best(part, size) for part in parts])

    def _best(self, proposals: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor:
        """One picture's proposals (features (n, 1024), logits, boxes) → the best ones' features (regions, 1024)."""
        features, logits, boxes = proposals
        scores, classes = logits.softmax(1)[:, 1:].max(1)
        chosen = boxes[torch.arange(len(boxes), device=boxes.device), classes + 1]
        kept = best_boxes(clip_boxes_to_image(chosen, size), scores, self.regions)
        return pad(features[kept], (0, 0, 0, self.regions - len(kept)))


def best_boxes(boxes: Tensor, scores: Tensor, count: int) -> Tensor:
    """Indices, best first, of at most `count` boxes (n, 4) by `scores` (n), none much overlapping a better one.

    Whatever their classes: the few places are not spent on two names of one thing.
    """
    kept: Tensor = nms(boxes, scores, OVERLAP_MAX)[:count]
    return kept
