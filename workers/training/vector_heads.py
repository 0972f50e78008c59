"""Heads behind a version that has no native weights, such as the starter: linear maps of the vectors that it gives.

Each tower's head begins as the identity and is learned on vectors that are computed once and kept in the cache, so it
takes seconds. What comes of it is the version's own bundle with an adapter (`workers.inference.adapters`).
"""

import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workers.inference.adapted import adapted_write
from workers.inference.adapters import ResidualMap
from workers.inference.bundles import bundle_extract, read_manifest
from workers.inference.encoder import Encoder
from workers.neural.layers import unit_length
from workers.training.errors import TrainingError
from workers.training.evaluate import embed_files, opened_bundle
from workers.training.layout import Captioned
from workers.training.memory import Remembered
from workers.training.metrics import SCORES, retrieval_ranks
from workers.training.picture_store import pictures_key

if TYPE_CHECKING:
    from workers.inference.manifest import ImageSpec, Manifest
    from workers.training.measures.ranks import Ranks
    from workers.training.recipe import Recipe
    from workers.training.run_folder import RunFolder
    from workers.training.train import TrainOptions

Floats = NDArray[np.float32]


def needs_vector_heads(recipe: "Recipe") -> bool:
    """Whether a recipe goes on from a bundle without native weights. Raises TrainingError where it cannot."""
    bundle = Path(recipe.start.bundle)
    if recipe.start.shape != "bundle" or not bundle.is_file():
        return False
    manifest = read_manifest(bundle)
    if manifest.payloads.native is not None:
        return False
    if not recipe.frozen:
        raise TrainingError(
            f"{bundle.name} holds no native weights, so nothing but heads can be trained: take finetune-heads."
        )
    if manifest.similarity != "cosine" or manifest.adapter or len(manifest.modalities) != 2:
        raise TrainingError(
            f"{bundle.name} cannot get heads: they are for the cosine of pictures and texts, and an adapter's bundle "
            "is adapted anew from the one that it was made of."
        )
    return True


class Vectors(NamedTuple):
    """A split's unit vectors: `images` (n, dim) and, picture by picture, `captions` (m, dim)."""

    split: Captioned
    images: Floats
    captions: Floats


class ResidualHead(nn.Module):
    """Unit vectors (n, dim) → unit vectors; before anything is learned, the same."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(dim, dim))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, vectors: Tensor) -> Tensor:
        """See the class."""
        return unit_length(vectors + vectors @ self.weights + self.bias)

    def to_map(self) -> ResidualMap:
        """What the bundle keeps."""
        return ResidualMap(self.weights.detach().numpy().copy(), self.bias.detach().numpy().copy())


class Heads(nn.Module):
    """One for pictures and one for texts."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.image, self.text = ResidualHead(dim), ResidualHead(dim)

    @torch.no_grad()
    def ranks(self, vectors: Vectors) -> "Ranks":
        """Where a split's queries find their right items."""
        images, captions = (
            head(torch.from_numpy(values)).numpy()
            for head, values in ((self.image, vectors.images), (self.text, vectors.captions))
        )
        labels = (list(vectors.split.groups), vectors.split.text_groups())
        return retrieval_ranks(images, captions, labels, SCORES["cosine"])


def train_heads(options: "TrainOptions", folder: "RunFolder", splits: tuple[Captioned, Captioned]) -> "Ranks":
    """Train both heads and keep in the run's folder what any run keeps; the ranks of the best epoch, or of none.

    Writes the bundle where an epoch was better than the version itself. Raises TrainingError or BundleError.
    """
    bundle = Path(options.recipe.start.bundle)
    with opened_bundle(bundle, options.device if options.device == "cuda" else "cpu") as encoder:
        dim = encoder.dim
        train, val = (_encoded(encoder, bundle, split, options) for split in splits)
    heads = Heads(dim)
    before = heads.ranks(val)
    folder.keep_base(before)
    options.say(f"before: sum of recalls {before.quality().sum_of_recalls:.1f}")
    best, maps = _fitted(options, folder, heads, (train, val), before)
    folder.keep_best(best)
    if options.bundle and maps:
        _write(bundle, options.bundle, maps, folder)
    return best


def _fitted(
    options: "TrainOptions", folder: "RunFolder", heads: Heads, data: tuple[Vectors, Vectors], before: "Ranks"
) -> "tuple[Ranks, dict[str, ResidualMap]]":
    """Train; the ranks and maps of the best epoch, those of `before` and no maps where none was better."""
    recipe, (train, val) = options.recipe, data
    optimiser = torch.optim.AdamW(heads.parameters(), weight_decay=recipe.optimiser.weight_decay)
    highest, best, found = before.quality().sum_of_recalls, before, {}
    folder.curves.write_text("")
    since = 0
    for epoch in range(recipe.run.stop_after or recipe.run.epochs):
        started = time.monotonic()
        loss = _epoch(recipe, heads, optimiser, train, epoch)
        ranks = heads.ranks(val)
        total = ranks.quality().sum_of_recalls
        _note(folder, epoch, loss, time.monotonic() - started, ranks)
        options.say(f"epoch {epoch + 1}/{recipe.run.epochs}  loss {loss:.3f}  sum {total:.1f}")
        since += 1
        if total > highest:
            highest, best, since = total, ranks, 0
            found = {"image": heads.image.to_map(), "text": heads.text.to_map()}
        if recipe.run.patience and since >= recipe.run.patience:
            break
    return best, found


