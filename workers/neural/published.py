"""A published CLIP-like model of `transformers` as a two-tower model: its config and its weights under our names.

Known are CLIP, SigLIP (the fixed sizes of SigLIP 2 too) and Chinese-CLIP, each told by `model_type` in its config.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from workers.neural.configs import config_from
from workers.neural.errors import ModelConfigError, WeightsError
from workers.neural.images.vit import VitConfig
from workers.neural.transformer_blocks import transformers_library
from workers.neural.two_tower import TwoTower, TwoTowerConfig


class Family(NamedTuple):
    """How the library calls the configs of a family's towers, and which kinds of ours they are."""

    text: str
    vision: str
    text_family: str
    vision_family: str


FAMILIES = {
    "clip": Family("CLIPTextConfig", "CLIPVisionConfig", "clip", "clip"),
    "siglip": Family("SiglipTextConfig", "SiglipVisionConfig", "siglip", "siglip"),
    "chinese_clip": Family("ChineseCLIPTextConfig", "ChineseCLIPVisionConfig", "bert", "clip"),
}
_SHAPE = {
    "layers": "num_hidden_layers", "width": "hidden_size", "heads": "num_attention_heads",
    "inner": "intermediate_size", "activation": "hidden_act", "epsilon": "layer_norm_eps",
}  # fmt: skip
_TEXT = _SHAPE | {"positions": "max_position_embeddings"}
_VISION = _SHAPE | {"size": "image_size", "patch": "patch_size"}
_MORE = ("vocab_size", "projection_size", "type_vocab_size", "num_channels")
_PROJECTION_DIM = 512
"""What transformers takes where a config does not say it."""
_IMAGE, _TEXTS = "image.trunk.network.", "text.pretrained.network."
_IGNORED = ("logit_scale", "logit_bias")
_POSITIONS = "embeddings.position_ids"
"""A table of 0, 1, 2, …, which older files hold."""


def published_config(settings: Mapping[str, Any], pad: int) -> TwoTowerConfig:
    """The shape that a published config.json describes; `pad`: the id with which its tokenizer fills texts up.

    Raises ModelConfigError for what is not known here.
    """
    family = FAMILIES.get(str(settings.get("model_type")))
    if family is None:
        known = ", ".join(sorted(FAMILIES))
        raise ModelConfigError(
            f"Native weights are known for {known}, not for {settings.get('model_type')!r}."
        )
    text, vision = (_described(settings, part, name) for part, name in _parts(family))
    if vision.num_channels != 3:
        raise ModelConfigError("The image encoder takes no RGB pictures.")
    siglip = family.text_family == "siglip"
    dim = text.projection_size if siglip else settings.get("projection_dim", _PROJECTION_DIM)
    if siglip and dim != vision.hidden_size:
        raise ModelConfigError("The two encoders have no common number of dimensions.")
    types = {"types": text.type_vocab_size} if family.text_family == "bert" else {}
    head = {"bias": siglip, "pad": pad, **types}
    plain = {
        "embedding_dim": dim,
        "vocabulary": text.vocab_size,
        "image": {"kind": "vit", "family": family.vision_family, **_read(vision, _VISION)},
        "text": {"kind": "transformer", "family": family.text_family, **head, **_read(text, _TEXT)},
        "similarity": {"kind": "cosine"},
    }
    return config_from(TwoTowerConfig, plain, "The published config")


def published_model(config: TwoTowerConfig, state: Mapping[str, Tensor]) -> TwoTower:
    """The model with published weights, in evaluation mode. Raises WeightsError where they do not fit the config."""
    model = config.build()
    made = dict(_translated(state))
    if isinstance(config.image, VitConfig) and config.image.family == "siglip":
        made["image.linear.weight"] = torch.eye(config.embedding_dim)  # SigLIP has no map behind its trunk
    for name in ("image.mean", "image.deviation"):  # of features that are taken as they are
        made[name] = model.state_dict()[name]
    wanted = model.state_dict()
    wrong = sorted({*wanted, *made} - {n for n in wanted if n in made and made[n].shape == wanted[n].shape})
    if wrong:
        raise WeightsError(f"The published weights do not fit their config at {wrong[0]!r}.")
    model.load_state_dict({name: value.to(wanted[name].dtype) for name, value in made.items()})
    return model.eval()


def _parts(family: Family) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("text_config", family.text), ("vision_config", family.vision)


def _described(settings: Mapping[str, Any], part: str, name: str) -> Any:
    """The library's config of one tower, by the settings that are known here; it knows what is left out."""
    given = settings.get(part) or {}
    if not isinstance(given, Mapping):
        raise ModelConfigError(f"{part} is no table of settings.")
    names = {*_TEXT.values(), *_VISION.values(), *_MORE}
    taken = {key: value for key, value in given.items() if key in names and _is_plain(value)}
    try:
        return getattr(transformers_library(), name)(**taken)
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelConfigError(f"{part} is not understood: {str(error)[:200]}") from None


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _read(described: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """Its settings under our names."""
    return {ours: getattr(described, theirs) for ours, theirs in names.items()}


def _translated(state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    whole = {
        "visual_projection.weight": "image.linear.weight",
        "text_projection.weight": "text.project.weight",
        "text_model.head.weight": "text.project.weight",
        "text_model.head.bias": "text.project.bias",
    }
    for name, value in state.items():
        if name in _IGNORED or name.endswith(_POSITIONS):
            continue
        if name in whole:
            yield whole[name], value
        elif name.startswith("vision_model."):
            yield _IMAGE + name.removeprefix("vision_model."), value
        elif name.startswith("text_model.") and not name.startswith("text_model.pooler."):
            yield _TEXTS + name.removeprefix("text_model."), value
