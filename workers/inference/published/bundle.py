"""A bundle of a published model: its files go into the walls, its graphs and settings come out of them."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.inference.bundles import bundle_write
from workers.inference.errors import BundleError
from workers.inference.guard import ValidationLimits, run_guarded
from workers.inference.references import FILE as REFERENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers.inference.manifest import Manifest

PARTS = (
    "image", "text", "both", "image_data", "text_data", "both_data", "tokenizer", "tokenizer_config", "config",
    "preprocessor", "weights", "weights_config",
)  # fmt: skip
CONFIG, WEIGHTS = "native.json", "native.safetensors"
_MADE = ("image.onnx", "text.onnx", "tokenizer.json")
_SOURCE = "source"
DEFAULT_LIMITS = ValidationLimits()


@dataclass(frozen=True)
class PublishedAbout:
    """What the bundle says of itself; `source`: where its files come from, kept under `training.source`."""

    name: str
    licence: str
    description: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)


def published_bundle(
    parts: Mapping[str, Path],
    about: PublishedAbout,
    path: Path,
    *,
    limits: ValidationLimits = DEFAULT_LIMITS,
    progress: Callable[[str], None] = lambda stage: None,
) -> Manifest:
    """Write the bundle of a published model to `path` and return its manifest. Needs no torch.

    `parts`: its files by `workers.hub.layouts`' names. They are a stranger's: only a guarded child opens them, and
    `progress` hears of its stages as with `validate_bundle`. Raises BundleError `hub.cannot_convert`, `bundle.*`.
    """
    scratch = Path(tempfile.mkdtemp(prefix="sightline-published-"))
    try:
        (scratch / _SOURCE).mkdir()
        for name in PARTS:
            if name in parts:
                shutil.copyfile(parts[name], scratch / _SOURCE / name)
        found = run_guarded("take over", parts["tokenizer"], scratch, limits, progress)
        files: dict[str, bytes | Path] = {name: _made(scratch, name, limits) for name in _MADE}
        native = _native(found, files, scratch, limits)
        manifest = {
            "format": 1,
            "name": about.name,
            "licence": about.licence,
            "description": about.description,
            "similarity": "cosine",
            "modalities": ["image", "text"],
            "payloads": {"onnx": {"image": "image.onnx", "text": "text.onnx"}, **native.payload},
            "training": {"source": dict(about.source), **native.note},
            **({"references": REFERENCES} if REFERENCES in native.files else {}),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        manifest |= {key: found[key] for key in ("dim", "image", "text")}
        return bundle_write(path, manifest, {**files, **native.files})
    except KeyError as error:
        raise BundleError("bundle.crashed/conversion") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True)
class _Native:
    """What the manifest's `payloads` and `training` get of the native weights, and their files; none where left out.

    `files` also holds what they give for the references, even where the weights are too large to be kept.
    """

    payload: Mapping[str, Any] = field(default_factory=dict)
    note: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)


def _native(
    found: Mapping[str, Any], graphs: Mapping[str, Any], scratch: Path, limits: ValidationLimits
) -> _Native:
    """Take the native weights that the child made, unless the bundle would be too large with them."""
    reason = found.get("native")
    if reason is None:
        return _Native()
    if reason:
        return _Native(note={"native_left_out": str(reason)[:500]})
    references = {REFERENCES: _made(scratch, REFERENCES, limits)}
    files = {name: _made(scratch, name, limits) for name in (CONFIG, WEIGHTS)}
    if sum(file.stat().st_size for file in (*graphs.values(), *files.values())) > limits.bundle.archive_bytes:
        left_out = {"native_left_out": "the bundle would be larger than is allowed"}
        return _Native(note=left_out, files=references)
    return _Native({"native": {"config": CONFIG, "weights": WEIGHTS}}, {}, files | references)


def _made(scratch: Path, name: str, limits: ValidationLimits) -> Path:
    """Return a file that the child made, if it is a plain one: the child may have been taken over."""
    file = scratch / name
    if file.is_symlink() or not file.is_file():
        raise BundleError("bundle.crashed/conversion")
    if file.stat().st_size > limits.bundle.unpacked_bytes:
        size, limit = file.stat().st_size, limits.bundle.unpacked_bytes
        raise BundleError("bundle.too_large", what="converted graph", bytes=size, limit_bytes=limit)
    return file
