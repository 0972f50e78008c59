"""A tiny random MobileCLIP: a convolutional image encoder beside CLIP's text encoder, in its repository's layout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tests.support.published import LENGTH, SIZE, TEXT, export, random_model, text_example

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer

DIM = 24
FOLDER = "onnx/s0"
"""Where its repository has the smallest model's graphs."""


class Convolutions(nn.Module):
    """pixel_values in 0 to 1 → the picture's vector: strides, a depthwise convolution and a mean, as in MobileCLIP."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(16, 16, 7, padding=3, groups=16)
        self.pointwise = nn.Conv2d(16, 32, 1)
        self.project = nn.Linear(32, DIM, bias=False)

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """See the class."""
        found = nn.functional.gelu(self.stem(4 * pixel_values - 2))
        found = nn.functional.gelu(self.pointwise(self.depthwise(found)))
        return self.project(found.mean((2, 3)))


class Words(nn.Module):
    """input_ids → the text's vector, by CLIP's text encoder, without a mask."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return self.model(input_ids=input_ids).text_embeds


def tiny_mobile_clip(vocabulary: int) -> tuple[nn.Module, nn.Module]:
    """Return both encoders."""
    import transformers as hf

    torch.manual_seed(6)
    text = TEXT | {
        "vocab_size": vocabulary,
        "max_position_embeddings": LENGTH,
        "eos_token_id": vocabulary - 1,
    }
    config = hf.CLIPTextConfig(**text, projection_dim=DIM)
    words = Words(random_model(hf.CLIPTextModelWithProjection, config))
    return Convolutions().eval().requires_grad_(requires_grad=False), words


def write_mobile_clip(
    folder: Path, images: nn.Module, words: nn.Module, tokenizer: Tokenizer, pad: str
) -> None:
    """Write the graphs and how pictures are prepared in `onnx/s0`; the tokeniser, which all sizes share, above."""
    place = folder / FOLDER
    export(
        images, {"pixel_values": torch.rand(1, 3, SIZE, SIZE)}, "image_embeds", place / "vision_model.onnx"
    )
    ids = {"input_ids": text_example("clip")["input_ids"]}
    export(words, ids, "text_embeds", place / "text_model.onnx")
    pictures = {
        "size": {"shortest_edge": SIZE},
        "do_center_crop": True,
        "crop_size": {"height": SIZE, "width": SIZE},
        "do_normalize": False,
        "resample": 2,
    }
    (place / "preprocessor_config.json").write_text(json.dumps(pictures))
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    settings = {"pad_token": pad, "model_max_length": LENGTH}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
