"""What each cell of an image encoder's grid gives to a picture's embedding."""

import pytest
import torch
from torch import nn

from workers.neural.grid import GridTower, grid_tower, resampled
from workers.neural.images.cnn import CnnConfig
from workers.neural.images.features import HeadConfig
from workers.neural.images.fne import FneConfig
from workers.neural.images.small_resnet import SmallResnetConfig
from workers.neural.images.two_branch import TwoBranchImageConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.similarity.order import OrderConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.two_tower import TwoTowerConfig

DIM = 8
SMALL = SmallResnetConfig(widths=(4, 8), blocks=(1, 1))


def model_of(image, similarity=CosineConfig(), **views):  # noqa: B008  frozen
    torch.manual_seed(3)
    model = TwoTowerConfig(DIM, 6, image, MeanConfig(word_dim=4), similarity, **views).build()
    for name, value in model.image.named_parameters():
        if name == "linear.bias":
            nn.init.normal_(value)
    return model.eval()


def awake(model, size):
    """The model with its batch norms' statistics of noise: a fresh deep network gives nothing but its bias."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    model.train().encode_image(torch.randn(4, 3, size, size))
    return model.eval()


SPLITS = {
    "a narrow network's averages and peaks": (SMALL, {}),
    "several views": (SMALL, {"scales": (1.0, 1.25), "mirror": True}),
    "features of unit length": (SmallResnetConfig(SMALL.kind, (4, 8), (1, 1), HeadConfig("unit")), {}),
    "standardised features": (SmallResnetConfig(SMALL.kind, (4, 8), (1, 1), HeadConfig("standard")), {}),
    "two joint spaces": (SMALL, {"similarity": CosineConfig(parts=2)}),
    "a residual network": (CnnConfig(architecture="resnet18"), {}),
    "a network of TensorFlow's": (CnnConfig(architecture="mobilenet_v2", padding="tensorflow"), {}),
    "a network without a last linear layer": (
        CnnConfig(architecture="squeezenet1_1"),
        {"scales": (1.0, 0.8)},
    ),
}


@pytest.mark.parametrize("kind", SPLITS)
@torch.inference_mode()
def test_the_mean_of_the_cells_is_the_embedding(kind):
    image, views = SPLITS[kind]
    model = awake(model_of(image, **views), 80)
    pixels = torch.randn(3, 3, 80, 80)
    vectors, cells = grid_tower(model, 80)(pixels)
    wanted = model.encode_image(pixels)
    torch.testing.assert_close(vectors, wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(cells.mean((1, 2)), wanted, atol=1e-5, rtol=0)
    assert cells[0].flatten(0, 1).std(0).max() > 1e-3


@torch.inference_mode()
def test_the_shares_of_the_cells_sum_to_the_score_by_weights_that_are_known():
    """Two channels that see red and green, a linear map that doubles the second, a bias of (0.5, 0)."""
    model = model_of(SMALL)
    tower = GridTower(model, Colours(), 4)
    tower.head.linear = nn.Linear(2, 2)
    tower.head.linear.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    tower.head.linear.bias.copy_(torch.tensor([0.5, 0.0]))
    pixels = torch.zeros(1, 3, 4, 4)
    pixels[0, 0, :2, :2] = 1.0
    pixels[0, 1, 2:, 2:] = 1.0
    _, cells = tower(pixels)
    length = (0.75**2 + 0.5**2) ** 0.5
    query = torch.tensor([0.6, 0.8])
    shares = cells[0] @ query / 4
    wanted = torch.tensor([[1.5 * 0.6, 0.5 * 0.6], [0.5 * 0.6, 0.5 * 0.6 + 2 * 0.8]]) / length / 4
    torch.testing.assert_close(shares, wanted)
    assert shares.sum().item() == pytest.approx((0.75 * 0.6 + 0.5 * 0.8) / length)


class Colours(nn.Module):
    """A trunk whose map has a cell for 2 × 2 pixels and the channels red and green."""

    def map(self, pixels):
        return nn.functional.avg_pool2d(pixels[:, :2], 2)

    def pool(self, maps):
        return maps.mean((2, 3))

    def spread(self, maps):
        return maps.flatten(2).transpose(1, 2)


@torch.inference_mode()
def test_a_maximum_belongs_to_the_cell_that_has_it():
    trunk, _ = SMALL.build_trunk()
    maps = torch.zeros(1, 2, 2, 3)
    maps[0, 0, 1, 2] = 6.0
    maps[0, 1] = 1.0
    torch.testing.assert_close(trunk.spread(maps).mean(1), trunk.pool(maps))
    peaks = trunk.spread(maps)[0, :, 2:]
    assert peaks[:, 0].tolist() == [0, 0, 0, 0, 0, 36]
    assert peaks[:, 1].tolist() == [1] * 6


@torch.inference_mode()
def test_of_a_mirrored_view_the_cells_lie_where_the_picture_has_them():
    pixels = torch.zeros(1, 3, 64, 64)
    pixels[..., 24:40, :16] = torch.randn(1, 3, 16, 16)
    apart = [grid_tower(model_of(SMALL, mirror=mirror), 64)(pixels)[1][0] for mirror in (False, True)]
    for cells in apart:
        spread = (cells - cells[0, -1]).norm(dim=2).sum(0)
        assert spread[: len(spread) // 2].sum() > 2 * spread[len(spread) // 2 :].sum()


def test_on_another_grid_the_mean_stays_and_so_does_the_place():
    cells = torch.zeros(1, 4, 4, 1)
    cells[0, 0, 3] = 16.0
    for grid in ((5, 5), (2, 3), (4, 4)):
        found = resampled(cells, grid)
        assert found.shape == (1, *grid, 1)
        assert found.mean().item() == pytest.approx(1.0)
        assert found.argmax().item() == grid[1] - 1


WHOLE = {
    "layers behind the map": (CnnConfig(architecture="vgg11"), {}),
    "a layer behind the average": (CnnConfig(architecture="mobilenet_v3_small"), {}),
    "a normalisation behind the average": (CnnConfig(architecture="convnext_tiny"), {}),
    "attention": (CnnConfig(architecture="vit_b_16"), {}),
    "features of every layer": (FneConfig(architecture="squeezenet1_1"), {}),
    "two layers into the joint space": (TwoBranchImageConfig(architecture="squeezenet1_1", hidden=8), {}),
    "order": (SMALL, {"similarity": OrderConfig()}),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_an_encoder_that_does_not_split_over_cells_has_none(kind):
    image, views = WHOLE[kind]
    assert grid_tower(model_of(image, **views), 224 if "attention" in kind else 64) is None
