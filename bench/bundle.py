"""The benchmarks' model: VSE++ at its published size (ResNet-152, GRU-1024, 1,024 dimensions) with random weights.

Speed does not depend on what a network has learned, but whether bfloat16 agrees with float32 depends on the scale of
its activations. So they are given a trained network's: batch norms hold the statistics of photos, and a residual
branch adds a little to what it is added to.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torchvision.models.resnet import Bottleneck

from bench.photos import photo
from bench.serving import DATA_DIR
from workers.inference.bundles import bundle_write
from workers.inference.manifest import ImageSpec
from workers.inference.pictures import to_pixels
from workers.neural.family import CnnConfig, CosineConfig
from workers.neural.texts.gru import GruConfig
from workers.neural.two_tower import TwoTower, TwoTowerConfig
from workers.training.graphs import image_graph, text_graph

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = {
    "resize": 256,
    "size": 224,
    "crop": "center",
    "interpolation": "bilinear",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
WORDS = 8000
CALIBRATION_PHOTOS = 16
BRANCH_SCALE = 0.2


def bench_bundle(architecture: str = "resnet152") -> Path:
    """Return the bundle's path, making it first where it is not there yet (a minute)."""
    path = DATA_DIR / f"bench-{architecture}.bundle.zip"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, architecture)
    return path


def vocabulary(words: int = WORDS) -> list[str]:
    """Return the model's words: `w0` … after the four special tokens."""
    return ["<pad>", "<start>", "<end>", "<unk>", *(f"w{n}" for n in range(words))]


def caption(rng: np.random.Generator) -> str:
    """Return a caption of 6 to 20 known words."""
    return " ".join(f"w{n}" for n in rng.integers(0, WORDS, rng.integers(6, 21)))


def _write(path: Path, architecture: str) -> None:
    torch.manual_seed(0)
    words = vocabulary()
    config = TwoTowerConfig(
        1024, len(words), CnnConfig(architecture=architecture), GruConfig(), CosineConfig()
    )
    model = _calibrated(config.build())
    image, grid = image_graph(model, PIXELS["size"], crops=False, half=False)
    files: dict[str, bytes | Path] = {
        "image.onnx": image,
        "text.onnx": text_graph(model, half=False),
        "vocabulary.txt": ("\n".join(words) + "\n").encode(),
    }
    manifest = {
        "format": 1,
        "name": f"bench-{architecture}",
        "licence": "Apache-2.0",
        "description": "Random weights, for measuring speed.",
        "dim": 1024,
        "similarity": "cosine",
        "modalities": ["image", "text"],
        "image": PIXELS | ({"cells": list(grid)} if grid else {}),
        "text": {"tokenizer": "nltk-words", "vocabulary": "vocabulary.txt", "max_tokens": 64},
        "payloads": {"onnx": {"image": "image.onnx", "text": "text.onnx"}},
        "training": {},
        "metrics": {},
    }
    bundle_write(path, json.loads(json.dumps(manifest)), files)


@torch.no_grad()
def _calibrated(model: TwoTower) -> TwoTower:
    """Set every batch norm's statistics to those of a batch of photos."""
    spec = ImageSpec(**{**PIXELS, "mean": tuple(PIXELS["mean"]), "std": tuple(PIXELS["std"])})
    pictures = [Image.open(io.BytesIO(photo(n, 320, 240))) for n in range(CALIBRATION_PHOTOS)]
    pixels = torch.from_numpy(np.stack([to_pixels(picture, spec) for picture in pictures]))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the average of all batches, here one
            module.reset_running_stats()
        if isinstance(module, Bottleneck):
            torch.nn.init.constant_(module.bn3.weight, BRANCH_SCALE)
    model.train()
    model.encode_image(pixels)
    return model.eval().requires_grad_(requires_grad=False)
