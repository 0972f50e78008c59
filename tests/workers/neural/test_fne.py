import pytest
import torch
from torch import nn

from workers.neural.errors import ModelConfigError
from workers.neural.images.fne import FneConfig, ternary
from workers.neural.images.layers import layers_of, traced
from workers.neural.images.trunks import build_network, classifier_name


def layer_names(architecture):
    network = build_network(architecture)
    classifier = classifier_name(network)
    return [layer.name for layer in layers_of(traced(network), classifier)]


def test_vgg16_gives_the_papers_12416_values():
    with torch.device("meta"):
        trunk, width = FneConfig(architecture="vgg16").build_trunk()
        assert trunk(torch.zeros(1, 3, 32, 32)).shape == (1, 12_416)
    assert width == 12_416


@pytest.mark.parametrize(
    "name",
    ["resnet18", "mobilenet_v2", "squeezenet1_1", "densenet121", "shufflenet_v2_x0_5", "convnext_tiny"],
)
def test_every_family_gives_as_many_values_as_its_layers_have_channels(name):
    with torch.device("meta"):
        trunk, width = FneConfig(architecture=name).build_trunk()
        assert trunk(torch.zeros(2, 3, 64, 64)).shape == (2, width)


def test_each_value_is_the_spatial_mean_of_a_layers_activation():
    """Against hooks on the network itself: what leaves each ReLU, averaged over height and width."""
    torch.manual_seed(0)
    network = build_network("vgg11").eval()
    seen = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(
                lambda _m, _i, out: seen.append(out.mean((2, 3)) if out.dim() == 4 else out.clone())
            )
    pixels = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        network(pixels)
        expected = torch.cat(seen, 1)
        trunk, width = FneConfig(architecture="vgg11").trunk_of(network)
        for module in network.modules():
            module._forward_hooks.clear()
        found = trunk(pixels)
    assert found.shape == (2, width)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_peaks_stand_behind_the_means_of_their_layer():
    torch.manual_seed(0)
    config = FneConfig(architecture="vgg11", layers=("features.18", "classifier.0"), peaks=True)
    trunk, width = config.build_trunk()
    pixels, seen = torch.randn(2, 3, 64, 64), []
    trunk.eval().get_submodule("features.19").register_forward_hook(
        lambda _m, _i, out: seen.append(out.clone())
    )
    with torch.inference_mode():
        found = trunk(pixels)
    assert found.shape == (2, width) == (2, 2 * (512 + 4096))
    torch.testing.assert_close(found[:, :512], seen[0].mean((2, 3)))
    torch.testing.assert_close(found[:, 512:1024], seen[0].amax((2, 3)))
    torch.testing.assert_close(found[:, 1024:5120], found[:, 5120:])


def test_a_residual_blocks_last_layer_counts_after_the_addition_and_only_once():
    names = layer_names("resnet18")
    assert len(names) == 17  # of 20 convolutions three are shortcuts, whose activation is the block's
    assert not any("downsample" in name for name in names)


def test_a_layer_without_an_activation_counts_after_its_normalisation():
    torch.manual_seed(0)
    network = build_network("mobilenet_v2").eval()
    norm, seen = network.features[1].conv[2], []
    norm.register_forward_hook(lambda _m, _i, out: seen.append(out.mean((2, 3))))
    pixels = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        network(pixels)
        trunk, _ = FneConfig(architecture="mobilenet_v2", layers=("features.1.conv.1",)).trunk_of(network)
        torch.testing.assert_close(trunk(pixels), seen[0], rtol=1e-4, atol=1e-6)


def test_the_last_layers_and_named_parts_are_taken_alone():
    whole, width = FneConfig(architecture="squeezenet1_1").build_trunk()
    last, few = FneConfig(architecture="squeezenet1_1", last=2).build_trunk()
    last.load_state_dict({name: whole.state_dict()[name] for name in last.state_dict()})
    pixels = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(last(pixels), whole(pixels)[:, width - few :])
    _, part = FneConfig(architecture="squeezenet1_1", layers=("features.3", "features.0")).build_trunk()
    assert part == 64 + 16 + 64 + 64


@pytest.mark.parametrize("settings", [{"layers": ("features.99",)}, {"last": 99}, {"last": -1}])
def test_a_layer_that_is_not_there_is_refused(settings):
    with pytest.raises(ModelConfigError):
        FneConfig(architecture="squeezenet1_1", **settings).build_trunk()


def test_features_are_discretised_by_their_z_score():
    encoder = FneConfig(architecture="squeezenet1_1", last=1).build(4).eval()
    encoder.linear = nn.Identity()
    features = torch.randn(50, encoder.width) * 3 + 1
    mean, deviation = features.mean(0), features.std(0)
    encoder.set_statistics(mean, deviation)
    expected = torch.zeros_like(features)
    for row in range(50):
        for column in range(encoder.width):
            z = (features[row, column] - mean[column]) / deviation[column]
            expected[row, column] = 1 if z > 0.15 else -1 if z < -0.25 else 0
    torch.testing.assert_close(encoder.project(features), expected)
    assert {-1.0, 0.0, 1.0} == set(expected.unique().tolist())


def test_the_thresholds_themselves_belong_to_the_middle():
    assert ternary(torch.tensor([-0.5, -0.25, 0.0, 0.125, 0.5]), -0.25, 0.125).tolist() == [-1, 0, 0, 0, 1]


def test_without_discretising_features_are_standardised():
    encoder = FneConfig(architecture="squeezenet1_1", last=1, discretise=False).build(4).eval()
    encoder.linear = nn.Identity()
    features = torch.randn(50, encoder.width) * 3 + 1
    encoder.set_statistics(features.mean(0), features.std(0))
    torch.testing.assert_close(
        encoder.project(features).mean(0), torch.zeros(encoder.width), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(encoder.project(features).std(0), torch.ones(encoder.width))


def test_a_constant_feature_becomes_zero():
    encoder = FneConfig(architecture="squeezenet1_1", last=1).build(4).eval()
    encoder.linear = nn.Identity()
    constant = torch.full((3, encoder.width), 2.0)
    encoder.set_statistics(constant.mean(0), constant.std(0))
    assert encoder.project(constant).abs().sum() == 0


def test_tensorflows_padding_reaches_the_graph():
    trunk, _ = FneConfig(architecture="mobilenet_v2", padding="tensorflow").build_trunk()
    assert sum(isinstance(module, nn.ZeroPad2d) for module in trunk.modules()) == 5


def test_ten_crops_are_averaged_before_anything_else():
    encoder = FneConfig(architecture="squeezenet1_1", last=2).build(4).eval()
    pixels = torch.randn(2, 10, 3, 64, 64)
    with torch.inference_mode():
        expected = torch.stack([encoder.trunk(crops).mean(0) for crops in pixels])
        torch.testing.assert_close(encoder.features(pixels), expected, rtol=1e-4, atol=1e-5)
