"""A published CLIP model as a bundle: both encoders as ONNX graphs, its merges, how it wants its pictures.

Reads what Hugging Face's `transformers` (optional: requirements/clip.txt) reads: a folder or, where the hub can be
reached, a model's name there. Weights are taken from safetensors only, since the older files are pickles.
"""

import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.functional import normalize

from workers.inference.bundles import bundle_write
from workers.inference.byte_pairs import BytePairTokenizer
from workers.inference.manifest import Manifest
from workers.training.errors import TrainingError
from workers.training.export import ExportOptions
from workers.training.graphs import image_tower_graph, text_tower_graph

INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, by which preprocessing names them."""


class Published(NamedTuple):
    """The parts of a published model: transformers' CLIPModel, the tokenizer's merges, the preprocessing's settings."""

    model: Any
    merges: list[str]
    pictures: dict[str, Any]


def clip_bundle(source: str, path: Path, options: ExportOptions) -> Manifest:
    """Write the bundle of the CLIP model in the folder or of the name `source`, and return its manifest.

    Raises TrainingError where it cannot be read or is not what CLIP is, BundleError where it makes no bundle.
    """
    published = read_published(source)
    size = published.pictures["size"]
    length = int(published.model.config.text_config.max_position_embeddings)
    files: dict[str, bytes | Path] = {
        "image.onnx": image_tower_graph(
            ClipImageTower(published.model), size, crops=False, half=options.half
        ),
        "text.onnx": text_tower_graph(ClipTextTower(published.model), half=options.half, longest=length),
        "merges.txt": ("\n".join(published.merges) + "\n").encode(),
    }
    manifest = {
        "format": 1,
        "name": options.name,
        "licence": options.licence,
        "description": options.description,
        "dim": int(published.model.config.projection_dim),
        "similarity": "cosine",
        "modalities": ["image", "text"],
        "image": published.pictures,
        "text": {"tokenizer": "clip-bpe", "vocabulary": "merges.txt", "max_tokens": length},
        "payloads": {"onnx": {"image": "image.onnx", "text": "text.onnx"}},
        "training": {"source": Path(source).name},
        **options.units,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    return bundle_write(path, manifest, files)


class ClipImageTower(nn.Module):
    """pixels (batch, 3, size, size) → embeddings (batch, dim) of unit length."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.vision = model.vision_model
        self.project = model.visual_projection

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        return normalize(self.project(self.vision(pixel_values=pixels).pooler_output), dim=-1)


class ClipTextTower(nn.Module):
    """tokens (batch, length), lengths (batch) → embeddings (batch, dim) of unit length: what stands at the end token.

    A token sees only those before it, so whatever pads the shorter texts changes nothing.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.text = model.text_model
        self.project = model.text_projection

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        states = self.text(input_ids=tokens).last_hidden_state
        ends = states[torch.arange(states.shape[0], device=states.device), lengths - 1]
        return normalize(self.project(ends), dim=-1)


def read_published(source: str) -> Published:
    """The model, tokenizer and preprocessing of a CLIP model. Raises TrainingError."""
    try:
        import transformers
    except ImportError:
        raise TrainingError(
            "Importing a CLIP model needs transformers: pip install -r requirements/clip.txt."
        ) from None
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        # "eager": attention as plain operators, which every runtime has.
        model = transformers.CLIPModel.from_pretrained(
            source, use_safetensors=True, dtype=torch.float32, attn_implementation="eager"
        )
        tokenizer = transformers.CLIPTokenizerFast.from_pretrained(source)
        pictures = transformers.CLIPImageProcessor.from_pretrained(source).to_dict()
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"No CLIP model can be read from {source}: {_first_sentence(error)}") from None
    model = model.eval().requires_grad_(requires_grad=False)
    return Published(model, _merges(tokenizer, source), _pictures(pictures, source))


def _merges(tokenizer: Any, source: str) -> list[str]:
    """The tokenizer's merges, whose order must give the ids that the model was trained with."""
    described = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in described["merges"]]
    try:
        vocabulary = BytePairTokenizer(merges).vocabulary
    except ValueError as error:
        raise TrainingError(f"{source} has no tokenizer like CLIP's: {error}") from None
    if described["vocab"] != {piece: at for at, piece in enumerate(vocabulary)}:
        raise TrainingError(f"{source} numbers its tokens in another way than CLIP.")
    return merges


def _pictures(described: dict[str, Any], source: str) -> dict[str, Any]:
    """The manifest's `image`: the shorter side resized, the middle square cut out, as CLIP does."""
    try:
        resize, size = described["size"]["shortest_edge"], described["crop_size"]["height"]
        found = {
            "resize": int(resize),
            "size": int(size),
            "crop": "center",
            "interpolation": INTERPOLATIONS[int(described["resample"])],
            "mean": [float(value) for value in described["image_mean"]],
            "std": [float(value) for value in described["image_std"]],
        }
    except (KeyError, TypeError) as error:
        raise TrainingError(f"{source} prepares pictures in another way than CLIP: {error}.") from None
    return found


def _first_sentence(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
