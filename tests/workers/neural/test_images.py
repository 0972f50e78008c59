import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from workers.neural.errors import ModelConfigError, WeightsError
from workers.neural.images.cnn import CnnConfig
from workers.neural.images.features import HeadConfig
from workers.neural.images.padding import pad_like_tensorflow
from workers.neural.images.small_resnet import SmallResnetConfig
from workers.neural.images.trunks import build_network, classification_networks, cut_classifier
from workers.neural.images.weights import pretrained_trunk

# One of each family, small ones; the last layer of each is found by the same rule.
FAMILIES = {
    "resnet18": 512,
    "vgg11": 4096,
    "mobilenet_v2": 1280,
    "mobilenet_v3_small": 1024,
    "efficientnet_b0": 1280,
    "densenet121": 1024,
    "squeezenet1_1": 512,
    "shufflenet_v2_x0_5": 1024,
    "regnet_y_400mf": 440,
    "googlenet": 1024,
    "convnext_tiny": 768,
}


@pytest.mark.parametrize(("name", "width"), FAMILIES.items())
def test_any_network_of_torchvision_gives_the_features_before_its_classes(name, width):
    trunk, found = CnnConfig(architecture=name).build_trunk()
    assert found == width
    with torch.inference_mode():
        assert trunk.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, width)


def test_every_depth_of_resnet_is_there():
    assert {f"resnet{depth}" for depth in (18, 34, 50, 101, 152)} <= set(classification_networks())


def test_an_unknown_network_is_refused_by_its_name():
    with pytest.raises(ModelConfigError, match="resnet19"):
        CnnConfig(architecture="resnet19").build(8)


def test_features_are_those_of_torchvision_itself():
    network = build_network("resnet18").eval()
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = network(pixels)
        classifier = network.fc
        cut_classifier(network)
        torch.testing.assert_close(classifier(network(pixels)), expected)


def test_ten_crops_are_averaged():
    encoder = SmallResnetConfig(widths=(4, 8), blocks=(1, 1)).build(6).eval()
    pixels = torch.randn(2, 10, 3, 32, 32)
    with torch.inference_mode():
        one_by_one = torch.stack([encoder.features(crops).mean(0) for crops in pixels])
        torch.testing.assert_close(encoder.features(pixels), one_by_one, rtol=1e-4, atol=1e-5)
        assert encoder(pixels).shape == (2, 6)


def test_features_are_normalised_as_the_head_says():
    features = torch.randn(50, 16) * 3 + 1
    encoders = {
        kind: SmallResnetConfig(widths=(8,), blocks=(1,), head=HeadConfig(features=kind)).build(4).eval()
        for kind in ("plain", "unit", "standard")
    }
    encoders["standard"].set_statistics(features.mean(0), features.std(0))
    seen = {}
    for kind, encoder in encoders.items():
        encoder.linear = nn.Identity()
        seen[kind] = encoder.project(features)
    torch.testing.assert_close(seen["plain"], features)
    torch.testing.assert_close(seen["unit"].norm(dim=1), torch.ones(50))
    torch.testing.assert_close(seen["standard"].mean(0), torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen["standard"].std(0), torch.ones(16))


def test_tensorflows_padding_stands_right_and_below_only():
    conv = nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)
    network = nn.Sequential(conv)
    nn.init.ones_(conv.weight)
    pad_like_tensorflow(network)
    corner = torch.zeros(1, 1, 4, 4)
    corner[0, 0, 0, 0] = 1
    assert network(corner).flatten().tolist() == [1, 0, 0, 0]
    assert network(corner.flip(2, 3)).flatten().tolist() == [0, 0, 0, 1]
    # The pixel between all four windows is seen by each of them, as TensorFlow sees it.
    middle = torch.zeros(1, 1, 4, 4)
    middle[0, 0, 2, 2] = 1
    assert network(middle).flatten().tolist() == [1, 1, 1, 1]


def test_only_the_five_striding_convolutions_of_mobilenet_v2_are_padded_anew():
    trunk, _ = CnnConfig(architecture="mobilenet_v2", padding="tensorflow").build_trunk()
    pads = [module for module in trunk.modules() if isinstance(module, nn.ZeroPad2d)]
    assert [pad.padding for pad in pads] == [(0, 1, 0, 1)] * 5


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_local_weights_are_loaded_whatever_their_number_of_classes(tmp_path, suffix):
    network = models.resnet18(num_classes=7)
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, path)
    else:
        save_file(network.state_dict(), path)
    trunk, width = pretrained_trunk(CnnConfig(architecture="resnet18"), str(path))
    network.fc = nn.Identity()
    pixels = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(trunk.eval()(pixels), network.eval()(pixels))
    assert width == 512


def test_a_weight_file_that_would_run_code_is_refused_and_runs_none(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    path = tmp_path / "evil.pth"
    torch.save({"conv1.weight": Evil()}, path)
    with pytest.raises(WeightsError, match=r"evil\.pth"):
        pretrained_trunk(CnnConfig(architecture="resnet18"), str(path))
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [({"conv1.weight": torch.zeros(2)}, "missing"), ([1, 2], "no table"), ({"a": 1}, "no table")],
)
def test_weights_of_something_else_are_refused_with_a_sentence(tmp_path, content, named):
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=named):
        pretrained_trunk(CnnConfig(architecture="resnet18"), str(path))


def test_weights_of_another_shape_are_refused_by_their_name(tmp_path):
    state = models.resnet18().state_dict() | {"conv1.weight": torch.zeros(3, 3, 3, 3)}
    path = tmp_path / "other.safetensors"
    save_file(state, path)
    with pytest.raises(WeightsError, match=r"conv1\.weight"):
        pretrained_trunk(CnnConfig(architecture="resnet18"), str(path))


def test_a_broken_file_is_refused(tmp_path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="cannot be read"):
        pretrained_trunk(CnnConfig(architecture="resnet18"), str(path))


def test_weights_that_cannot_be_downloaded_say_what_to_do_instead(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match=r"start\.weights=FILE"):
        pretrained_trunk(CnnConfig(architecture="resnet18"), "default")
