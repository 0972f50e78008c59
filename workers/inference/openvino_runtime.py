"""The networks of a bundle on the CPU by OpenVINO, from their ONNX graphs."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.inference.errors import EncoderError
from workers.inference.pictures import to_pixels
from workers.inference.precision import choose_precision
from workers.inference.probes import probe_pictures
from workers.inference.texts import graph_inputs, pad_ids
from workers.inference.vino import openvino

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from workers.inference.encoder import Half
    from workers.inference.manifest import ImageSpec, Manifest, TextSpec

    Floats = NDArray[np.float32]
    Ids = NDArray[np.int64]

EMBEDDING, CELLS, NODES = "embedding", "cells", "nodes"
_WARM_BATCHES = range(1, 9)
"""The batches that queries meet; the first run of each shape prepares its kernels, ~0.1 s for a large network."""
_WARM_SECONDS = 10.0
"""After so long a network counts as warm: a detector takes longer for eight pictures than their kernels do."""
_WARM_LENGTHS = (4, 8, 16)


class Network:
    """One compiled graph. A request must not be shared between threads, so a lock guards the only one."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self._one_by_one = _batch_of_one(compiled)
        self._lock = threading.Lock()

    def __call__(self, *inputs: NDArray[Any]) -> Floats:
        """Run one batch; the result is the caller's own copy. Raises RuntimeError where the network fails.

        A graph whose batch is always of one runs row by row, which costs as much on a CPU.
        """
        if self._one_by_one and len(inputs[0]) != 1:
            rows = range(len(inputs[0]))
            return np.concatenate([self._run([array[at : at + 1] for array in inputs]) for at in rows])
        return self._run(list(inputs))

    def named(self, inputs: Mapping[str, NDArray[Any]]) -> Floats:
        """Run one batch, each input by its name in the graph; see `__call__`."""
        count = len(next(iter(inputs.values())))
        if self._one_by_one and count != 1:
            rows = [{name: array[at : at + 1] for name, array in inputs.items()} for at in range(count)]
            return np.concatenate([self._run(row) for row in rows])
        return self._run(dict(inputs))

    def _run(self, inputs: Any) -> Floats:
        with self._lock:
            # Not `infer`: with one thread that loses OpenVINO's errors and leaves memory of others in the output.
            self._request.start_async(inputs)
            self._request.wait()
            return np.array(self._request.get_output_tensor(0).data, dtype=np.float32)


def _batch_of_one(compiled: Any) -> bool:
    """Return whether the graph's batch has a fixed length, which can only be one."""
    batch = compiled.input(0).get_partial_shape()[0]
    return bool(batch.is_static and batch.get_length() == 1)


class OpenVinoRuntime:
    """A `Runtime` for the CPU. In bf16 where the machine has it and the bundle's vectors stand it, else in fp32."""

    device = "cpu"
    image_batch = 16
    text_batch = 64

    def __init__(self, manifest: Manifest, folder: Path, *, cache: Path | None, threads: int | None) -> None:
        if manifest.payloads.onnx is None:
            raise EncoderError("encoder.no_onnx_payload")
        self.precision = "f32"
        self._compiler = Compiler(cache, threads)
        self._graphs = graphs_of(manifest, folder)
        self._image = self._load_image(manifest.image) if manifest.image else None
        self._spec = manifest.text
        self._text = self._load_text(manifest.text) if manifest.text else None
        self._cells: Network | None = None
        self._halves: tuple[Network, Network] | None = None
        self._stages_spec = manifest.image.stages if manifest.image else None
        self._compiling = threading.Lock()

    def image(self, pixels: Floats) -> Floats:
        """See `Runtime`."""
        if self._image is None:
            raise EncoderError("encoder.no_image")
        return self._image(np.ascontiguousarray(pixels, np.float32))

    def cells(self, pixels: Floats) -> Floats:
        """See `Runtime`. The graph is compiled for it when the first one is asked for, in fp32."""
        with self._compiling:
            if self._cells is None:
                self._cells = self._compiler.compile(replace(self._graphs["image"], output=CELLS), "f32")
        return self._cells(np.ascontiguousarray(pixels, np.float32))

    def halves(self) -> tuple[Half, Half] | None:
        """See `Runtime`. Both are compiled when the first batch is asked for."""
        if self._stages_spec is None:
            return None
        with self._compiling:
            if self._halves is None:
                first, second = halves_of(self._graphs["image"])
                compile_half = self._compiler.compile
                self._halves = compile_half(first, self.precision), compile_half(second, self.precision)
        return self._halves

    def text(self, tokens: Ids, lengths: Ids) -> Floats:
        """See `Runtime`."""
        if self._text is None or self._spec is None:
            raise EncoderError("encoder.no_text")
        return self._text.named(graph_inputs(tokens, lengths, self._spec))

    def _load_image(self, spec: ImageSpec) -> Network:
        graph = self._graphs["image"]
        probes = np.stack([to_pixels(picture, spec) for picture in probe_pictures()])
        if self._compiler.has_bf16 and spec.precision == "auto":
            memory = self._compiler.memory_of(graph)
            self.precision = choose_precision(
                lambda name: self._compiler.compile(graph, name), probes, memory
            )
        network = self._compiler.compile(graph, self.precision)
        started = time.monotonic()
        for size in _WARM_BATCHES:
            network(probes[:size])
            if time.monotonic() - started > _WARM_SECONDS:
                break
        return network

    def _load_text(self, spec: TextSpec) -> Network:
        """Texts stay in fp32: they take a millisecond, so bf16 would risk agreement for nothing."""
        network = self._compiler.compile(self._graphs["text"], "f32")
        for length in _WARM_LENGTHS:
            ids = pad_ids([[0] * min(length, spec.max_tokens)], spec)
            network.named(graph_inputs(*ids, spec))
        return network


