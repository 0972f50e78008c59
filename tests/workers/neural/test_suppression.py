import torch
from torchvision.ops import box_iou

from workers.neural.images.suppression import kept_boxes


def kept_by_a_loop(boxes, scores, overlap):
    """Greedy suppression in plain words."""
    kept = []
    for place in sorted(range(len(boxes)), key=lambda at: -float(scores[at])):
        worse = any(float(box_iou(boxes[place][None], boxes[other][None])) > overlap for other in kept)
        if scores[place] > 0 and not worse:
            kept.append(place)
    return [place in kept for place in range(len(boxes))]


def test_each_picture_keeps_the_boxes_that_a_greedy_loop_keeps():
    torch.manual_seed(1)
    corners = torch.rand(3, 60, 2) * 50
    boxes = torch.cat((corners, corners + 10 + torch.rand(3, 60, 2) * 30), 2)
    scores = (torch.rand(3, 60) - 0.2).clamp_min(0)
    found = kept_boxes(boxes, scores, 0.5)
    for row in range(3):
        assert found[row].tolist() == kept_by_a_loop(boxes[row], scores[row], 0.5)
    assert 5 < int(found[0].sum()) < 40


def test_the_operation_is_what_torch_asks_of_one():
    boxes = torch.tensor([[[0.0, 0, 4, 4], [0, 0, 4, 5], [8, 8, 9, 9]]])
    torch.library.opcheck(kept_boxes, (boxes, torch.tensor([[0.5, 0.9, 0.1]]), 0.5))
