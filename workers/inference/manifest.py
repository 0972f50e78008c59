"""The manifest of a bundle as typed, frozen dataclasses: what a model version is and how it is fed.

`docs/bundle.md` describes the same for those who write bundles.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from workers.inference.errors import BundleError
from workers.inference.reading import Section, refuse
from workers.inference.text_feed import TextFeed, read_feed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMAT = 1
MANIFEST_NAME = "manifest.json"
MODALITIES = ("image", "text")
SIMILARITIES = ("cosine", "order")
CROPS = ("center", "squash", "ten")
INTERPOLATIONS = ("bilinear", "bicubic")
PRECISIONS = ("auto", "float32")
TOKENIZERS = ("nltk-words", "clip-bpe", "tokenizers")
UNITS = ("page",)
"""Kinds of unit that only those models encode which name them; what they take are pictures."""
DIM_MAX = 4000
"""The most dimensions that an HNSW index over half-precision vectors takes."""
CELLS_MAX = 16
"""Rows, or columns, of an encoder's grid: 256 cells of 4,000 dimensions are 4 MB."""

NODES_MAX, CHANNELS_MAX = 256, 8192
"""Of what passes between two stages: at most 8 MB a picture."""

FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ImageSpec:
    """How a picture becomes the image encoder's input; see `pictures.to_pixels`.

    `precision`: `float32` for an encoder that must never run in less; `auto` for one that is tried in bf16.
    `cells`: rows and columns of the ONNX graph's output `cells`, where it has one. `stages`: nodes and channels of its
    output `nodes`, where the graph can be cut there into two stages, such as regions and reasoning over them.
    """

    resize: int
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: str = "center"
    interpolation: str = "bilinear"
    precision: str = "auto"
    cells: tuple[int, int] | None = None
    stages: tuple[int, int] | None = None

    @property
    def has_several_outputs(self) -> bool:
        """Whether the ONNX graph gives more than the embedding."""
        return self.cells is not None or self.stages is not None


@dataclass(frozen=True)
class TextSpec:
    """How a text becomes the text encoder's input; `vocabulary` names a file of the bundle.

    `feed`: given exactly for the tokenizer `tokenizers`; the others feed `tokens`, padded with 0, and `lengths`.
    """

    tokenizer: str
    vocabulary: str
    max_tokens: int
    feed: TextFeed | None = None


@dataclass(frozen=True)
class GraphFiles:
    """One file per modality, of an `onnx` or `torchscript` payload or an adapter; None where there is none."""

    image: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class NativeFiles:
    """Config and safetensors weights of an architecture of this project; can be trained further."""

    config: str
    weights: str


@dataclass(frozen=True)
class Payloads:
    """The forms in which the bundle carries its encoders; at least one is present."""

    onnx: GraphFiles | None = None
    native: NativeFiles | None = None
    torchscript: GraphFiles | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the names of the forms that are present."""
        return tuple(kind for kind in ("onnx", "native", "torchscript") if getattr(self, kind) is not None)


@dataclass(frozen=True)
class FileEntry:
    """The size and SHA-256 (hexadecimal) that a file of the bundle must have."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """Everything that the bundle says about itself. Field for field the JSON of `docs/bundle.md`.

    `references`: the file with what the original gives for a few texts and pictures (`workers.inference.references`).
    """

    name: str
    licence: str
    dim: int
    modalities: tuple[str, ...]
    payloads: Payloads
    image: ImageSpec | None = None
    text: TextSpec | None = None
    similarity: str = "cosine"
    adapter: GraphFiles | None = None
    references: str | None = None
    description: str = ""
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    units: tuple[str, ...] = ()
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain JSON values; `parse_manifest` reads them back to an equal manifest.

        `units` are left out where there are none: versions of Sightline that do not know the key refuse it.
        """
        free = {name: getattr(self, name) for name in ("training", "metrics")}
        values = {key: _plain(value) for key, value in asdict(self).items() if value not in (None, ())}
        return values | free


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def parse_manifest(values: Mapping[str, Any]) -> Manifest:
    """Return the manifest in `values`; raises BundleError `bundle.manifest_invalid` with the wrong key."""
    top = Section(values)
    _check_format(top)
    top.only([known.name for known in fields(Manifest)])
    manifest = Manifest(
        name=_name(top),
        licence=top.text("licence", longest=200),
        description=top.text("description", ""),
        dim=top.whole("dim", 2, DIM_MAX),
        similarity=top.choice("similarity", SIMILARITIES),
        modalities=_modalities(top),
        image=_image(top.optional_section("image")),
        text=_text(top.optional_section("text")),
        payloads=_payloads(top.section("payloads")),
        adapter=_graphs(top.optional_section("adapter")),
        references=top.optional_text("references"),
        files=top.each_section("files", _file_entry),
        training=_free(top, "training"),
        metrics=_free(top, "metrics"),
        units=_units(top),
    )
    _check_consistent(manifest)
    return manifest