@dataclass(frozen=True)
class StoredGraph:
    """An ONNX file and its SHA-256, which was checked when the bundle was extracted.

    `output`: of a graph with several, the one that is computed; what only the others need is left out of the network.
    `begins`: the output that becomes the network's only input, so that it is what comes behind it.
    """

    path: Path
    sha256: str
    output: str | None = None
    begins: str | None = None


def graphs_of(manifest: Manifest, folder: Path) -> dict[str, StoredGraph]:
    """Return the graphs of an extracted bundle by modality; the manifest has an ONNX payload."""
    names = {key: name for key, name in vars(manifest.payloads.onnx).items() if name is not None}
    graphs = {key: StoredGraph(folder / name, manifest.files[name].sha256) for key, name in names.items()}
    if manifest.image and manifest.image.has_several_outputs:
        graphs["image"] = replace(graphs["image"], output=EMBEDDING)
    return graphs


def halves_of(graph: StoredGraph) -> tuple[StoredGraph, StoredGraph]:
    """Return both stages of a graph that is cut at its output `nodes`."""
    return replace(graph, output=NODES), replace(graph, output=EMBEDDING, begins=NODES)


class Compiler:
    """Compiles graphs for this machine; what it compiled is kept in the cache folder, if there is one."""

    def __init__(self, cache: Path | None, threads: int | None) -> None:
        self._core = openvino.Core()
        self._cache = cache
        self._threads = threads

    @property
    def has_bf16(self) -> bool:
        """Whether the processor computes in bf16; emulating it would gain nothing."""
        return "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    def memory_of(self, graph: StoredGraph) -> Path | None:
        """Return the folder that belongs to this graph on this machine, or None without a cache."""
        if self._cache is None:
            return None
        machine = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        key = hashlib.sha256(f"{graph.sha256} {machine} {openvino.__version__}".encode()).hexdigest()
        folder = self._cache / key[:24]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def compile(self, graph: StoredGraph, precision: str) -> Network:
        """Return the network, ready to run. Raises EncoderError `encoder.cannot_compile`."""
        options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
        if self._threads:
            options["INFERENCE_NUM_THREADS"] = self._threads
        if folder := self.memory_of(graph):
            # One that is damaged or cannot be read must not keep a good graph from being compiled.
            with suppress(RuntimeError):
                return self._compiled(graph, options | {"CACHE_DIR": str(folder)})
        try:
            return self._compiled(graph, options)
        except RuntimeError as error:
            raise EncoderError("encoder.cannot_compile", reason=str(error)[-500:]) from error

    def _compiled(self, graph: StoredGraph, options: dict[str, Any]) -> Network:
        model = self._with_one_output(graph) if graph.output else str(graph.path)
        return Network(self._core.compile_model(model, "CPU", options))

    def _with_one_output(self, graph: StoredGraph) -> Any:
        model = self._core.read_model(str(graph.path))
        results = {
            name: result for result in model.get_results() for name in result.input_value(0).get_names()
        }
        if graph.begins:
            return _behind(results[graph.begins].input_value(0), results[graph.output])
        for result in model.get_results():
            if graph.output not in result.input_value(0).get_names():
                model.remove_result(result)
        return model


def _behind(value: Any, result: Any) -> Any:
    """Return the model of what is computed of a value; raises RuntimeError where it needs more than that."""
    parameter = openvino.opset13.parameter(value.get_partial_shape(), value.get_element_type())
    for target in value.get_target_inputs():
        target.replace_source_output(parameter.output(0))
    return openvino.Model([result], [parameter])
