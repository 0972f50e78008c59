"""Turn TorchScript encoders into ONNX graphs. Only for a process that `isolation.isolate` has locked in.

A TorchScript archive holds a pickle. torch reads it with a reader of its own that knows no Python classes; before
that, the classes it names are compared with a closed list here, and after it the operations of its code.
"""

from __future__ import annotations

import pickletools
import re
import shutil
import warnings
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workers.formats.zips import DAMAGED
from workers.inference.checks.probing import image_probes, text_probes
from workers.inference.errors import BundleError
from workers.inference.openvino_runtime import Compiler, StoredGraph
from workers.inference.precision import agreement
from workers.inference.texts import pad_ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from workers.inference.manifest import Manifest

    Floats = NDArray[np.float32]
    Arrays = tuple[NDArray[Any], ...]

OPSET = 17
CONVERTED_MIN = 0.9999
"""The least cosine between what the script and what the graph made of it say of a probe."""
_FEW = 3
_PICKLE_MAX_BYTES = 64 << 20
_MEMBER = re.compile(
    r"(data|constants|traced_inputs)(\.pkl|/\d+)|version|byteorder|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id|code/__torch__[\w./]*\.py(\.debug_pkl)?|extra/[\w.-]+"
)
"""The files of an archive, below its one folder."""
_TENSOR = re.compile(r"^[^/]+/((data|constants|traced_inputs)/\d+|extra/.*)$")
_HIDDEN_METHODS = re.compile(rb"__(set|get)state__|__forward_(pre_)?hooks__\s*=\s*\[\s*[^\]\s]")
"""Methods that loading runs, and hooks, which are no part of the code that is looked through."""
_CLASSES = re.compile(
    r"__torch__(?!\.torch\.classes)[\w. ]*"
    r"|collections OrderedDict"
    r"|torch _utils|torch\._utils _rebuild_tensor_v2"
    r"|torch\.jit\._pickle (build_\w+|restore_type_tag)"
    r"|torch (\w+Storage|\w+Tensor|device|Size|float\d+|bfloat16|int\d+|uint8|bool)"
)
_GLOBAL_CODES = frozenset({"GLOBAL", "INST"})
_HIDDEN_CODES = frozenset({"STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})
"""Codes that name a class in a way that cannot be read off; torch does not write them."""
_NAMESPACES = ("aten::", "prim::")
_FORBIDDEN = frozenset(
    {"aten::from_file", "aten::save", "prim::PythonOp", "prim::CallFunction", "prim::fork", "prim::rpc_async"}
)


def convert(manifest: Manifest, folder: Path, target: Path) -> list[str]:
    """Write an ONNX graph for each TorchScript encoder to `target`, such as `image.onnx`; return the names.

    Raises BundleError `bundle.torchscript_not_allowed` or `bundle.torchscript_failed`.
    """
    files = vars(manifest.payloads.torchscript)
    return [
        _convert_one(modality, manifest, folder, target)
        for modality in manifest.modalities
        if files[modality]
    ]


def check_archive(path: Path, copy: Path) -> None:
    """Refuse an archive that holds anything but what torch writes, and write what it holds anew to `copy`.

    Nothing is unpickled: the classes that its pickles name are compared with the closed list, and its code may have no
    method that loading alone would run. torch then reads the copy, in which no name and no size is ambiguous.
    """
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "x") as target:
            _check_names([info.filename for info in archive.infolist()], path.name)
            for info in archive.infolist():
                _check_member(archive, info, path.name)
                with archive.open(info) as source, target.open(info.filename, "w", force_zip64=True) as sink:
                    shutil.copyfileobj(source, sink)
    except DAMAGED as error:
        raise _refusal("is no TorchScript archive", path.name) from error


def _check_names(names: list[str], file: str) -> None:
    """Refuse names that torch does not write. It looks them up without regard to capitals: `data.PKL` is a pickle."""
    roots = {name.partition("/")[0] for name in names}
    if len(roots) != 1 or len({name.casefold() for name in names}) != len(names):
        raise _refusal("holds a name twice, or more than one folder", file)
    for name in names:
        if not _MEMBER.fullmatch(name.partition("/")[2]):
            raise _refusal("holds a file that is no part of a TorchScript archive", file, found=name[:100])


def _check_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: str) -> None:
    if _TENSOR.search(info.filename):
        return
    if info.file_size > _PICKLE_MAX_BYTES:
        raise ValueError("a pickle is too large")
    content = archive.read(info)
    if found := _HIDDEN_METHODS.search(content):
        raise _refusal("has a method that loading would run", file, found=found[0].decode()[:100])
    if info.filename.endswith("pkl"):
        for name in _classes_in(content):
            if not _CLASSES.fullmatch(name):
                raise _refusal("names a class that is not allowed", file, found=name[:100])


def _classes_in(content: bytes) -> Iterator[str]:
    for code, argument, _ in pickletools.genops(content):
        if code.name in _HIDDEN_CODES:
            yield code.name
        elif code.name in _GLOBAL_CODES:
            yield str(argument)


