import copy

import pytest
import torch
from torch import nn
from torchvision.models import mobilenet_v2
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import clip_boxes_to_image

from workers.neural.errors import ModelConfigError
from workers.neural.images.cells import cells_of
from workers.neural.images.detector import Detector, best_boxes, detector_network, pooled
from workers.neural.images.features import HeadConfig
from workers.neural.images.padding import pad_like_tensorflow
from workers.neural.images.regions import RegionsConfig
from workers.neural.images.trunks import build_network
from workers.neural.reasoning.light import LightConfig
from workers.neural.reasoning.vsrn import VsrnConfig

PROPOSALS = 300
FAMILIES = {
    "resnet18": 512,
    "mobilenet_v2": 1280,
    "efficientnet_b0": 1280,
    "densenet121": 1024,
    "squeezenet1_1": 512,
    "shufflenet_v2_x0_5": 1024,
    "convnext_tiny": 768,
    "swin_t": 768,
}


@pytest.mark.parametrize(("name", "channels"), FAMILIES.items())
def test_any_network_with_a_map_gives_its_cells(name, channels):
    cells, found = cells_of(build_network(name), "torch", 4)
    assert found == channels
    with torch.inference_mode():
        assert cells.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 4, channels)


@pytest.mark.parametrize("padding", ["torch", "tensorflow"])
def test_the_mean_of_the_cells_is_what_the_network_itself_pools(padding):
    torch.manual_seed(0)
    network = mobilenet_v2().eval()
    cells, _ = cells_of(network, padding, 9)
    whole = mobilenet_v2().eval()
    whole.load_state_dict(cells.network.state_dict(), strict=False)
    whole.classifier = nn.Identity()
    if padding == "tensorflow":
        pad_like_tensorflow(whole)
        whole.load_state_dict(cells.network.state_dict())
    pixels = torch.randn(2, 3, 96, 96)
    with torch.inference_mode():
        torch.testing.assert_close(cells(pixels).mean(1), whole(pixels), rtol=1e-4, atol=1e-5)


