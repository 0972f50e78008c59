"""The networks of a bundle on a GPU by torch, from the native payload."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from workers.inference.errors import BundleError, EncoderError
from workers.inference.pictures import to_pixels
from workers.inference.precision import choose_precision
from workers.inference.probes import probe_pictures
from workers.neural.errors import ModelConfigError, WeightsError
from workers.neural.folding import fold
from workers.neural.grid import GridTower, grid_tower
from workers.neural.native import load_native

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from workers.inference.manifest import ImageSpec, Manifest
    from workers.neural.two_tower import TwoTower

    Floats = NDArray[np.float32]
    Ids = NDArray[np.int64]


class TorchRuntime:
    """A `Runtime` for CUDA. Pictures in bf16 where the bundle's vectors stand it, texts in fp32."""

    image_batch = 64
    text_batch = 256

    def __init__(self, manifest: Manifest, folder: Path, device: str = "cuda") -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise EncoderError("encoder.no_gpu")
        self.device = device
        self.precision = "f32"
        self._model = cast("TwoTower", fold(read_native(manifest, folder))).to(device)
        self._grid: GridTower | None = None
        if manifest.image:
            self._prepare(manifest.image)
        if manifest.text:
            self.text(np.ones((1, 8), np.int64), np.full(1, 8, np.int64))

    def image(self, pixels: Floats) -> Floats:
        """See `Runtime`."""
        return self._image(pixels, self.precision)

    @torch.inference_mode()
    def cells(self, pixels: Floats) -> Floats:
        """See `Runtime`. Raises EncoderError `encoder.no_cells` for a network that does not split over them."""
        if self._grid is None:
            self._grid = grid_tower(self._model, pixels.shape[-1])
        if self._grid is None:
            raise EncoderError("encoder.no_cells")
        moved = torch.from_numpy(np.ascontiguousarray(pixels, np.float32)).to(self.device)
        return _to_numpy(self._grid(moved)[1])

    @torch.inference_mode()
    def text(self, tokens: Ids, lengths: Ids) -> Floats:
        """See `Runtime`."""
        moved = (torch.from_numpy(ids).to(self.device) for ids in (tokens, lengths))
        return _to_numpy(self._model.encode_text(*moved))

    def halves(self) -> None:
        """See `Runtime`: on a GPU both stages are its work, so the network runs as one."""

    @torch.inference_mode()
    def _image(self, pixels: Floats, precision: str) -> Floats:
        moved = torch.from_numpy(np.ascontiguousarray(pixels, np.float32)).to(self.device)
        with torch.autocast(self.device, torch.bfloat16, enabled=precision == "bf16"):
            return _to_numpy(self._model.encode_image(moved))

    def _prepare(self, spec: ImageSpec) -> None:
        """Choose the precision and warm up. Trying both takes well under a second on a GPU, so no finding is kept."""
        probes = np.stack([to_pixels(picture, spec) for picture in probe_pictures()])
        if spec.precision == "float32":
            only_float32()
            self.image(probes)
        else:
            self.precision = choose_precision(
                lambda name: lambda pixels: self._image(pixels, name), probes, None
            )


def only_float32() -> None:
    """Make CUDA compute in float32 throughout, for this process: TensorFloat-32, its default, keeps 10 bits.

    Not for one call at a time, since the setting is the process's and several threads encode.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def read_native(manifest: Manifest, folder: Path) -> TwoTower:
    """Return the model of the native payload in evaluation mode; raises BundleError `bundle.native_invalid`."""
    native = manifest.payloads.native
    if native is None:
        raise BundleError("bundle.native_invalid/none")
    try:
        config = json.loads((folder / native.config).read_text(encoding="utf-8"))
        return load_native(config, folder / native.weights)
    except (ModelConfigError, WeightsError, ValueError, TypeError) as error:
        raise BundleError("bundle.native_invalid", problem=str(error).rstrip(".")) from error


def _to_numpy(vectors: torch.Tensor) -> Floats:
    return vectors.float().cpu().numpy()
