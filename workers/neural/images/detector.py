"""Regions by torchvision's Faster R-CNN (Ren et al. 2015; as bottom-up attention, Anderson et al. 2018, uses it).

Every step has a shape that follows from the pixels' alone, whatever is in the picture: so many proposals, of which
those that do not count are masked. So pictures of a batch go through together, and all of it is one ONNX graph.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops import FrozenBatchNorm2d, clip_boxes_to_image, roi_align

from workers.neural.images.suppression import kept_boxes

ARCHITECTURE = "fasterrcnn_resnet50_fpn"
CHANNELS = 1024
"""Width of the box head."""
CLASSES = 91
PROPOSALS_OVERLAP_MAX = 0.7
OVERLAP_MAX = 0.5
"""Two regions that share more than this (intersection over union) are one."""
BOX_SIZE_MIN = 1e-3  # pixels
POOLED, SAMPLES = 7, 2
"""A box's cells on a side, and the samples on a side of each."""
WHOLE_SIDE, WHOLE_LEVEL = 224, 2
"""A box of this side is pooled from this of the maps; one of half the side from the map before it."""


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

    They are chosen among the best `proposals` of the picture and ordered by score; zeros fill up what is missing.
    Pixels are scaled as for ImageNet's networks; pictures are not resized here. Always in evaluation mode: proposals of
    training need boxes to learn from.
    """

    def __init__(self, network: FasterRCNN, regions: int, proposals: int) -> None:
        super().__init__()
        self.backbone = network.backbone
        self.rpn: Any = network.rpn
        self.roi_heads: Any = network.roi_heads
        self.regions = regions
        self.proposals = proposals
        self.eval()

    def train(self, mode: bool = True) -> "Detector":  # noqa: FBT001, FBT002  torch's signature
        """Stay in evaluation mode."""
        return super().train(mode=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        size = (pixels.shape[-2], pixels.shape[-1])
        maps = list(self.backbone(pixels).values())
        proposals, worth = self.propose(maps, size)
        # The last map is the proposals' alone.
        features = self.roi_heads.box_head(pooled(maps[:-1], proposals, size))
        logits, changes = self.roi_heads.box_predictor(features)
        scores, classes = logits.softmax(1)[:, 1:].max(1)
        changes = changes.view(*logits.shape, 4).gather(1, (classes + 1)[:, None, None].expand(-1, 1, 4))[
            :, 0
        ]
        boxes = self.roi_heads.box_coder.decode_single(changes, proposals.flatten(0, 1))
        boxes = clip_boxes_to_image(boxes, size).view_as(proposals)
        scores = scores.view_as(worth) * (worth > 0)
        best, places = best_boxes(boxes, scores, OVERLAP_MAX, self.regions)
        found = _at(features.view(*worth.shape, -1), places) * (best > 0).unsqueeze(2)
        return pad(found, (0, 0, 0, self.regions - found.shape[1]))

    def propose(self, maps: list[Tensor], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Boxes (batch, proposals, 4) and what each is worth, 0 for those that only fill up (batch, proposals)."""
        logits, changes = self.rpn.head(maps)
        levels = [
            self._candidates(*level, size)
            for level in zip(self._anchors(maps, size), logits, changes, strict=True)
        ]
        boxes, worth = (torch.cat(parts, 1) for parts in zip(*levels, strict=True))
        worth, places = worth.topk(min(self.proposals, worth.shape[1]))
        return _at(boxes, places).detach(), worth

    def _anchors(self, maps: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        """The boxes (cells × kinds, 4) that each map's proposals begin with, row by row."""
        grids = [[*cells.shape[-2:]] for cells in maps]
        steps = [[side // cells for side, cells in zip(size, grid, strict=True)] for grid in grids]
        return [boxes.to(maps[0]) for boxes in self.rpn.anchor_generator.grid_anchors(grids, steps)]

    def _candidates(
        self, anchors: Tensor, logits: Tensor, changes: Tensor, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """One map's best boxes (batch, n, 4), and what each is worth, 0 where a better one overlaps it (batch, n)."""
        logits = logits.permute(0, 2, 3, 1).flatten(1)
        kinds = changes.view(changes.shape[0], -1, 4, *changes.shape[2:])
        changes = kinds.permute(0, 3, 4, 1, 2).flatten(1, 3)
        logits, places = logits.topk(min(self.rpn.pre_nms_top_n(), len(anchors)))
        started = anchors[places]
        boxes = self.rpn.box_coder.decode_single(_at(changes, places).flatten(0, 1), started.flatten(0, 1))
        boxes = clip_boxes_to_image(boxes, size).view_as(started).detach()
        sides = boxes[..., 2:] - boxes[..., :2]
        worth = logits.sigmoid().detach() * (sides >= BOX_SIZE_MIN).all(2)
        return boxes, worth * kept_boxes(boxes, worth, PROPOSALS_OVERLAP_MAX)


def best_boxes(boxes: Tensor, scores: Tensor, overlap: float, count: int) -> tuple[Tensor, Tensor]:
    """Scores and places (batch, count), best first, of boxes (batch, n, 4) that no better one overlaps; 0 fills up.

    Whatever their classes: the few places are not spent on two names of one thing. At most n of them are given.
    """
    kept = scores * kept_boxes(boxes.detach(), scores.detach(), overlap)
    best, places = kept.topk(min(count, kept.shape[1]))
    return best, places


def pooled(maps: list[Tensor], boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The features (batch × n, channels, 7, 7) of boxes (batch, n, 4), each from the map of its size.

    See Lin et al. 2017, equation 1. Every map is asked for every box: which one holds it, only the picture tells.
    """
    pictures = torch.arange(boxes.shape[0], device=boxes.device).to(boxes)
    flat = boxes.flatten(0, 1)
    rois = torch.cat((pictures[:, None].expand(boxes.shape[:2]).reshape(-1, 1), flat), 1)
    side = (flat[:, 2:] - flat[:, :2]).prod(1).sqrt()
    levels = (WHOLE_LEVEL + (side / WHOLE_SIDE).log2() + 1e-6).floor().clamp(0, len(maps) - 1)
    found = [
        roi_align(cells, rois, POOLED, cells.shape[-1] / size[-1], SAMPLES)
        * (levels == level)[:, None, None, None]
        for level, cells in enumerate(maps)
    ]
    return torch.stack(found).sum(0)


def _at(rows: Tensor, places: Tensor) -> Tensor:
    """Rows (batch, n, width) at places (batch, k) → (batch, k, width)."""
    return rows.gather(1, places.unsqueeze(2).expand(-1, -1, rows.shape[2]))
