"""A bundle of the same network behind an adapter: written from the folder of the one without."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.inference.bundles import bundle_write, read_manifest
from workers.inference.errors import BundleError
from workers.inference.manifest import GraphFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.inference.adapters import ResidualMap
    from workers.inference.manifest import Manifest

ADAPTED_FROM = "adapted_from"
"""The key in a manifest's `training`: the version (`name@number`) whose network it is."""


def adapted_write(
    folder: Path,
    maps: Mapping[str, ResidualMap],
    to: Path,
    *,
    adapted_from: str,
    metrics: Mapping[str, Any],
) -> Manifest:
    """Write the extracted bundle in `folder` with `maps` by modality as its adapter to `to`; return its manifest.

    What the base says of its training and metrics stays, `metrics` come beside it. Raises BundleError
    `bundle.adapter_invalid` where the base has an adapter already, and `bundle.manifest_invalid`.
    """
    base = read_manifest(folder)
    if base.adapter is not None:
        problem = "belongs to the bundle that another adapter is to be added to"
        raise BundleError(
            "bundle.adapter_invalid", name=str(base.adapter.image or base.adapter.text), problem=problem
        )
    names = {modality: f"adapter/{modality}.npy" for modality, one in maps.items() if not one.is_nothing}
    manifest = replace(
        base,
        adapter=GraphFiles(**names),
        training={**base.training, ADAPTED_FROM: adapted_from},
        metrics={**base.metrics, **metrics},
    )
    with tempfile.TemporaryDirectory(prefix="sightline-") as room:
        files: dict[str, bytes | Path] = {name: folder / name for name in base.files}
        for modality, name in names.items():
            files[name] = Path(room) / f"{modality}.npy"
            maps[modality].write(Path(room) / f"{modality}.npy")
        return bundle_write(to, manifest, files)
