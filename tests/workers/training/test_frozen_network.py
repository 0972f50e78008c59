"""A frozen network's features are torch's own, whatever computes them."""

import numpy as np
import pytest
import torch

from workers.neural.images.detector import Detector, detector_network
from workers.neural.images.fne import FneConfig
from workers.neural.images.regions import RegionsConfig
from workers.training.frozen_network import frozen_network, to_input
from workers.training.recipe import PixelsConfig

PIXELS = PixelsConfig(resize=64, size=64)


def crops(count):
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    "config",
    [
        FneConfig(architecture="squeezenet1_1"),
        RegionsConfig(architecture="mobilenet_v2", padding="tensorflow", nodes=4),
    ],
)
def test_what_is_compiled_gives_torchs_features_for_any_number_of_crops(config):
    torch.manual_seed(0)
    network, width = config.build_trunk()
    network.eval()
    compute = frozen_network(network, PIXELS)
    for count in (1, 3):
        found = compute(crops(count))
        with torch.inference_mode():
            plain = network(to_input(torch.from_numpy(crops(count)), PIXELS)).numpy()
        assert found.shape == plain.shape == (count, *plain.shape[1:-1], width)
        np.testing.assert_allclose(found, plain, atol=1e-5 * np.abs(plain).max())


@torch.inference_mode()
def test_a_detectors_regions_are_those_of_each_picture():
    torch.manual_seed(0)
    detector = Detector(detector_network(), 4, proposals=40)
    picture = crops(2)
    found = frozen_network(detector, PIXELS)(picture)
    plain = detector(to_input(torch.from_numpy(picture), PIXELS)).numpy()
    np.testing.assert_allclose(found, plain, atol=1e-5)
