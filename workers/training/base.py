"""The version that a run goes on from, where it gives the recipe its shape: fine-tuning says how, the bundle says what.

A run folder keeps the whole recipe, with that shape, and in `reads/` how the bundle reads texts.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from workers.inference.errors import TextError
from workers.inference.manifest import ImageSpec, Manifest, TextSpec
from workers.inference.text_feed import TextFeed
from workers.inference.texts import TextReader
from workers.neural.errors import ModelConfigError
from workers.neural.native import shape_from
from workers.training.errors import TrainingError
from workers.training.recipe import PixelsConfig, Recipe
from workers.training.start import opened_base

READS, TEXT_FILE = "reads", "text.json"


def shaped_by_bundle(recipe: Recipe) -> Recipe:
    """The recipe with the shape of `start.bundle`, where that is to say it. Raises TrainingError or BundleError."""
    if recipe.start.shape == "recipe":
        return recipe
    if not recipe.start.bundle:
        raise ModelConfigError("This recipe goes on from a version: set start.bundle to its bundle.")
    with opened_base(Path(recipe.start.bundle)) as (folder, manifest):
        shape = shape_from(_native(folder, manifest))
    if manifest.image is None or manifest.text is None:
        raise TrainingError(f"{recipe.start.bundle} has no encoders of both pictures and texts.")
    return replace(
        recipe,
        embedding_dim=shape.embedding_dim,
        image=shape.image,
        text=shape.text,
        similarity=shape.similarity,
        mirror=shape.mirror,
        scales=shape.scales,
        pixels=_pixels(recipe.pixels, manifest.image),
        data=replace(recipe.data, max_tokens=manifest.text.max_tokens),
    )


def keep_reading(bundle: Path, run: Path) -> None:
    """Keep in a run's folder how a bundle reads texts: its tokenizer's file, and what its manifest says of that."""
    place = run / READS
    if place.exists():
        return
    partial = run / f".{READS}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    with opened_base(bundle) as (folder, manifest):
        spec = manifest.text
        if spec is None:
            raise TrainingError(f"{bundle.name} has no text encoder.")
        name = Path(spec.vocabulary).name
        shutil.copyfile(folder / spec.vocabulary, partial / name)
        vocabulary = shape_from(_native(folder, manifest)).vocabulary
    feed = replace(TextFeed(), lowercase=spec.feed.lowercase) if spec.feed else None
    text = asdict(replace(spec, vocabulary=name, feed=feed))
    (partial / TEXT_FILE).write_text(json.dumps({"text": text, "vocabulary": vocabulary}, indent=1) + "\n")
    partial.rename(place)


class KeptReading:
    """How the bundle reads texts that a run goes on from, as its folder keeps it."""

    def __init__(self, run: Path) -> None:
        self.folder = run / READS
        kept = json.loads((self.folder / TEXT_FILE).read_text())
        text = kept["text"]
        feed = TextFeed(**{**text["feed"], "inputs": tuple(text["feed"]["inputs"])}) if text["feed"] else None
        self.spec = TextSpec(**{**text, "feed": feed})
        self.size = int(kept["vocabulary"])

    def tokens(self, captions: Sequence[Sequence[str]]) -> tuple[list[list[list[int]]], list[str]]:
        """The captions' ids, and every token by its id. Raises TrainingError for one that is no text to the model."""
        reader = TextReader(self.spec, self.folder)
        names = [*reader.vocabulary, *[""] * (self.size - len(reader.vocabulary))]
        try:
            ids = [[reader.encode(text) for text in texts] for texts in captions]
        except TextError as error:
            raise TrainingError(f"A caption cannot be read by the model: {error.message}") from None
        if max((at for texts in ids for text in texts for at in text), default=0) >= self.size:
            raise TrainingError("The tokenizer of the bundle gives ids that its text encoder does not know.")
        return ids, names

    def described(self) -> dict[str, Any]:
        """The manifest's `text`, and so of graphs that take `tokens` and `lengths`."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self.spec)))
        return {name: value for name, value in plain.items() if value is not None}

    @property
    def file(self) -> Path:
        """The tokenizer's file."""
        return self.folder / self.spec.vocabulary


def _native(folder: Path, manifest: Manifest) -> dict[str, Any]:
    if manifest.payloads.native is None:
        raise TrainingError(f"{manifest.name} holds no native weights.")
    found: dict[str, Any] = json.loads((folder / manifest.payloads.native.config).read_text())
    return found


def _pixels(pixels: PixelsConfig, spec: ImageSpec) -> PixelsConfig:
    mean, std = (tuple(map(float, values)) for values in (spec.mean, spec.std))
    return replace(
        pixels,
        resize=spec.size if spec.crop == "squash" else spec.resize,
        size=spec.size,
        crop=spec.crop,  # type: ignore[arg-type]
        interpolation=spec.interpolation,  # type: ignore[arg-type]
        mean=mean,  # type: ignore[arg-type]
        std=std,  # type: ignore[arg-type]
    )
