"""What the guarded child does with a bundle: validate it, or convert its TorchScript encoders."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.inference.adapters import check_adapter
from workers.inference.bundles import BundleLimits, bundle_extract
from workers.inference.checks import graphs, native
from workers.inference.checks.indices import Texts, check_indices
from workers.inference.checks.probing import Prober
from workers.inference.errors import BundleError
from workers.inference.texts import TextReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.inference.isolation import Isolation
    from workers.inference.manifest import Manifest

    Say = Callable[[str], None]

_FOLDER = "bundle"


def validate(order: dict[str, Any], walls: Isolation, say: Say) -> dict[str, Any]:
    """Check everything in order, cheapest first; return the report as JSON values. Raises BundleError."""
    _check_may_run(walls, allow_unwalled=order["allow_unwalled"])
    steps = _Steps(say)
    folder = Path(order["scratch"]) / _FOLDER
    with steps("unpack"):
        manifest = _extract(order, folder)
    if manifest.payloads.onnx is None:
        return {"convert": True}
    with steps("graphs"):
        _check_graphs(manifest, folder)
    notes = _check_native(manifest, folder, steps)
    prober, vectors, probes = Prober(manifest, folder, order["threads"]), {}, {}
    for modality in manifest.modalities:
        with steps(f"probe {modality}"):
            vectors[modality], probes[modality] = getattr(prober, modality)(getattr(manifest, modality))
    if manifest.adapter:
        with steps("adapter"):
            check_adapter(manifest, folder, vectors)
    if manifest.payloads.native and native.has_torch():
        with steps("compare payloads"):
            for modality, cosine in native.check_agreement(manifest, folder, vectors).items():
                probes[modality]["native_agreement"] = cosine
    return {"isolation": walls.to_json(), "seconds": steps.seconds, "probes": probes, "notes": notes}


def convert(order: dict[str, Any], walls: Isolation, say: Say) -> dict[str, Any]:
    """Write ONNX graphs of the TorchScript encoders into the scratch folder. Raises BundleError."""
    _check_may_convert(walls)
    from workers.inference.checks import torchscript

    say("convert")
    scratch = Path(order["scratch"])
    manifest = _extract(order, scratch / _FOLDER)
    return {"graphs": torchscript.convert(manifest, scratch / _FOLDER, scratch)}


def take_over(order: dict[str, Any], walls: Isolation, say: Say) -> dict[str, Any]:
    """Make graphs and settings of a published model, whose files lie in the scratch folder. Raises BundleError."""
    _check_may_run(walls, allow_unwalled=order["allow_unwalled"])
    from workers.inference.published.convert import convert as convert_published

    return convert_published(Path(order["scratch"]), order["threads"], say)


TASKS: dict[str, Callable[[dict[str, Any], Isolation, Say], dict[str, Any]]] = {
    "validate": validate,
    "convert": convert,
    "take over": take_over,
}


class _Steps:
    """Announces each step and measures it: `with steps("unpack"): …`."""

    def __init__(self, say: Say) -> None:
        self.seconds: dict[str, float] = {}
        self._say = say
        self._name, self._started = "", 0.0

    def __call__(self, name: str) -> _Steps:
        self._say(name)
        self._name = name
        return self

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds[self._name] = round(time.perf_counter() - self._started, 3)


def _extract(order: dict[str, Any], folder: Path) -> Manifest:
    with open(order["bundle_fd"], "rb", closefd=False) as source:
        source.seek(0)
        return bundle_extract(source, folder, BundleLimits(**order["limits"]))


def _check_graphs(manifest: Manifest, folder: Path) -> None:
    files = manifest.payloads.onnx
    if files and files.image and manifest.image:
        ports = graphs.image_inputs(manifest.image)
        more = graphs.more_outputs(manifest.image, manifest.dim)
        model = graphs.check_graph(folder / files.image, ports, manifest, more)
        check_indices(model, graphs.with_stated_batch(model, ports), None, files.image)
    if files and files.text and manifest.text:
        ports = graphs.text_inputs(manifest.text)
        model = graphs.check_graph(folder / files.text, ports, manifest)
        words = len(TextReader(manifest.text, folder).vocabulary)
        found = Texts(words, manifest.text.max_tokens)
        check_indices(model, graphs.with_stated_batch(model, ports), found, files.text)


def _check_native(manifest: Manifest, folder: Path, steps: _Steps) -> list[str]:
    """Return what could not be checked, as sentences."""
    notes = []
    if manifest.payloads.torchscript:
        notes.append("The TorchScript payload was not opened, since the bundle has ONNX graphs.")
    if manifest.payloads.native:
        with steps("native weights"):
            native.check_native(manifest.payloads.native, folder)
        if not native.has_torch():
            notes.append(
                "Torch is not installed here: the native weights were not compared with the ONNX graphs."
            )
    return notes


def _check_may_run(walls: Isolation, *, allow_unwalled: bool) -> None:
    if not walls.is_tight and not allow_unwalled:
        raise BundleError("bundle.not_isolated", **walls.to_json())


def _check_may_convert(walls: Isolation) -> None:
    if not walls.is_tight:
        raise BundleError("bundle.pickle_not_isolated", **walls.to_json())
    if not native.has_torch():
        raise BundleError("bundle.needs_torch")