def _epoch(
    recipe: "Recipe", heads: Heads, optimiser: torch.optim.Optimizer, train: Vectors, epoch: int
) -> float:
    """One pass over the pictures, each with one of its captions at random; the mean loss of a pair."""
    batches, total = list(_batches(recipe, train, epoch)), 0.0
    for step, batch in enumerate(batches):
        factor = recipe.schedule.lr_factor(epoch + step / len(batches), recipe.run.epochs)
        for group in optimiser.param_groups:
            group["lr"] = recipe.optimiser.lr * factor
        images, captions = heads.image(batch.images), heads.text(batch.captions)
        scores, same = images @ captions.T, batch.describes(batch)
        loss = recipe.loss.loss(scores, same, epoch) + recipe.balance * recipe.loss.loss(
            scores.T, same.T, epoch
        )
        optimiser.zero_grad()
        torch.autograd.backward(loss / len(images))
        if recipe.optimiser.clip:
            nn.utils.clip_grad_norm_(heads.parameters(), recipe.optimiser.clip)
        optimiser.step()
        total += float(loss.detach()) / len(images)
    return total / len(batches)


def _batches(recipe: "Recipe", train: Vectors, epoch: int) -> Iterator[Remembered]:
    rng = np.random.default_rng((recipe.run.seed, epoch))
    counts = np.array([len(captions) for captions in train.split.captions])
    starts = np.cumsum(counts) - counts
    numbers: dict[str, int] = {}
    texts = np.array([numbers.setdefault(text, len(numbers)) for text in train.split.texts()])
    groups, size = np.array(train.split.groups), min(recipe.data.batch, len(counts))
    order = rng.permutation(len(counts))
    for at in range(0, len(order) - size + 1, size):
        rows = order[at : at + size]
        chosen = starts[rows] + rng.integers(counts[rows])
        parts = (train.images[rows], train.captions[chosen], groups[rows], texts[chosen])
        yield Remembered(*map(torch.from_numpy, parts))


def _note(folder: "RunFolder", epoch: int, loss: float, seconds: float, ranks: "Ranks") -> None:
    """One line of the run's curves, as other runs write it."""
    quality = ranks.quality()
    line = {
        "epoch": epoch + 1,
        "loss": loss,
        "stage": 1,
        "seconds": round(seconds, 1),
        "sum_of_recalls": quality.sum_of_recalls,
        "image_to_text": asdict(quality.image_to_text),
        "text_to_image": asdict(quality.text_to_image),
    }
    with folder.curves.open("a") as sink:
        sink.write(json.dumps(line) + "\n")


def _encoded(encoder: Encoder, bundle: Path, split: Captioned, options: "TrainOptions") -> Vectors:
    """The split's vectors, from the cache where this bundle has encoded it before."""
    path = options.cache / f"vectors-{_vectors_key(encoder.manifest, split)}.npz"
    if not path.exists():
        options.cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.npz")
        images = embed_files(encoder, split.paths, options.progress)
        np.savez(partial, images=images, captions=encoder.encode_texts(split.texts()))
        partial.rename(path)
    with np.load(path, allow_pickle=False) as kept:
        return Vectors(split, kept["images"], kept["captions"])


def _vectors_key(manifest: "Manifest", split: Captioned) -> str:
    """A name for what a bundle makes of a split: its files, how it reads pictures and texts, and what they hold."""
    how = {part: manifest.to_json().get(part) for part in ("files", "image", "text", "payloads")}
    pictures = pictures_key(split.paths, cast("ImageSpec", manifest.image))
    facts = json.dumps([how, pictures, split.captions], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:20]


def _write(base: Path, to: Path, maps: dict[str, ResidualMap], folder: "RunFolder") -> None:
    """The version's bundle with the heads as its adapter, under the version's own name."""
    metrics = {
        "validation": json.loads(folder.metrics.read_text()),
        "base": json.loads(folder.base.read_text()),
    }
    extracted = folder.path / ".base"
    try:
        manifest = bundle_extract(base, extracted)
        to.parent.mkdir(parents=True, exist_ok=True)
        adapted_write(extracted, maps, to, adapted_from=manifest.name, metrics=metrics)
    finally:
        shutil.rmtree(extracted, ignore_errors=True)
