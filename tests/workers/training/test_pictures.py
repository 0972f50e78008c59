import os
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from workers.inference.manifest import ImageSpec
from workers.inference.pictures import open_picture, to_pixels
from workers.neural.family import SmallResnetConfig
from workers.neural.images.cells import Cells
from workers.neural.images.cnn import CnnConfig
from workers.neural.images.regions import RegionsConfig
from workers.neural.images.vit import VitConfig
from workers.training.crops import center_crop, fixed_views, random_crop
from workers.training.errors import TrainingError
from workers.training.feature_store import Frozen, feature_store, network_fingerprint, statistics
from workers.training.frozen_network import to_input
from workers.training.picture_store import picture_store, pictures_key
from workers.training.recipe import PixelsConfig

CONFIG = PixelsConfig(resize=36, size=32)


def spec_of(config):
    return ImageSpec(config.resize, config.size, config.mean, config.std, config.crop)


def silent(stage, done, total):
    pass


@pytest.fixture
def paths(corpus):
    return tuple(sorted((corpus / "images").iterdir())[:12])


@pytest.mark.parametrize("crop", ["center", "ten"])
def test_training_sees_the_pixels_that_serving_computes(paths, tmp_path, crop):
    config = PixelsConfig(resize=36, size=32, crop=crop)
    store = picture_store(paths, spec_of(config), tmp_path, silent)
    for number, path in enumerate(paths):
        served = to_pixels(open_picture(path.read_bytes(), shortest_side=36), spec_of(config))
        views = np.stack(fixed_views(store[number], 32, crop))
        trained = to_input(torch.from_numpy(views), config).numpy()
        if crop == "center":
            # Serving resizes only what it keeps, which now and then rounds to the next of the 255 levels.
            away = np.abs(trained[0] - served)
            assert away.max() <= 1.01 / (255 * min(config.std))
            assert (away > 1e-5).mean() < 0.03
        else:
            # The order of the ten crops differs; their mean is what counts.
            np.testing.assert_allclose(trained.mean(0), served.mean(0), atol=1e-5)


def test_the_store_is_made_once_and_found_again(paths, tmp_path):
    calls = []
    picture_store(paths, spec_of(CONFIG), tmp_path, lambda *told: calls.append(told))
    assert calls[-1] == ("decoding pictures", 12, 12)
    again = picture_store(paths, spec_of(CONFIG), tmp_path, lambda *told: pytest.fail("decoded twice"))
    assert len(again) == 12
    assert min(again[3].shape[:2]) == 36


def test_another_scale_or_changed_file_has_another_key(paths, tmp_path):
    copy = tmp_path / paths[0].name
    copy.write_bytes(paths[0].read_bytes())
    key = pictures_key((copy,), spec_of(CONFIG))
    assert pictures_key((copy,), spec_of(PixelsConfig(resize=40, size=32))) != key
    copy.write_bytes(paths[1].read_bytes())
    assert pictures_key((copy,), spec_of(CONFIG)) != key


def test_a_copied_or_touched_folder_keeps_its_key_and_another_order_does_not(paths, tmp_path):
    copies = tuple(shutil.copy(path, tmp_path / path.name) for path in paths)
    key = pictures_key(paths, spec_of(CONFIG))
    os.utime(copies[0], (0, 0))
    assert pictures_key(copies, spec_of(CONFIG)) == key
    assert pictures_key(paths[::-1], spec_of(CONFIG)) != key


@pytest.mark.parametrize("place", [0, 5_000, 9_999])
def test_a_byte_at_an_end_or_one_byte_more_is_another_picture(tmp_path, place):
    file = tmp_path / "picture.jpg"
    content = bytearray(10_000)
    file.write_bytes(content)
    key = pictures_key((file,), spec_of(CONFIG))
    if place == 5_000:
        content.insert(place, 0)
    else:
        content[place] ^= 1
    file.write_bytes(content)
    assert pictures_key((file,), spec_of(CONFIG)) != key


