"""The two encoders of an extracted bundle behind one contract, whatever runs them.

`load_encoder` chooses OpenVINO on CPU, which needs no torch, or torch on CUDA.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from workers.inference.adapters import read_adapter
from workers.inference.bundles import read_manifest
from workers.inference.errors import EncoderError
from workers.inference.pictures import to_pixels
from workers.inference.stages import Stage, TwoStages
from workers.inference.texts import TextReader, batches_by_length, pad_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from workers.inference.manifest import ImageSpec, Manifest
    from workers.inference.words import UnknownWords

    Floats = NDArray[np.float32]
    Ids = NDArray[np.int64]
    Half = Callable[[Floats], Floats]

STAGE_BATCH = 2
"""Pictures that a stage takes at once: of a half batch of the bulk worker, four go through one behind the other."""
DEVICES = ("auto", "cpu", "cuda")


class Encoder(Protocol):
    """What every part that needs vectors works with. Safe to share between threads."""

    manifest: Manifest
    device: str
    precision: str

    @property
    def dim(self) -> int:
        """The number of dimensions of every vector."""
        ...

    def encode_pixels(self, pixels: Floats) -> Floats:
        """Prepared pictures, `pictures.to_pixels` stacked: (n, …) → unit vectors (n, dim)."""
        ...

    def encode_cells(self, pixels: Floats) -> Floats:
        """Prepared pictures (n, …) → what each cell of the encoder's grid gives to them, (n, rows, columns, dim).

        The mean over a picture's cells is its vector. EncoderError `encoder.no_cells` for a bundle without them.
        """
        ...

    def encode_pictures(self, pictures: Sequence[Image.Image]) -> Floats:
        """RGB pictures → unit vectors (n, dim)."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        """Texts → unit vectors (n, dim) in the order given; TextError `text.empty` for one without words."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> tuple[Floats, list[UnknownWords]]:
        """Texts that are searched for → as `encode_texts`, and the words of each that the model does not know."""
        ...


class Runtime(Protocol):
    """What runs the two networks; its batches may be run from several threads."""

    device: str
    precision: str
    image_batch: int
    text_batch: int

    def image(self, pixels: Floats) -> Floats:
        """(batch, 3, size, size), or with ten crops (batch, 10, 3, size, size) → (batch, dim)."""
        ...

    def cells(self, pixels: Floats) -> Floats:
        """(batch, 3, size, size) → (batch, rows, columns, dim); only for a bundle whose manifest names cells."""
        ...

    def text(self, tokens: Ids, lengths: Ids) -> Floats:
        """(batch, length), (batch) → (batch, dim)."""
        ...

    def halves(self) -> tuple[Half, Half] | None:
        """Both stages of `image`, which may run at once: (batch, 3, size, size) → nodes → (batch, dim); None: one."""
        ...


