"""Native weights of published models: a two-tower model of them gives transformers' own vectors."""

import pytest
import torch
from torch import nn

from tests.support import published
from workers.neural.errors import ModelConfigError, WeightsError
from workers.neural.native import model_from, native_config, shapes_of
from workers.neural.published import FAMILIES, published_config, published_model

TEXTS = ["two men are near an old house with no roof", "a dog", "red valve on the grass"]


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request):
    """A tiny random model of each family, its tokenizer, and the same model under our names."""
    tokenizer = published.tiny_tokenizer(request.param)
    theirs = published.tiny_model(request.param, tokenizer.get_vocab_size())
    ours = published_model(published_config(theirs.config.to_dict(), 0), theirs.state_dict())
    return request.param, theirs, tokenizer, ours


@torch.inference_mode()
def test_the_vectors_are_those_of_transformers_whatever_the_company(family):
    name, theirs, tokenizer, ours = family
    pixels = torch.rand(3, 3, published.SIZE, published.SIZE, generator=torch.Generator().manual_seed(0))
    wanted = nn.functional.normalize(published.Vision(theirs)(pixels), dim=-1)
    assert (ours.encode_image(pixels) * wanted).sum(1).min() > 0.9999
    ids = [tokenizer.encode(text).ids for text in TEXTS]
    tokens = torch.full((len(ids), max(map(len, ids)) + 2), 3)  # what is behind a text is any token
    for row, text in zip(tokens, ids, strict=True):
        row[: len(text)] = torch.tensor(text)
    found = ours.encode_text(tokens, torch.tensor([len(text) for text in ids])).numpy()
    reference = published.reference_texts(theirs, tokenizer, TEXTS, fixed=name == "siglip")
    assert (found * reference).sum(1).min() > 0.9999
    assert len({tuple(row.round(3)) for row in found}) == len(TEXTS)


def test_the_native_config_describes_the_same_weights(family):
    ours = family[3]
    described = native_config(ours)
    wanted = {name: tuple(value.shape) for name, value in ours.state_dict().items()}
    assert shapes_of(described) == wanted
    assert model_from(described).config == ours.config


def test_weights_that_do_not_fit_their_config_are_refused(family):
    theirs, ours = family[1], family[3]
    state = theirs.state_dict()
    missing = {name: value for name, value in state.items() if "layers.1" not in name}
    for wrong in (missing, state | {"vision_model.more": torch.zeros(2)}):
        with pytest.raises(WeightsError, match="do not fit their config"):
            published_model(ours.config, wrong)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"model_type": "blip"}, "Native weights are known for"),
        ({"model_type": "clip", "text_config": [1]}, "no table"),
        ({"model_type": "clip", "vision_config": {"hidden_act": "os.system"}}, "must be one of"),
        ({"model_type": "clip", "vision_config": {"num_channels": 4}}, "no RGB"),
        ({"model_type": "siglip", "text_config": {"projection_size": 5}}, "no common number"),
        ({"model_type": "clip", "projection_dim": "512"}, "must be int"),
    ],
)
def test_configs_that_are_not_known_are_refused(settings, problem):
    with pytest.raises(ModelConfigError, match=problem):
        published_config(settings, 0)


@pytest.mark.parametrize(
    "changes",
    [{"layers": 1000}, {"width": 10**9}, {"heads": 3}, {"patch": 1}, {"size": 10**6}, {"epsilon": 0.0}],
)
def test_sizes_out_of_range_are_refused_before_anything_is_built(changes):
    image = {"kind": "vit", "layers": 1, "width": 32, "heads": 4, "inner": 8} | changes
    text = {"kind": "transformer", "layers": 1, "width": 32, "heads": 4, "inner": 8}
    described = {
        "architecture": "two-tower", "embedding_dim": 8, "vocabulary": 9, "image": image, "text": text,
        "similarity": {"kind": "cosine"},
    }  # fmt: skip
    with pytest.raises(ModelConfigError):
        model_from(described)