def test_an_unreadable_picture_is_named_and_leaves_no_half_store(paths, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(paths[0].read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"broken\.jpg"):
        picture_store((*paths, broken), spec_of(CONFIG), tmp_path / "cache", silent)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("kind", ["random", "zoom", "center"])
def test_a_crop_depends_on_the_generator_alone_and_has_the_right_size(kind):
    picture = np.random.default_rng(0).integers(0, 255, (40, 52, 3), np.uint8)
    config = PixelsConfig(resize=40, size=32, train_crop=kind, zoom_min=0.5)
    crops = [random_crop(picture, config, np.random.default_rng(seed)) for seed in (1, 1, 2, 3, 4, 5)]
    assert {crop.shape for crop in crops} == {(32, 32, 3)}
    np.testing.assert_array_equal(crops[0], crops[1])
    assert len({crop.tobytes() for crop in crops}) > 1


def test_without_flip_a_centre_crop_never_varies():
    picture = np.random.default_rng(0).integers(0, 255, (40, 52, 3), np.uint8)
    config = PixelsConfig(size=32, train_crop="center", flip=False)
    for seed in range(6):
        crop = random_crop(picture, config, np.random.default_rng(seed))
        np.testing.assert_array_equal(crop, center_crop(picture, 32))


def test_ten_views_are_five_places_and_their_mirrors():
    picture = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    views = fixed_views(picture, 32, "ten")
    assert len({view.tobytes() for view in views}) == 10
    np.testing.assert_array_equal(views[0], center_crop(picture, 32))
    for straight, mirrored in zip(views[:5], views[5:], strict=True):
        np.testing.assert_array_equal(straight[:, ::-1], mirrored)


def test_random_views_are_the_centre_and_crops_that_are_the_same_each_time(paths, tmp_path):
    config = PixelsConfig(resize=36, size=32, views="random", kept=3, train_crop="zoom")
    store = picture_store(paths, spec_of(config), tmp_path, silent)
    network = Frozen(nn.AvgPool2d(8).requires_grad_(False), half=True)
    network.network.register_parameter("where", nn.Parameter(torch.zeros(1)))
    first, again = (feature_store(network, store, config, tmp_path / name, silent) for name in ("a", "b"))
    assert first.shape == (12, 4, 3, 4, 4)
    assert first.dtype == np.float16
    np.testing.assert_array_equal(first, again)
    assert len({row.tobytes() for row in first[5]}) == 4
    centre = to_input(torch.from_numpy(center_crop(store[5], 32).copy()), config)
    np.testing.assert_allclose(first[5, 0], network.network(centre[None])[0], atol=2e-3)


def test_features_are_computed_once_per_network_and_view(paths, tmp_path):
    torch.manual_seed(0)
    config = PixelsConfig(resize=36, size=32, views="flip")
    store = picture_store(paths, spec_of(config), tmp_path, silent)
    encoder = SmallResnetConfig(widths=(4, 8), blocks=(1, 1)).build(6)
    features = feature_store(Frozen(encoder.trunk, half=False), store, config, tmp_path, silent)
    assert features.shape == (12, 2, 16)
    plain = to_input(torch.from_numpy(center_crop(store[3], 32).copy()), config)
    with torch.inference_mode():
        np.testing.assert_allclose(features[3, 0], encoder.features(plain[None])[0], atol=1e-5)
    again = feature_store(
        Frozen(encoder.trunk, half=False),
        store,
        config,
        tmp_path,
        lambda *told: pytest.fail("computed twice"),
    )
    np.testing.assert_array_equal(again, features)
    other = SmallResnetConfig(widths=(4, 8), blocks=(1, 1)).build(6)
    assert not np.array_equal(
        feature_store(Frozen(other.trunk, half=False), store, config, tmp_path, silent), features
    )
    mean, deviation = statistics(features)
    np.testing.assert_allclose(mean, features.reshape(24, 16).mean(0), atol=1e-6)
    np.testing.assert_allclose(deviation, features.reshape(24, 16).std(0), atol=1e-6)


def test_features_of_another_split_or_grid_are_not_taken_for_these(paths, tmp_path):
    torch.manual_seed(0)
    store = picture_store(paths, spec_of(CONFIG), tmp_path, silent)
    trunk = VitConfig(size=32, patch=16, layers=3, width=16, heads=2, inner=32).build(8).trunk
    trunk.requires_grad_(requires_grad=False)
    networks = [trunk.split(blocks)[0] for blocks in (1, 2)]
    networks += [Cells(nn.Conv2d(3, 4, 8, 8).requires_grad_(False), grid) for grid in (2, 3)]
    networks[-1].network = networks[-2].network
    kept = [feature_store(Frozen(each, half=True), store, CONFIG, tmp_path, silent) for each in networks]
    assert not np.array_equal(kept[0], kept[1])
    assert [features.shape[2:] for features in kept[2:]] == [(4, 4), (9, 4)]


VIT = {"size": 32, "patch": 16, "layers": 2, "width": 16, "inner": 32}


@pytest.mark.parametrize(
    ("config", "other"),
    [
        (VitConfig(heads=2, **VIT), VitConfig(heads=4, **VIT)),
        (CnnConfig(architecture="squeezenet1_1"), CnnConfig(architecture="squeezenet1_0")),
        (RegionsConfig(architecture="resnet18", nodes=49), RegionsConfig(architecture="resnet18", nodes=36)),
        (
            RegionsConfig("regions", "detector", "fasterrcnn_resnet50_fpn", nodes=4, proposals=9),
            RegionsConfig("regions", "detector", "fasterrcnn_resnet50_fpn", nodes=4, proposals=8),
        ),
    ],
)
def test_a_network_with_another_setting_has_another_fingerprint_and_the_same_one_the_same(config, other):
    found = []
    for each in (config, config, other):
        torch.manual_seed(0)
        found.append(network_fingerprint(each.build(8).trunk))
    assert found[0] == found[1] != found[2]