class BundleEncoder:
    """An `Encoder` over any runtime: prepares inputs, cuts them into batches, checks what comes back."""

    def __init__(self, manifest: Manifest, folder: Path, runtime: Runtime) -> None:
        self.manifest = manifest
        self.runtime = runtime
        self.device = runtime.device
        self.precision = runtime.precision
        self._reader = TextReader(manifest.text, folder) if manifest.text else None
        self._maps = read_adapter(manifest, folder)

    @property
    def dim(self) -> int:
        """The number of dimensions of every vector."""
        return self.manifest.dim

    def encode_pixels(self, pixels: Floats) -> Floats:
        """See `Encoder`; raises EncoderError `encoder.no_image` for a bundle that encodes texts only."""
        self._image_spec()
        halves = self.runtime.halves() if len(pixels) > STAGE_BATCH else None
        if halves:
            return self._checked(at_once(pixels, *halves), "image")
        size = self.runtime.image_batch
        parts = (self.runtime.image(pixels[at : at + size]) for at in range(0, len(pixels), size))
        return self._joined(parts)

    def encode_cells(self, pixels: Floats) -> Floats:
        """See `Encoder`."""
        grid, size = cells_of(self.manifest), self.runtime.image_batch
        found = [self.runtime.cells(pixels[at : at + size]) for at in range(0, len(pixels), size)]
        cells = np.concatenate([np.empty((0, *grid, self.dim), np.float32), *found])
        if "image" in self._maps:
            cells = self._maps["image"].cells(cells)
        if not np.isfinite(cells).all():
            raise EncoderError("encoder.bad_output", shape=list(cells.shape), dim=self.dim)
        return cells

    def encode_pictures(self, pictures: Sequence[Image.Image]) -> Floats:
        """See `Encoder`; prepares one batch at a time, so that memory does not grow with their number."""
        spec, size = self._image_spec(), self.runtime.image_batch
        groups = (pictures[at : at + size] for at in range(0, len(pictures), size))
        return self._joined(
            self.runtime.image(np.stack([to_pixels(p, spec) for p in group])) for group in groups
        )

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        """See `Encoder`; texts of similar length go together, since padding costs as much as words."""
        reader = self._text_reader()
        rows = [reader.encode(text) for text in texts]
        found = np.empty((len(rows), self.dim), np.float32)
        for places in batches_by_length(rows, self.runtime.text_batch):
            ids = pad_ids([rows[at] for at in places], reader.spec)
            found[places] = self._checked(self.runtime.text(*ids), "text")
        return found

    def encode_queries(self, texts: Sequence[str]) -> tuple[Floats, list[UnknownWords]]:
        """See `Encoder`."""
        return self.encode_texts(texts), [self._text_reader().unknown_words(text) for text in texts]

    def vocabulary(self) -> Sequence[str]:
        """Return the text encoder's words, by id; empty for a bundle without texts."""
        return self._reader.vocabulary if self._reader else ()

    def _image_spec(self) -> ImageSpec:
        if self.manifest.image is None:
            raise EncoderError("encoder.no_image")
        return self.manifest.image

    def _text_reader(self) -> TextReader:
        if self._reader is None:
            raise EncoderError("encoder.no_text")
        return self._reader

    def _joined(self, parts: Iterable[Floats]) -> Floats:
        return np.concatenate(
            [np.empty((0, self.dim), np.float32), *(self._checked(part, "image") for part in parts)]
        )

    def _checked(self, vectors: Floats, modality: str) -> Floats:
        """Return the vectors through the adapter; one that is not finite must never be stored or searched."""
        unit = self._unit(vectors)
        return self._unit(self._maps[modality].vectors(unit)) if modality in self._maps else unit

    def _unit(self, vectors: Floats) -> Floats:
        """Return the vectors at exactly unit length."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if vectors.shape[1:] != (self.dim,) or not np.isfinite(lengths).all() or not lengths.all():
            raise EncoderError("encoder.bad_output", shape=list(vectors.shape), dim=self.dim)
        return np.asarray(vectors / lengths, np.float32)


def at_once(pixels: Floats, first: Half, second: Half, size: int = STAGE_BATCH) -> Floats:
    """Pictures (n, …) through both stages, which work at the same time on batches of `size`, → (n, dim).

    No more than a few batches wait between them. Raises what a picture failed with; the others are left.
    """

    def of(half: Half) -> Stage:
        return Stage(lambda batch: list(half(np.stack(batch))), size)

    with TwoStages[Any, Any](of(first), of(second)) as stages:
        return np.stack([answer.result() for answer in stages.answers(pixels)])


def load_encoder(
    folder: Path, *, device: str = "auto", cache: Path | None = None, threads: int | None = None
) -> BundleEncoder:
    """Return the encoder of the bundle extracted in `folder`, loaded and warmed up.

    `device`: “cpu”, “cuda”, or “auto”, which takes CUDA where there is a GPU, torch and a native payload.
    `cache`: a folder for compiled networks, which makes every start but the first fast. `threads` of the CPU.
    Raises EncoderError, or BundleError where the folder's content is not valid.
    """
    manifest = read_manifest(folder)
    if wants_cuda(manifest, device):
        from workers.inference.torch_runtime import TorchRuntime

        return BundleEncoder(manifest, folder, TorchRuntime(manifest, folder))
    from workers.inference.openvino_runtime import OpenVinoRuntime

    return BundleEncoder(manifest, folder, OpenVinoRuntime(manifest, folder, cache=cache, threads=threads))


def cells_of(manifest: Manifest) -> tuple[int, int]:
    """Return rows and columns of the encoder's grid; raises EncoderError `encoder.no_cells`, `encoder.no_image`."""
    if manifest.image is None:
        raise EncoderError("encoder.no_image")
    if manifest.image.cells is None:
        raise EncoderError("encoder.no_cells")
    return manifest.image.cells


def wants_cuda(manifest: Manifest, device: str) -> bool:
    """Return whether the bundle runs on CUDA here; raises EncoderError where it should but cannot."""
    if device not in DEVICES:
        raise EncoderError("encoder.unknown_device", devices=list(DEVICES))
    if device == "auto":
        return manifest.payloads.native is not None and _has_gpu()
    if device == "cuda" and manifest.payloads.native is None:
        raise EncoderError("encoder.no_native_payload")
    return device == "cuda"


def _has_gpu() -> bool:
    """Look for the driver before importing torch, which costs a CPU-only worker seconds and 200 MB."""
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():
        return False
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()