def _convert_one(modality: str, manifest: Manifest, folder: Path, target: Path) -> str:
    path = folder / getattr(manifest.payloads.torchscript, modality)
    copy = target / f"{modality}.checked"
    check_archive(path, copy)
    name = f"{modality}.onnx"
    probes = _probes(modality, manifest, folder)
    try:
        module = _load(copy, path.name)
        _check_inputs(module, probes.names, modality)
        _export(module, probes, target / name, modality)
    except BundleError:
        raise
    except Exception as error:  # torch raises dozens of kinds for code it cannot load, run or convert
        detail = {"file": path.name, "reason": str(error)[-500:]}
        raise BundleError("bundle.torchscript_failed", modality=modality, **detail) from error
    return name


def _load(path: Path, file: str) -> Any:
    import torch

    module = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
    graph = module.inlined_graph if hasattr(module, "inlined_graph") else module.graph
    for node in _nodes(graph):
        if not node.kind().startswith(_NAMESPACES) or node.kind() in _FORBIDDEN:
            raise _refusal("uses an operation that is not allowed", file, found=node.kind())
    return module


def _check_inputs(module: Any, names: tuple[str, ...], modality: str) -> None:
    given = list(module.forward.schema.arguments)[1:]
    needed = [one for one in given if not one.has_default_value()]
    if len(given) < len(names) or len(needed) > len(names):
        found = [one.name for one in given][:8]
        raise BundleError(
            "bundle.torchscript_failed/inputs", modality=modality, wanted=list(names), found=found
        )


def _nodes(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


@dataclass(frozen=True)
class _Probes:
    """Inputs to try an encoder on: all at once, and each alone. Texts stand longest first, as packing may ask for."""

    names: tuple[str, ...]
    batched: Arrays
    alone: list[Arrays]

    @property
    def few(self) -> Arrays:
        """Return some of them, smaller in every size that is free."""
        rows = tuple(values[-_FEW:] for values in self.batched)
        return (rows[0][:, : rows[1].max()], rows[1]) if len(rows) > 1 else rows


def _probes(modality: str, manifest: Manifest, folder: Path) -> _Probes:
    if modality == "image" and manifest.image:
        pixels = image_probes(manifest.image)
        return _Probes(("pixels",), (pixels,), [(pixels[at : at + 1],) for at in range(len(pixels))])
    if manifest.text is None:
        raise BundleError("bundle.torchscript_failed/no_text")
    rows = sorted(text_probes(manifest.text, folder), key=len, reverse=True)
    alone = [pad_ids([row], manifest.text) for row in rows]
    return _Probes(("tokens", "lengths"), pad_ids(rows, manifest.text), alone)


def _export(module: Any, probes: _Probes, target: Path, modality: str) -> None:
    import torch

    from workers.inference.checks.straight_line import straight_line

    examples = [tuple(map(torch.from_numpy, inputs)) for inputs in (probes.batched, probes.few)]
    free = {name: {at: f"{name}_{at}" for at in range(2 if name == "tokens" else 1)} for name in probes.names}
    with torch.inference_mode():
        wanted = [
            module(*map(torch.from_numpy, one)).float().numpy() for one in (probes.batched, *probes.alone)
        ]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        # The older exporter, since the newer one does not take TorchScript.
        torch.onnx.export(
            straight_line(module, examples), examples[0], str(target), input_names=list(probes.names),
            output_names=["embedding"], dynamic_axes={**free, "embedding": {0: "batch"}}, opset_version=OPSET,
            dynamo=False,
        )  # fmt: skip
    _declare_lengths(target, probes.names)
    _check_same(target, probes, wanted, modality)


def _declare_lengths(graph: Path, names: tuple[str, ...]) -> None:
    """Add the input `lengths` where the code does not read it: the exporter leaves out what is not read."""
    import onnx

    model = onnx.load(graph)
    if "lengths" in names and "lengths" not in {value.name for value in model.graph.input}:
        lengths = onnx.helper.make_tensor_value_info("lengths", onnx.TensorProto.INT64, ["lengths_0"])
        model.graph.input.append(lengths)
        onnx.save(model, graph)


def _check_same(graph: Path, probes: _Probes, wanted: list[Floats], modality: str) -> None:
    """Compare the script's vectors with the graph's: of each probe alone, and of all together, shortest text first."""
    network = Compiler(None, None).compile(StoredGraph(graph, ""), "f32")
    found = [
        network(*(values[::-1] for values in probes.batched))[::-1],
        *(network(*one) for one in probes.alone),
    ]
    cosine = min(
        agreement(one, other) if one.shape == other.shape else -1.0
        for one, other in zip(found, wanted, strict=True)
    )
    if cosine < CONVERTED_MIN:
        raise BundleError("bundle.payloads_disagree/converted", modality=modality, agreement=cosine)


def _refusal(problem: str, name: str, **detail: str) -> BundleError:
    return BundleError("bundle.torchscript_not_allowed", file=name, problem=problem, **detail)