def named_files(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield `(key, file name)` for every file that the manifest refers to."""
    if manifest.text:
        yield "text.vocabulary", manifest.text.vocabulary
    if manifest.references is not None:
        yield "references", manifest.references
    for modality, name in asdict(manifest.adapter).items() if manifest.adapter else ():
        if name is not None:
            yield f"adapter.{modality}", name
    for kind in manifest.payloads.kinds:
        for part, name in asdict(getattr(manifest.payloads, kind)).items():
            if name is not None:
                yield f"payloads.{kind}.{part}", name


def _check_format(top: Section) -> None:
    found = top.values.get("format")
    if isinstance(found, int) and not isinstance(found, bool) and found > FORMAT:
        raise BundleError("bundle.manifest_invalid/format", key="format", found=found, supported=FORMAT)
    top.whole("format", FORMAT, FORMAT)


def _name(top: Section) -> str:
    name = top.text("name")
    if not _NAME.fullmatch(name):
        refuse(
            "name",
            "must have 1 to 63 letters, digits, dots, dashes or underscores and begin with a letter or digit",
        )
    return name


def _modalities(top: Section) -> tuple[str, ...]:
    found = top.values.get("modalities")
    known = isinstance(found, list) and found and all(item in MODALITIES for item in found)
    if not isinstance(found, list) or not known or len(set(found)) != len(found):
        refuse("modalities", "must be a list of “image”, “text” or both, each once")
    return tuple(found)


def _units(top: Section) -> tuple[str, ...]:
    found = top.values.get("units", [])
    known = isinstance(found, list) and all(item in UNITS for item in found)
    if not known or len(set(found)) != len(found):
        refuse("units", f"must be a list of {' or '.join(f'“{unit}”' for unit in UNITS)}, each once")
    return tuple(found)


def _image(section: Section | None) -> ImageSpec | None:
    if section is None:
        return None
    section.only(("resize", "size", "crop", "interpolation", "mean", "std", "precision", "cells", "stages"))
    spec = ImageSpec(
        resize=section.whole("resize", 16, 2048),
        size=section.whole("size", 16, 2048),
        crop=section.choice("crop", CROPS),
        interpolation=section.choice("interpolation", INTERPOLATIONS),
        mean=section.numbers("mean", 3),
        std=section.numbers("std", 3),
        precision=section.choice("precision", PRECISIONS, "auto"),
        cells=_cells(section),
        stages=_stages(section),
    )
    if spec.crop != "squash" and spec.size > spec.resize:
        refuse("image.size", "must not be larger than image.resize")
    if spec.cells and spec.crop == "ten":
        refuse("image.cells", "is not for ten crops, in which a cell has no one place")
    if spec.stages and spec.crop == "ten":
        refuse("image.stages", "is not for ten crops, whose nodes are averaged")
    if min(spec.std) <= 0:
        refuse("image.std", "must be above zero")
    return spec


def _cells(section: Section) -> tuple[int, int] | None:
    found = section.values.get("cells")
    if found is None:
        return None
    whole = isinstance(found, list) and all(type(side) is int for side in found)
    if not whole or len(found) != 2 or not all(2 <= side <= CELLS_MAX for side in found):
        refuse("image.cells", f"must be two whole numbers from 2 to {CELLS_MAX}: rows and columns")
    return found[0], found[1]


def _stages(section: Section) -> tuple[int, int] | None:
    found = section.values.get("stages")
    if found is None:
        return None
    whole = isinstance(found, list) and len(found) == 2 and all(type(side) is int for side in found)
    if not whole or not 1 <= found[0] <= NODES_MAX or not 1 <= found[1] <= CHANNELS_MAX:
        words = f"two whole numbers: nodes up to {NODES_MAX} and channels up to {CHANNELS_MAX}"
        refuse("image.stages", f"must be {words}")
    return found[0], found[1]


def _text(section: Section | None) -> TextSpec | None:
    if section is None:
        return None
    section.only(("tokenizer", "vocabulary", "max_tokens", "feed"))
    feed = section.optional_section("feed")
    spec = TextSpec(
        tokenizer=section.choice("tokenizer", TOKENIZERS),
        vocabulary=section.text("vocabulary"),
        max_tokens=section.whole("max_tokens", 3, 4096),
        feed=read_feed(feed) if feed else None,
    )
    if (spec.feed is not None) != (spec.tokenizer == "tokenizers"):
        refuse("text.feed", "is given exactly for the tokenizer “tokenizers”")
    return spec


def _payloads(section: Section) -> Payloads:
    section.only(("onnx", "native", "torchscript"))
    native = section.optional_section("native")
    found = Payloads(
        onnx=_graphs(section.optional_section("onnx")),
        native=_native(native) if native else None,
        torchscript=_graphs(section.optional_section("torchscript")),
    )
    if not found.kinds:
        refuse("payloads", "must hold at least one of onnx, native, torchscript")
    return found


def _graphs(section: Section | None) -> GraphFiles | None:
    if section is None:
        return None
    section.only(MODALITIES)
    return GraphFiles(image=section.optional_text("image"), text=section.optional_text("text"))


def _native(section: Section) -> NativeFiles:
    section.only(("config", "weights"))
    return NativeFiles(config=section.text("config"), weights=section.text("weights"))


def _file_entry(section: Section) -> FileEntry:
    section.only(("sha256", "bytes"))
    digest = section.text("sha256")
    if not _SHA256.fullmatch(digest):
        refuse(section.key("sha256"), "must be 64 lower-case hexadecimal digits")
    return FileEntry(sha256=digest, bytes=section.whole("bytes", 0, 2**40))


def _free(top: Section, name: str) -> Mapping[str, Any]:
    """Return an object whose inside is free: who trained the model may note there what they like."""
    section = top.optional_section(name)
    return section.values if section else {}


def _check_consistent(manifest: Manifest) -> None:
    """Refuse a manifest whose parts contradict each other: each modality has its settings and its graphs."""
    for modality in MODALITIES:
        _check_presence(manifest, modality)
    if manifest.image and manifest.image.cells:
        _check_cells(manifest)
    if manifest.image and manifest.image.stages and manifest.payloads.onnx is None:
        refuse("image.stages", "is an output of an ONNX graph, which “payloads” does not name")
    if manifest.units and manifest.image is None:
        refuse("units", "names what an image encoder takes, and “modalities” names none")
    if manifest.adapter:
        _check_adapter(manifest)
    _check_files(manifest)


def _check_files(manifest: Manifest) -> None:
    """Refuse names that no file of a bundle may have, and files that are used but not listed."""
    for name in manifest.files:
        if not FILE_NAME.fullmatch(name) or name == MANIFEST_NAME:
            refuse(f"files.{name}", "is not an allowed file name")
    for key, name in named_files(manifest):
        if name not in manifest.files:
            refuse(key, f"names “{name}”, which “files” does not list")


def _check_cells(manifest: Manifest) -> None:
    """Refuse cells where nothing could give them, or where a score does not split over them."""
    if manifest.similarity != "cosine":
        refuse("image.cells", "is for the similarity “cosine” only")
    if manifest.payloads.onnx is None:
        refuse("image.cells", "is an output of an ONNX graph, which “payloads” does not name")


def _check_adapter(manifest: Manifest) -> None:
    """Refuse an adapter of a tower that is not there, or where vectors are no directions; one tower may have none."""
    if manifest.similarity != "cosine":
        refuse("adapter", "is for the similarity “cosine” only")
    for modality, name in vars(manifest.adapter).items():
        if name is not None and modality not in manifest.modalities:
            refuse(f"adapter.{modality}", "is given, but “modalities” does not name it")


def _check_presence(manifest: Manifest, modality: str) -> None:
    """Refuse settings or graphs of one modality that are missing, or given although it is not named."""
    wanted = modality in manifest.modalities
    problem = "is missing" if wanted else "is given, but “modalities” does not name it"
    if (getattr(manifest, modality) is not None) != wanted:
        refuse(modality, problem)
    for kind in ("onnx", "torchscript"):
        graphs = getattr(manifest.payloads, kind)
        if graphs and (getattr(graphs, modality) is not None) != wanted:
            refuse(f"payloads.{kind}.{modality}", problem)
