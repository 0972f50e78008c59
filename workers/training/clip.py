"""A published CLIP, SigLIP or Chinese-CLIP as a bundle: both encoders as graphs and native weights, and how it reads.

Reads what Hugging Face's `transformers` (requirements/clip.txt) reads: a folder or, where the hub can be reached, a
model's name there. Weights are taken from safetensors only, since the older files are pickles.
"""

import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError

from workers.inference.bundles import bundle_write
from workers.inference.byte_pairs import BytePairTokenizer
from workers.inference.errors import BundleError
from workers.inference.manifest import Manifest
from workers.inference.published.settings import lowered_before, picture_settings
from workers.inference.references import FILE as REFERENCES
from workers.inference.references import SEEDS, TEXTS, reference_picture, references_json
from workers.neural.errors import ModelConfigError, WeightsError
from workers.neural.published import FAMILIES, published_config, published_model
from workers.neural.two_tower import TwoTower
from workers.training.errors import TrainingError
from workers.training.export import PAYLOADS, ExportOptions, encoder_files

MERGES, TOKENIZER = "merges.txt", "tokenizer.json"


class Published(NamedTuple):
    """A published model: ours of its weights, the manifest's `image` and `text`, and the file that `text` names.

    `references`: what transformers itself gives for a few texts and pictures.
    """

    model: TwoTower
    pictures: dict[str, Any]
    texts: dict[str, Any]
    vocabulary: bytes
    references: bytes


def clip_bundle(source: str, path: Path, options: ExportOptions) -> Manifest:
    """Write the bundle of the model in the folder or of the name `source`, and return its manifest.

    Raises TrainingError where it cannot be read or is none of the families, BundleError where it makes no bundle.
    """
    published = read_published(source)
    files, _ = encoder_files(published.model, published.pictures["size"], crops=False, half=options.half)
    manifest = {
        "format": 1,
        "name": options.name,
        "licence": options.licence,
        "description": options.description,
        "dim": published.model.config.embedding_dim,
        "similarity": "cosine",
        "modalities": ["image", "text"],
        "image": published.pictures,
        "text": published.texts,
        "payloads": PAYLOADS,
        "references": REFERENCES,
        "training": {"source": Path(source).name},
        **options.units,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    more = {published.texts["vocabulary"]: published.vocabulary, REFERENCES: published.references}
    return bundle_write(path, manifest, files | more)


def read_published(source: str) -> Published:
    """The model, its tokenizer and its preparation of pictures. Raises TrainingError."""
    try:
        import transformers
    except ImportError:
        raise TrainingError(
            "Importing a CLIP model needs transformers: pip install -r requirements/clip.txt."
        ) from None
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        kind = transformers.AutoConfig.from_pretrained(source).model_type
        if kind not in FAMILIES:
            raise TrainingError(f"{source} is a {kind}; known are {', '.join(sorted(FAMILIES))}.")
        model = transformers.AutoModel.from_pretrained(source, use_safetensors=True, dtype=torch.float32)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        prepare = transformers.AutoImageProcessor.from_pretrained(source)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"No CLIP model can be read from {source}: {_first_sentence(error)}") from None
    pad = tokenizer.pad_token_id or 0
    ours, pictures = _ours(model, pad, source), _pictures(prepare.to_dict(), source)
    length = ours.config.text.positions  # type: ignore[union-attr]
    texts, vocabulary = _merges(tokenizer, source) if kind == "clip" else _file(tokenizer, source, kind)
    texts |= {"max_tokens": length}
    lowers = texts.get("feed", {}).get("lowercase", False)
    try:
        references = _references(_Original(model, tokenizer, prepare, kind, length, lowers))
    except (ValueError, RuntimeError) as error:  # what prepares for it makes something that it does not take
        raise TrainingError(f"{source} does not encode its own input: {_first_sentence(error)}") from None
    return Published(ours, pictures, texts, vocabulary, references)


class _Original(NamedTuple):
    """A model as transformers has it, with its own tokenizer and preparation of pictures; `lowers` texts first."""

    model: Any
    tokenizer: Any
    prepare: Any
    kind: str
    length: int
    lowers: bool

    @torch.inference_mode()
    def text(self, text: str) -> Any:
        """Its vector of a text, padded as the family was trained."""
        siglip = self.kind == "siglip"
        ids = self.tokenizer(
            text.lower() if self.lowers else text, truncation=True, max_length=self.length, padding_side="right",
            padding="max_length" if siglip else False, return_tensors="pt",
        )  # fmt: skip
        mask = None if siglip else ids["attention_mask"]
        return _row(self.model.get_text_features(input_ids=ids["input_ids"], attention_mask=mask))

    @torch.inference_mode()
    def picture(self, seed: int) -> Any:
        """Its vector of the picture of a seed."""
        pixels = self.prepare(images=reference_picture(seed), return_tensors="pt")["pixel_values"]
        return _row(self.model.get_image_features(pixel_values=pixels))


def _row(found: Any) -> Any:
    """The one vector of what transformers returns, of unit length; some of its versions wrap it."""
    vectors = found if isinstance(found, torch.Tensor) else found.pooler_output
    return torch.nn.functional.normalize(vectors[0], dim=0).numpy()


def _references(original: _Original) -> bytes:
    texts = {text: original.text(text) for text in TEXTS}
    return references_json(texts, {seed: original.picture(seed) for seed in SEEDS})


def _ours(model: Any, pad: int, source: str) -> TwoTower:
    try:
        return published_model(published_config(model.config.to_dict(), pad), model.state_dict())
    except (ModelConfigError, WeightsError) as error:
        raise TrainingError(f"No CLIP model can be read from {source}: {error}") from None


def _merges(tokenizer: Any, source: str) -> tuple[dict[str, Any], bytes]:
    """How CLIP reads texts, and its merges, whose order must give the ids that the model was trained with."""
    described = json.loads(_described(tokenizer, source))["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in described["merges"]]
    try:
        vocabulary = BytePairTokenizer(merges).vocabulary
    except ValueError as error:
        raise TrainingError(f"{source} has no tokenizer like CLIP's: {error}") from None
    if described["vocab"] != {piece: at for at, piece in enumerate(vocabulary)}:
        raise TrainingError(f"{source} numbers its tokens in another way than CLIP.")
    return {"tokenizer": "clip-bpe", "vocabulary": MERGES}, ("\n".join(merges) + "\n").encode()


def _file(tokenizer: Any, source: str, kind: str) -> tuple[dict[str, Any], bytes]:
    """How the others read texts, and their tokenizer's file. Whatever pads a text, the encoder sees its own."""
    described = _described(tokenizer, source)
    feed = {"inputs": ["tokens", "lengths"], "integers": "int64", "padding": "longest", "pad": 0}
    if lowered_before(kind, json.loads(described)):
        feed["lowercase"] = True
    texts = {"tokenizer": "tokenizers", "vocabulary": TOKENIZER, "feed": feed}
    return texts, described.encode()


def _described(tokenizer: Any, source: str) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise TrainingError(f"{source} has no tokenizer.json.")
    return str(backend.to_str())


def _pictures(described: dict[str, Any], source: str) -> dict[str, Any]:
    """The manifest's `image`."""
    try:
        return picture_settings(described, takes_bytes=False)
    except BundleError as error:
        raise TrainingError(f"{source} prepares pictures in another way than CLIP: {error.message}") from None


def _first_sentence(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
