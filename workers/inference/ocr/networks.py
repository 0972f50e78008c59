"""PP-OCR's two networks, out of the `rapidocr` package, on OpenVINO.

Of the package only the files of the models are used: its own code keeps no bound on memory (each size of picture
leaves prepared kernels behind) and downloads what it does not find.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.inference.vino import openvino

if TYPE_CHECKING:
    from numpy.typing import NDArray

DETECTION, RECOGNITION = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"


class OcrNetwork:
    """One compiled network of PP-OCR. It belongs to one thread."""

    def __init__(self, name: str, threads: int) -> None:
        core = openvino.Core()
        self._model = core.read_model(str(_models() / name))
        options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "CACHE_DIR": ""}
        self._request = core.compile_model(self._model, "CPU", options).create_infer_request()

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one input `(1, 3, height, width)`; the result is the caller's own copy."""
        self._request.start_async([pixels])
        self._request.wait()
        return np.array(self._request.get_output_tensor(0).data, np.float32)

    @property
    def characters(self) -> list[str]:
        """The characters that a recognition network knows, as its file lists them."""
        listed: Any = self._model.get_rt_info(["framework", "character"])
        return str(getattr(listed, "value", listed)).splitlines()


def _models() -> Path:
    """Return the folder of the models, without importing the package around it."""
    found = find_spec("rapidocr")
    if found is None or found.origin is None:
        raise FileNotFoundError("the package rapidocr is not installed")
    return Path(found.origin).parent / "models"
