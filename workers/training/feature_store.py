"""A frozen network's features, computed once per picture and view and memory-mapped from the cache."""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from workers.training.crops import Picture, center_crop, fixed_views, random_crop
from workers.training.frozen_network import Network, frozen_network
from workers.training.picture_store import PictureStore, Progress
from workers.training.recipe import PixelsConfig

Features = NDArray[np.float32]
# How many crops the network sees at once: enough for its speed, little enough for a large network's memory.
BATCH_CROPS = 40
STATISTICS_ROWS = 256
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))


class Frozen(NamedTuple):
    """What is computed once: a trunk or its early part; `half`: float16 is enough to keep its values."""

    network: nn.Module
    half: bool


def feature_store(
    frozen: Frozen, store: PictureStore, config: PixelsConfig, cache: Path, progress: Progress
) -> Features:
    """The network's values (pictures, views, *shape), float32 or float16, memory-mapped.

    View 0 is what serving computes. The cache's file is named after the pictures, the views and the weights.
    """
    path = cache / f"features-{_key(frozen, store.key, config)}.npy"
    if not path.exists():
        _build(frozen, store, config, (path, progress))
    features: Features = np.load(path, mmap_mode="r")
    return features


def statistics(features: Features) -> tuple[Tensor, Tensor]:
    """Mean and deviation (width) of the last axis over everything else, for `standard` features.

    In parts: a copy of all features in double precision might not fit into memory.
    """
    rows = features.reshape(-1, features.shape[-1])
    parts = range(0, len(rows), STATISTICS_ROWS)
    mean = rows.mean(0, dtype=np.float64)
    squares = sum((np.square(rows[at : at + STATISTICS_ROWS] - mean).sum(0) for at in parts), np.zeros(1))
    return torch.from_numpy(mean), torch.from_numpy(np.sqrt(squares / len(rows)))


def network_fingerprint(network: nn.Module) -> str:
    """SHA-256 of what a network computes: its modules with their settings, and its weights by name."""
    digest = hashlib.sha256(str(network).encode())
    for setting in _settings(network):
        digest.update(f"{setting}\n".encode())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _settings(network: nn.Module) -> Iterator[str]:
    """What modules keep as plain attributes, which neither their text nor their weights tell: where a network is split,
    how many cells or regions it gives; and the code of traced ones.
    """
    for name, module in network.named_modules():
        if isinstance(module, fx.GraphModule):
            yield f"{name} {module.code}"
        for attribute, value in sorted(vars(module).items()):
            private = attribute.startswith("_") or attribute in _OF_EVERY_MODULE
            if not private and isinstance(value, int | float | str | tuple | list):
                yield f"{name}.{attribute} {value}"


def _key(frozen: Frozen, pictures: str, config: PixelsConfig) -> str:
    how = f"{pictures} {config.size} {config.views} {config.crop} {config.mean} {config.std} {frozen.half}"
    if config.views == "random":
        how += f" {config.kept} {config.train_crop} {config.zoom_min} {config.flip}"
    return hashlib.sha256(f"{how} {network_fingerprint(frozen.network)}".encode()).hexdigest()[:20]


def _build(frozen: Frozen, store: PictureStore, config: PixelsConfig, target: tuple[Path, Progress]) -> None:
    path, progress = target
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.npy")
    network = frozen_network(frozen.network, config)
    first = _features_of(network, [_views(store, 0, config)], config)
    kept = np.float16 if frozen.half else np.float32
    sink = np.lib.format.open_memmap(partial, mode="w+", dtype=kept, shape=(len(store), *first.shape[1:]))
    try:
        batch = max(1, BATCH_CROPS // first.shape[1])
        for start in range(0, len(store), batch):
            rows = range(start, min(start + batch, len(store)))
            crops = [_views(store, row, config) for row in rows]
            sink[rows.start : rows.stop] = _features_of(network, crops, config)
            progress("computing features", rows.stop, len(store))
        sink.flush()
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


@torch.inference_mode()
def _features_of(network: Network, pictures: list[list[Picture]], config: PixelsConfig) -> Features:
    """(pictures, views, *shape); with ten serving crops there is one view, their mean."""
    features = network(np.stack([crop for crops in pictures for crop in crops]))
    shaped = features.reshape(len(pictures), -1, *features.shape[1:])
    kept: Features = shaped.mean(1, keepdims=True) if config.crop == "ten" else shaped
    return kept


def _views(store: PictureStore, number: int, config: PixelsConfig) -> list[Picture]:
    """The crops of one picture; random ones are the same whenever they are computed."""
    picture = store[number]
    if config.crop == "ten" or config.views != "random":
        return fixed_views(picture, config.size, "ten" if config.crop == "ten" else config.views)
    rng = np.random.default_rng(number)
    return [
        center_crop(picture, config.size),
        *(random_crop(picture, config, rng) for _ in range(config.kept)),
    ]
