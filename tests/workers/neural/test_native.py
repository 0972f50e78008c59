import dataclasses

import pytest
import torch
from safetensors.torch import load, save
from torch.nn import functional

from workers.neural.errors import ModelConfigError, WeightsError
from workers.neural.family import CosineConfig, SmallResnetConfig
from workers.neural.images.cnn import CnnConfig
from workers.neural.images.fne import FneConfig
from workers.neural.native import load_native, native_config, native_weights, shapes_of
from workers.neural.texts.gru import GruConfig
from workers.neural.two_tower import TwoTowerConfig


@pytest.fixture
def model():
    torch.manual_seed(0)
    image = SmallResnetConfig(widths=(4, 8), blocks=(1, 1))
    return TwoTowerConfig(6, 20, image, GruConfig(word_dim=5), CosineConfig()).build().eval()


def written(tmp_path, data):
    path = tmp_path / "native.safetensors"
    path.write_bytes(data)
    return path


def test_a_model_comes_back_as_it_was(model, tmp_path):
    again = load_native(native_config(model), written(tmp_path, native_weights(model, half=False)))
    pixels, tokens, lengths = torch.randn(2, 3, 32, 32), torch.randint(1, 20, (2, 4)), torch.tensor([4, 2])
    torch.testing.assert_close(again.encode_image(pixels), model.encode_image(pixels), rtol=0, atol=0)
    torch.testing.assert_close(
        again.encode_text(tokens, lengths), model.encode_text(tokens, lengths), rtol=0, atol=0
    )


def test_half_precision_halves_the_file_and_computes_in_full_precision(tmp_path):
    torch.manual_seed(0)
    image = SmallResnetConfig(widths=(32, 128), blocks=(1, 1))
    model = TwoTowerConfig(64, 2000, image, GruConfig(word_dim=64), CosineConfig()).build().eval()
    whole, half = native_weights(model, half=False), native_weights(model, half=True)
    assert len(half) < 0.6 * len(whole)
    again = load_native(native_config(model), written(tmp_path, half))
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    pixels = torch.randn(4, 3, 32, 32)
    assert (again.encode_image(pixels) * model.encode_image(pixels)).sum(1).min() > 0.9999


def test_small_kernels_stay_exact_in_half_precision(model):
    """Graphs keep them, too: what a detector chooses goes by differences that half precision takes away."""
    assert native_weights(model, half=True) == native_weights(model, half=False)


@pytest.mark.parametrize(
    "image",
    [FneConfig(architecture="regnet_y_400mf"), CnnConfig(architecture="regnet_x_400mf"), SmallResnetConfig()],
    ids=lambda image: getattr(image, "architecture", image.kind),
)
def test_shapes_are_known_without_the_weights(image):
    """RegNets compute their widths from tensors, which hold no numbers on the meta device."""
    model = TwoTowerConfig(6, 20, image, GruConfig(word_dim=5), CosineConfig()).build()
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert shapes_of(native_config(model)) == wanted


def test_embeddings_have_unit_length(model):
    assert torch.allclose(model.encode_image(torch.randn(3, 3, 32, 32)).norm(dim=1), torch.ones(3))


def test_an_embedding_is_the_mean_of_a_pictures_views(model):
    pixels = torch.randn(3, 3, 32, 32)
    large = functional.interpolate(pixels, scale_factor=1.25, mode="bilinear", align_corners=False)
    views = (pixels, pixels.flip(-1), large, large.flip(-1))
    with torch.inference_mode():
        mean = torch.stack([model.image(view) for view in views]).mean(0)
        wanted = mean / mean.norm(dim=1, keepdim=True)
        model.config = dataclasses.replace(model.config, mirror=True, scales=(1.0, 1.25))
        torch.testing.assert_close(model.encode_image(pixels), wanted)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"architecture": "other"}, "architecture"),
        ({"embedding_dim": 10**9}, "out of range"),
        ({"vocabulary": 10**9}, "out of range"),
        ({"image": {"kind": "cnn", "architecture": "os.system"}}, "os.system"),
        ({"surprise": 1}, "surprise"),
        ({"scales": []}, "scales"),
        ({"scales": [1.0, 50.0]}, "scales"),
        ({"scales": [float("nan")]}, "scales"),
    ],
)
def test_a_wrong_config_is_refused_with_what_is_wrong(model, tmp_path, change, named):
    weights = written(tmp_path, native_weights(model, half=False))
    with pytest.raises(ModelConfigError, match=named):
        load_native(native_config(model) | change, weights)


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "broken"])
def test_weights_that_do_not_fit_are_refused(model, tmp_path, change):
    state = load(native_weights(model, half=False))
    name = "image.linear.weight"
    if change == "missing":
        del state[name]
    elif change == "extra":
        state["backdoor"] = torch.zeros(1)
    else:
        state[name] = torch.zeros(2, 2)
    data = b"broken" if change == "broken" else save(state)
    with pytest.raises(WeightsError):
        load_native(native_config(model), written(tmp_path, data))
