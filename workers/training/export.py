"""A trained model as a bundle: ONNX graphs for serving, native weights for training further, its origin."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.inference.bundles import bundle_write
from workers.inference.manifest import Manifest
from workers.neural.native import native_config, native_weights
from workers.neural.pieces import piece_tokenizer
from workers.neural.tokens import PAD_ID
from workers.neural.two_tower import TwoTower
from workers.training.base import KeptReading
from workers.training.graphs import Grid, image_graph, staged_graph, stages_of, text_graph
from workers.training.run_folder import RunFolder
from workers.training.scripts import image_script, text_script
from workers.training.start import TOKENIZER_FILE, VOCABULARY_FILE

PAYLOADS = {
    "onnx": {"image": "image.onnx", "text": "text.onnx"},
    "native": {"config": "native.json", "weights": "native.safetensors"},
}
TORCHSCRIPT = {"image": "image.torchscript", "text": "text.torchscript"}


PIECES = {
    "tokenizer": "tokenizers",
    "vocabulary": TOKENIZER_FILE,
    "feed": {"inputs": ["tokens", "lengths"], "integers": "int64", "padding": "longest", "pad": PAD_ID},
}


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """`half` stores weights in float16, which halves the file; the graphs still compute in float32.

    `torchscript` adds both encoders as TorchScript, in float32. `pages`: the image encoder was made for pages.
    """

    name: str
    licence: str = "unknown"
    description: str = ""
    half: bool = False
    torchscript: bool = False
    pages: bool = False

    @property
    def units(self) -> dict[str, list[str]]:
        """What the manifest says of kinds of unit that not every model knows."""
        return {"units": ["page"]} if self.pages else {}


def export_bundle(model: TwoTower, run: RunFolder, path: Path, options: ExportOptions) -> Manifest:
    """Write the bundle of a run's model to `path` and return its manifest. Raises BundleError."""
    model = model.eval().cpu()
    facts = run.facts()
    pixels = facts["recipe"]["pixels"]
    crops = pixels["crop"] == "ten"
    files, grid = encoder_files(model, pixels["size"], crops=crops, half=options.half)
    manifest = _manifest(facts, _metrics(run), options)
    recipe = run.recipe()
    if recipe.reads_as_bundle:
        reading = KeptReading(run.path)
        manifest["text"] = reading.described()
        files[reading.spec.vocabulary] = reading.file
    elif recipe.reads_pieces:
        manifest["text"] |= PIECES
        files[TOKENIZER_FILE] = piece_tokenizer(run.vocabulary.read_text().splitlines()).to_str().encode()
    else:
        files[VOCABULARY_FILE] = run.vocabulary.read_bytes()
    if options.torchscript:
        files |= {
            TORCHSCRIPT["image"]: image_script(model, pixels["size"], crops=crops),
            TORCHSCRIPT["text"]: text_script(model),
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    if grid:
        manifest["image"]["cells"] = list(grid)
    if stages := stages_of(model, crops=crops):
        manifest["image"]["stages"] = list(stages)
    return bundle_write(path, manifest, files)


def _metrics(run: RunFolder) -> dict[str, Any]:
    """The best epoch's quality, and where the run goes on from a version, that of the version."""
    found = {"validation": json.loads(run.metrics.read_text())}
    return found | ({"base": json.loads(run.base.read_text())} if run.base.exists() else {})


def encoder_files(
    model: TwoTower, size: int, *, crops: bool, half: bool
) -> tuple[dict[str, bytes | Path], Grid | None]:
    """Both encoders as graphs and in their native form, by their names in `PAYLOADS`, and the image graph's cells."""
    image, grid = (
        (staged_graph(model, size, half=half), None)
        if stages_of(model, crops=crops)
        else image_graph(model, size, crops=crops, half=half)
    )
    return {
        "image.onnx": image,
        "text.onnx": text_graph(model, half=half),
        "native.json": (json.dumps(native_config(model), indent=1) + "\n").encode(),
        "native.safetensors": native_weights(model, half=half),
    }, grid


def _manifest(facts: dict[str, Any], metrics: dict[str, Any], options: ExportOptions) -> dict[str, Any]:
    recipe = facts["recipe"]
    precision = {"precision": "float32"} if _all_or_nothing(recipe["image"]) else {}
    pixels = {key: recipe["pixels"][key] for key in ("resize", "size", "crop", "mean", "std")}
    interpolation = recipe["pixels"].get("interpolation", "bilinear")  # runs of before have none
    return {
        "format": 1,
        "name": options.name,
        "licence": options.licence,
        "description": options.description,
        "dim": recipe["embedding_dim"],
        "similarity": recipe["similarity"]["kind"],
        "modalities": ["image", "text"],
        "image": {**pixels, "interpolation": interpolation, **precision},
        "text": {
            "tokenizer": "nltk-words",
            "vocabulary": VOCABULARY_FILE,
            "max_tokens": recipe["data"]["max_tokens"],
        },
        "payloads": {
            **PAYLOADS,
            **({"torchscript": TORCHSCRIPT} if options.torchscript else {}),
        },
        "training": {
            "recipe": _without_paths(recipe),
            "fingerprints": facts["fingerprints"],
            "sets": facts.get("sets", {}),
            "versions": facts["versions"],
        },
        "metrics": metrics,
        **options.units,
    }


def _all_or_nothing(image: dict[str, Any]) -> bool:
    """Whether an encoder decides by thresholds, which turn over in bf16: discretised features, a detector's boxes."""
    return bool(image.get("discretise")) or image.get("source") == "detector"


def _without_paths(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe as others may see it: a local weight file is named, its folder is not told."""
    local = ("weights", "bundle", "words", "sentence")
    names = {key: Path(recipe["start"].get(key, "")).name for key in local}
    return {**recipe, "start": {**recipe["start"], **names}}
