"""Tiny random models of published families, made by transformers and exported in the hub's layouts."""

from __future__ import annotations

import json
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
TEXT = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
VISION = TEXT | {"image_size": SIZE, "patch_size": 8}


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
        return random_model(hf.CLIPModel, config)
    if family == "chinese_clip":
        text = TEXT | {"vocab_size": vocabulary, "max_position_embeddings": LENGTH}
        config = hf.ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)
        return random_model(hf.ChineseCLIPModel, config)
    text = TEXT | {"vocab_size": vocabulary, "max_position_embeddings": LENGTH, "projection_size": 32}
    config = hf.SiglipConfig(text_config=text, vision_config=VISION)
    return random_model(hf.SiglipModel, config)


def random_model(kind: Any, config: Any) -> Any:
    """Return a model whose pictures and texts differ: larger weights than training begins with."""
    config._attn_implementation = "eager"
    model = kind(config).eval().requires_grad_(requires_grad=False)
    for name, weights in model.named_parameters():
        if weights.dim() > 1:
            weights.mul_(6 if "embedding" in name else 4)
    return model


def export(
    module: nn.Module, inputs: dict[str, torch.Tensor], output: str, path: Path, *, batch: bool = True
) -> None:
    """Write an ONNX graph; without `batch` every axis is fixed, as older exports of immich have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(inputs)
    axes = {
        name: {0: "batch"} if name in ("pixel_values", "image") else {0: "batch", 1: "length"}
        for name in names
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(), tuple(inputs.values()), str(path), input_names=names, output_names=[output],
            dynamic_axes={**axes, output: {0: "batch"}} if batch else None, opset_version=17, dynamo=False,
        )  # fmt: skip


def tiny_tokenizer(family: str, known: list[str] = WORDS) -> Any:
    """Return a tokeniser of the known words: with marks and a mask as BERT's, or an end alone, as SigLIP's."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    marks = ["[PAD]", "[UNK]", "[CLS]"]
    words = [*marks, *sorted(set(known)), "[SEP]"]  # the end has the largest id, as CLIP's has
    tokenizer = Tokenizer(models.WordPiece({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    single = "$A [SEP]" if family.startswith("siglip") else "[CLS] $A [SEP]"
    tokens = [("[CLS]", 2), ("[SEP]", len(words) - 1)]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=tokens)
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return tokenizer


def write_weights(folder: Path, model: Any) -> None:
    """Write what transformers itself publishes of a model: its config and safetensors."""
    model.config.save_pretrained(folder)
    model.save_pretrained(folder)


LENGTH = 16
"""The most tokens of a tiny model's text."""


def write_transformers(folder: Path, family: str, model: Any, tokenizer: Any, *, pad: str = "[PAD]") -> None:
    """Write a model in the layout of transformers.js; `pad`: the token that fills texts up."""
    export(
        Vision(model),
        {"pixel_values": torch.rand(1, 3, SIZE, SIZE)},
        "image_embeds",
        folder / "onnx/vision_model.onnx",
    )
    export(Text(model), text_example(family), "text_embeds", folder / "onnx/text_model.onnx")
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": pad, "model_max_length": LENGTH}))
    config = {
        "model_type": model.config.model_type,
        "text_config": {"max_position_embeddings": LENGTH},
    }
    (folder / "config.json").write_text(json.dumps(config))
    pictures = {
        "size": {"height": SIZE, "width": SIZE},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "resample": 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures))


def write_open_clip(folder: Path, family: str, model: Any, tokenizer: Any, *, pad: str = "[PAD]") -> None:
    """Write a model in the layout of immich, with graphs for one picture and one text, as its first ones were."""
    pixels = {"image": torch.rand(1, 3, SIZE, SIZE)}
    export(Vision(model), pixels, "embedding", folder / "visual/model.onnx", batch=False)
    text = {"text": text_example(family)["input_ids"].int()}
    export(Text(model), text, "embedding", folder / "textual/model.onnx", batch=False)
    (folder / "textual/tokenizer.json").write_text(tokenizer.to_str())
    (folder / "textual/tokenizer_config.json").write_text(json.dumps({"pad_token": pad}))
    clean = {"tokenizer_kwargs": {"clean": "canonicalize"}} if family.startswith("siglip") else {}
    config = {"embed_dim": 32, "text_cfg": {"context_length": LENGTH, **clean}}
    (folder / "config.json").write_text(json.dumps(config))
    pictures = {
        "size": [SIZE, SIZE],
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
        "interpolation": "bicubic",
        "resize_mode": "squash",
    }
    (folder / "visual/preprocess_cfg.json").write_text(json.dumps(pictures))


def text_example(family: str) -> dict[str, torch.Tensor]:
    """Return what a text graph is exported with."""
    ids = torch.zeros(1, LENGTH, dtype=torch.int64)
    ids[0, :5] = torch.arange(2, 7)
    mask = {} if family.startswith("siglip") else {"attention_mask": (ids != 0).long()}
    return {"input_ids": ids} | mask


def reference_texts(model: Any, tokenizer: Any, texts: list[str], *, fixed: bool) -> Any:
    """Return transformers' own vectors of texts, each alone: padded to LENGTH without a mask where it is `fixed`."""
    found = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        padded = torch.tensor([ids + [0] * ((LENGTH - len(ids)) if fixed else 0)])
        found.append(Text(model)(padded, None if fixed else torch.ones_like(padded)))
    return nn.functional.normalize(torch.cat(found), dim=-1).numpy()
