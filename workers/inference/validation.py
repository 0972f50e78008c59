"""Validate a bundle that nobody has vouched for, in a child process that can do no harm.

unpack ─► graphs ─► native weights ─► probe image ─► probe text ─► compare payloads ─► report
   └─ TorchScript only: convert in one child ─► a new bundle with ONNX graphs ─► validate it in a second child
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.inference.bundles import bundle_extract, bundle_write, read_manifest
from workers.inference.errors import BundleError
from workers.inference.guard import ChildFailedError, ValidationLimits, run_guarded
from workers.inference.manifest import GraphFiles, Payloads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workers.inference.manifest import Manifest

__all__ = ["DEFAULT_LIMITS", "ChildFailedError", "ValidationLimits", "ValidationReport", "validate_bundle"]

DEFAULT_LIMITS = ValidationLimits()


@dataclass(frozen=True)
class ValidationReport:
    """A bundle that passed: what was measured, and where the bundle to register lies."""

    manifest: Manifest
    bundle: Path
    converted: bool
    isolation: dict[str, bool]
    seconds: dict[str, float]
    probes: dict[str, dict[str, Any]]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the measurements as plain JSON values."""
        return {
            "converted": self.converted,
            "isolation": self.isolation,
            "seconds": self.seconds,
            "probes": self.probes,
            "notes": list(self.notes),
        }


def validate_bundle(
    path: Path,
    *,
    limits: ValidationLimits = DEFAULT_LIMITS,
    progress: Callable[[str], None] = lambda stage: None,
    converted_to: Path | None = None,
) -> ValidationReport:
    """Validate the bundle at `path`; raises BundleError with the first reason to refuse it.

    A bundle of TorchScript encoders alone is converted: the bundle to register is then written to `converted_to`
    (by default `NAME.converted.zip` beside it). `progress` gets the stage's name at its start and twice a second,
    and may raise to stop. Raises ChildFailedError where this program itself failed.
    """
    result = _guarded("validate", path, limits, progress)
    if not result.get("convert"):
        return _report(path, result, converted=False)
    target = converted_to or path.with_name(f"{path.stem}.converted.zip")
    _convert(path, target, limits, progress)
    try:
        return _report(target, _guarded("validate", target, limits, progress), converted=True)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _report(path: Path, result: dict[str, Any], *, converted: bool) -> ValidationReport:
    return ValidationReport(
        manifest=read_manifest(path),
        bundle=path,
        converted=converted,
        isolation=result["isolation"],
        seconds=result["seconds"],
        probes=result["probes"],
        notes=tuple(result["notes"]),
    )


def _guarded(
    task: str, path: Path, limits: ValidationLimits, progress: Callable[[str], None]
) -> dict[str, Any]:
    with _scratch() as scratch:
        return run_guarded(task, path, scratch, limits, progress)


@contextmanager
def _scratch() -> Iterator[Path]:
    """Yield an empty folder for the child, which takes it over where it gives up root."""
    folder = Path(tempfile.mkdtemp(prefix="sightline-validation-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _convert(path: Path, target: Path, limits: ValidationLimits, progress: Callable[[str], None]) -> None:
    manifest = read_manifest(path, limits.bundle)
    if manifest.payloads.torchscript is None:
        raise BundleError("bundle.no_graphs", payloads=list(manifest.payloads.kinds))
    with _scratch() as scratch:
        names = run_guarded("convert", path, scratch, limits, progress)["graphs"]
        _write_converted(path, target, manifest, {name: _taken(scratch, str(name), limits) for name in names})


def _taken(scratch: Path, name: str, limits: ValidationLimits) -> Path:
    """Return a file that the child made, if it is a plain one: the child may have been taken over."""
    file = scratch / name
    if name not in ("image.onnx", "text.onnx") or file.is_symlink() or not file.is_file():
        raise BundleError("bundle.crashed/conversion")
    if file.stat().st_size > limits.bundle.unpacked_bytes:
        size, limit = file.stat().st_size, limits.bundle.unpacked_bytes
        raise BundleError("bundle.too_large", what="converted graph", bytes=size, limit_bytes=limit)
    return file


def _write_converted(path: Path, target: Path, manifest: Manifest, graphs: dict[str, Path]) -> None:
    """Write the bundle anew with ONNX graphs in the place of its TorchScript files."""
    scripts = vars(manifest.payloads.torchscript).values()
    onnx = GraphFiles(**{name.removesuffix(".onnx"): f"converted/{name}" for name in graphs})
    payloads = Payloads(onnx=onnx, native=manifest.payloads.native)
    with tempfile.TemporaryDirectory(prefix="sightline-conversion-") as room:
        bundle_extract(path, Path(room) / "bundle")
        files: dict[str, bytes | Path] = {
            name: Path(room) / "bundle" / name for name in manifest.files if name not in scripts
        }
        files |= {f"converted/{name}": file for name, file in graphs.items()}
        bundle_write(target, replace(manifest, payloads=payloads), files)
