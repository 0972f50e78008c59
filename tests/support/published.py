"""Tiny random models of published families, made by transformers and exported in the hub's layouts."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from pathlib import Path

WORDS = [
    "a",
    "red",
    "blue",
    "pump",
    "valve",
    "dog",
    "runs",
    "on",
    "the",
    "grass",
    "in",
    "rain",
    "and",
    "two",
    "men",
    "are",
    "near",
    "an",
    "old",
    "house",
    "with",
    "no",
    "roof",
]
SIZE = 32
VISION = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": SIZE,
          "patch_size": 8}  # fmt: skip
TEXT = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}


class Vision(nn.Module):
    """pixel_values → the family's picture vectors, before they are brought to unit length."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return _vectors(self.model.get_image_features(pixel_values=pixel_values))


class Text(nn.Module):
    """input_ids, for some attention_mask → the family's text vectors, before they are brought to unit length."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """See the class."""
        return _vectors(self.model.get_text_features(input_ids=input_ids, attention_mask=attention_mask))


def _vectors(found: Any) -> torch.Tensor:
    return found if isinstance(found, torch.Tensor) else found.pooler_output


def tiny_model(family: str, vocabulary: int) -> Any:
    """Return a random model: `clip`, `siglip`, `siglip2` or `chinese_clip`, on SIZE² pictures."""
    import transformers as hf

    torch.manual_seed(3)
    if family == "clip":
        text = TEXT | {
            "vocab_size": vocabulary,
            "max_position_embeddings": 20,
            "eos_token_id": vocabulary - 1,
        }
        config = hf.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)
        return _random(hf.CLIPModel, config)
    if family == "chinese_clip":
        text = TEXT | {"vocab_size": vocabulary, "max_position_embeddings": 20}
        config = hf.ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)
        return _random(hf.ChineseCLIPModel, config)
    text = TEXT | {"vocab_size": vocabulary, "max_position_embeddings": 16, "projection_size": 32}
    config = hf.SiglipConfig(text_config=text, vision_config=VISION)
    return _random(hf.SiglipModel, config)


def _random(kind: Any, config: Any) -> Any:
    """Return a model whose pictures and texts differ: larger weights than training begins with."""
    config._attn_implementation = "eager"
    model = kind(config).eval().requires_grad_(requires_grad=False)
    for name, weights in model.named_parameters():
        if weights.dim() > 1:
            weights.mul_(6 if "embedding" in name else 4)
    return model


def export(
    module: nn.Module,
    inputs: tuple[torch.Tensor, ...],
    names: list[str],
    output: str,
    path: Path,
    *,
    batch: bool = True,
) -> None:
    """Write an ONNX graph; without `batch` every axis is fixed, as older exports of immich have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = (
        {name: {0: "batch", **({1: "length"} if name != "pixel_values" else {})} for name in names}
        if batch
        else None
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, inputs, str(path), input_names=names, output_names=[output],
            dynamic_axes={**axes, output: {0: "batch"}} if axes else None, opset_version=17, dynamo=False,
        )  # fmt: skip
