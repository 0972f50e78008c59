"""Run a bundle's graphs on the probes, in fp32 and, for pictures, in bf16."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.inference.checks.outputs import check_cells, check_outputs
from workers.inference.checks.references import check_pictures, check_texts
from workers.inference.errors import BundleError, EncoderError
from workers.inference.openvino_runtime import CELLS, Compiler, StoredGraph, graphs_of, halves_of
from workers.inference.pictures import to_pixels
from workers.inference.precision import AGREEMENT_MIN, agreement
from workers.inference.probes import probe_pictures, probe_texts
from workers.inference.references import read_references
from workers.inference.texts import TextReader, graph_inputs, pad_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from workers.inference.manifest import ImageSpec, Manifest, TextSpec

    Floats = NDArray[np.float32]

PROBES = 8
_TIMED = 3
_OUT_OF_MEMORY = ("bad_alloc", "allocate", "out of memory", "not enough memory")


def image_probes(spec: ImageSpec) -> Floats:
    """Return the probe pictures as the image encoder's input."""
    return np.stack([to_pixels(picture, spec) for picture in probe_pictures(PROBES)])


def text_probes(spec: TextSpec, folder: Path) -> list[list[int]]:
    """Return the probe texts as ids; the last word of the vocabulary and the longest text are among them."""
    reader = TextReader(spec, folder)
    texts = probe_texts(reader.vocabulary, PROBES)
    rows = [reader.encode(text) for text in (*texts[:-1], " ".join([texts[-1]] * spec.max_tokens))]
    rows[0][min(1, len(rows[0]) - 1)] = len(reader.vocabulary) - 1
    return rows


class Prober:
    """Probes the ONNX graphs of one extracted bundle."""

    def __init__(self, manifest: Manifest, folder: Path, threads: int) -> None:
        self.manifest = manifest
        self.folder = folder
        self._compiler = Compiler(None, threads)
        self._graphs = graphs_of(manifest, folder)
        self._references = read_references(manifest, folder)

    def image(self, spec: ImageSpec) -> tuple[Floats, dict[str, Any]]:
        """Return the vectors of the probe pictures and what was measured, with the precision it would run in."""
        pixels = image_probes(spec)
        run = self._runner("image", "f32")
        vectors, found = check_outputs(lambda at: run(pixels[list(at)]), PROBES, self.manifest.dim, "image")
        original = _agreed(check_pictures(self._references, spec, run))
        measured = self._precision(spec, pixels, vectors)
        chosen = self._runner("image", str(measured["precision"]))
        cost = {"milliseconds": _milliseconds(lambda at: chosen(pixels[[at]]))}
        more = self._cells(spec, pixels, vectors) | self._stages(spec, pixels, vectors)
        return vectors, found.to_json() | original | measured | cost | more

    def text(self, spec: TextSpec) -> tuple[Floats, dict[str, Any]]:
        """Return the vectors of the probe texts and what was measured."""
        rows = text_probes(spec, self.folder)
        run = self._runner("text", "f32")
        encode = _by_rows(run, rows, spec)
        vectors, found = check_outputs(encode, PROBES, self.manifest.dim, "text")
        original = _agreed(check_texts(self._references, spec, self.folder, run))
        cost = {"milliseconds": _milliseconds(lambda at: encode([at]))}
        return vectors, found.to_json() | original | {"precision": "f32"} | cost

    def _precision(self, spec: ImageSpec, pixels: Floats, wanted: Floats) -> dict[str, Any]:
        if not self._compiler.has_bf16 or spec.precision == "float32":
            return {"precision": "f32", "bf16_agreement": None}
        cosine = agreement(self._runner("image", "bf16")(pixels), wanted)
        return {"precision": "bf16" if cosine >= AGREEMENT_MIN else "f32", "bf16_agreement": cosine}

    def _cells(self, spec: ImageSpec, pixels: Floats, vectors: Floats) -> dict[str, Any]:
        """Return how far the means of the cells are from the vectors; nothing for a graph without cells."""
        if spec.cells is None:
            return {}
        run = self._runner("image", "f32", CELLS)
        groups = (slice(0, 1), slice(0, None), slice(None, None, -1))
        return {"cells_error": max(check_cells(run(pixels[at]), vectors[at], spec.cells) for at in groups)}

    def _stages(self, spec: ImageSpec, pixels: Floats, vectors: Floats) -> dict[str, Any]:
        """Return how far both stages one after the other are from the whole, and the milliseconds of each."""
        if spec.stages is None:
            return {}
        first, second = (self._run_of(half, "image", "f32") for half in halves_of(self._graphs["image"]))
        nodes = first(pixels)
        if nodes.shape != (len(pixels), *spec.stages) or not np.isfinite(nodes).all():
            raise BundleError("bundle.stages_wrong/nodes", found=list(nodes.shape), stages=list(spec.stages))
        cosine = agreement(second(nodes), vectors)
        if cosine < AGREEMENT_MIN:
            raise BundleError("bundle.stages_wrong", cosine=round(cosine, 4))
        spent = [
            _milliseconds(lambda at: first(pixels[[at]])),
            _milliseconds(lambda at: second(nodes[[at]])),
        ]
        return {"stages_agreement": cosine, "stages_milliseconds": spent}

    def _runner(self, modality: str, precision: str, output: str | None = None) -> Callable[..., Floats]:
        graph = self._graphs[modality]
        return self._run_of(replace(graph, output=output or graph.output), modality, precision)

    def _run_of(self, graph: StoredGraph, modality: str, precision: str) -> Callable[..., Floats]:
        try:
            network = self._compiler.compile(graph, precision)
        except EncoderError as error:
            raise _failure(modality, "cannot be compiled", str(error.detail.get("reason"))) from error

        def run(inputs: NDArray[Any] | Mapping[str, NDArray[Any]]) -> Floats:
            try:
                return network.named(inputs) if isinstance(inputs, Mapping) else network(inputs)
            except (RuntimeError, TypeError) as error:
                raise _failure(modality, "fails on a probe", str(error)) from error

        return run


def _agreed(cosine: float | None) -> dict[str, float]:
    """Return what the report says of the references; nothing where there are none."""
    return {} if cosine is None else {"references_agreement": cosine}


def _milliseconds(encode: Callable[[int], Floats]) -> float:
    """Return how long one probe takes on this machine: the median of a few, once each shape has been seen."""
    encode(0)
    taken = []
    for at in range(_TIMED):
        encode(at)
        started = time.perf_counter()
        encode(at)
        taken.append(time.perf_counter() - started)
    return round(1000 * statistics.median(taken), 2)


def _by_rows(
    run: Callable[..., Floats], rows: list[list[int]], spec: TextSpec
) -> Callable[[Sequence[int]], Floats]:
    return lambda at: run(graph_inputs(*pad_ids([rows[one] for one in at], spec), spec))


def _failure(modality: str, problem: str, reason: str) -> BundleError:
    if any(sign in reason.lower() for sign in _OUT_OF_MEMORY):
        return BundleError("bundle.memory/encoder", modality=modality)
    return BundleError("bundle.graph_failed", modality=modality, problem=problem, reason=reason[-500:])