def test_cells_stand_row_by_row_and_a_larger_map_is_averaged():
    cells, _ = cells_of(build_network("resnet18"), "torch", 4)
    pixels = torch.randn(1, 3, 128, 128)
    with torch.inference_mode():
        large = cells.network.eval()(pixels)[0]
        found = cells(pixels)[0]
    assert large.shape[1:] == (4, 4)
    for row in range(2):
        for column in range(2):
            block = large[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            torch.testing.assert_close(found[2 * row + column], block.mean((1, 2)))


def test_networks_without_a_map_and_numbers_without_a_square_are_refused():
    with pytest.raises(ModelConfigError, match="attends to patches"):
        cells_of(build_network("vit_b_32"), "torch", 49)
    with pytest.raises(ModelConfigError, match="square"):
        RegionsConfig(architecture="resnet18", nodes=50).build(8)
    with pytest.raises(ModelConfigError, match="source"):
        RegionsConfig(source="detector", architecture="resnet18").build(8)
    with pytest.raises(ModelConfigError, match="50 of 40"):
        RegionsConfig(
            source="detector", architecture="fasterrcnn_resnet50_fpn", nodes=50, proposals=40
        ).build(8)


@pytest.mark.parametrize("reasoning", [VsrnConfig(layers=2), LightConfig(layers=2)], ids=["vsrn", "light"])
def test_the_picture_is_the_last_state_of_a_gru_over_the_nodes(reasoning):
    torch.manual_seed(0)
    config = RegionsConfig(architecture="resnet18", nodes=4, width=6, reasoning=reasoning)
    encoder = config.build(10).eval()
    features = torch.randn(3, 4, 512)
    cell = nn.GRUCell(6, 6)
    cell.load_state_dict(
        {name.removesuffix("_l0"): value for name, value in encoder.gru.state_dict().items()}
    )
    with torch.inference_mode():
        nodes = encoder.reasoning(encoder.linear(features / features.norm(dim=2, keepdim=True)))
        state = torch.zeros(3, 6)
        for place in range(4):
            state = cell(nodes[:, place], state)
        torch.testing.assert_close(encoder.project(features), encoder.out(state), rtol=1e-4, atol=1e-5)
        assert encoder(torch.randn(2, 3, 64, 64)).shape == (2, 10)
    assert encoder.shape == (4, 512)


def test_without_a_width_of_its_own_the_reasoning_has_that_of_the_joint_space():
    encoder = RegionsConfig(architecture="resnet18", nodes=4, head=HeadConfig()).build(12)
    assert isinstance(encoder.out, nn.Identity)
    assert encoder.gru.hidden_size == 12


def test_crops_are_averaged_node_by_node():
    encoder = RegionsConfig(architecture="resnet18", nodes=4).build(8).eval()
    pixels = torch.randn(2, 3, 3, 64, 64)
    with torch.inference_mode():
        found = encoder.features(pixels)
        wanted = torch.stack([encoder.features(crops).mean(0) for crops in pixels])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_best_boxes_come_first_and_zeros_fill_up():
    boxes = torch.tensor([[[0.0, 0, 4, 4], [0, 0, 4, 5], [8, 8, 9, 9], [20, 20, 30, 30]]])
    scores = torch.tensor([[0.5, 0.9, 0.1, 0.7]])
    best, places = best_boxes(boxes, scores, 0.5, 9)
    assert places[0, :3].tolist() == [1, 3, 2]
    torch.testing.assert_close(best, torch.tensor([[0.9, 0.7, 0.1, 0.0]]))


@pytest.fixture(scope="module")
def found_by_detector():
    """A detector with random weights, a picture's pixels and the regions it gives."""
    torch.manual_seed(0)
    network = detector_network().eval()
    detector = Detector(network, 36, PROPOSALS)
    pixels = torch.rand(2, 3, 96, 128)
    with torch.inference_mode():
        return network, detector, pixels, detector(pixels)


def test_a_detector_gives_the_box_features_of_its_own_regions_best_first(found_by_detector):
    network, _, pixels, found = found_by_detector
    assert found.shape == (2, 36, 1024)
    with torch.inference_mode():
        logits, _ = network.roi_heads.box_predictor(found[0][found[0].abs().sum(1) > 0])
    best = logits.softmax(1)[:, 1:].amax(1)
    assert len(best) > 5
    assert (best.diff() <= 1e-6).all()
    network.transform.min_size, network.transform.max_size = (96,), 128
    network.transform.image_mean, network.transform.image_std = [0.0] * 3, [1.0] * 3
    network.roi_heads.score_thresh = 0.0
    network.rpn._post_nms_top_n = {"testing": PROPOSALS}
    with torch.inference_mode():
        detections = network([pixels[0]])[0]
    torch.testing.assert_close(best[0], detections["scores"][0], rtol=1e-3, atol=1e-5)


def test_boxes_are_pooled_from_the_map_of_their_size_as_torchvision_does(found_by_detector):
    network, _, pixels, _ = found_by_detector
    corners = torch.rand(2, 40, 2) * 60
    sides = torch.rand(2, 40, 2) ** 3 * 60 + 2
    boxes = clip_boxes_to_image(torch.cat((corners, corners + sides), 2), (96, 128))
    with torch.inference_mode():
        maps = network.backbone(pixels)
        wanted = network.roi_heads.box_roi_pool(maps, list(boxes), [(96, 128)] * 2)
        torch.testing.assert_close(pooled(list(maps.values())[:-1], boxes, (96, 128)), wanted)


def test_the_proposals_are_torchvisions(found_by_detector):
    network, detector, pixels, _ = found_by_detector
    with torch.inference_mode():
        maps = network.backbone(pixels)
        wanted, _ = network.rpn(ImageList(pixels, [(96, 128)] * 2), maps)
        boxes, worth = detector.propose(list(maps.values()), (96, 128))
    assert boxes.shape == (2, PROPOSALS, 4)
    for row in range(2):
        count = min(PROPOSALS, len(wanted[row]))
        assert int((worth[row] > 0).sum()) == count
        torch.testing.assert_close(boxes[row, :count], wanted[row][:count])


def test_a_picture_gives_the_same_regions_in_any_company(found_by_detector):
    _, detector, pixels, found = found_by_detector
    with torch.inference_mode():
        turned = detector(pixels.flip(0)).flip(0)
    torch.testing.assert_close(turned, found, rtol=1e-3, atol=1e-3)


def test_a_picture_with_few_regions_is_filled_up_with_zeros(found_by_detector):
    _, detector, _, found = found_by_detector
    more = copy.copy(detector)
    more.regions = PROPOSALS
    with torch.inference_mode():
        filled = more(torch.rand(1, 3, 96, 128))[0]
    used = int((filled.abs().sum(1) > 0).sum())
    assert 0 < used < PROPOSALS
    assert not filled[used:].any()
    assert found.isfinite().all()


def test_a_detector_stays_in_evaluation_mode(found_by_detector):
    detector = found_by_detector[1]
    nn.Sequential(detector).train()
    assert not any(module.training for module in detector.modules())
