"""PP-OCR's two networks, out of the `rapidocr` package, on OpenVINO.

Of the package only the files of the models are used: its own code keeps no bound on memory (each size of picture
leaves prepared kernels behind) and downloads what it does not find.
"""

from __future__ import annotations

from collections import deque
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.inference.vino import openvino

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

DETECTION, RECOGNITION = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"


class OcrNetwork:
    """One compiled network of PP-OCR. It belongs to one thread.

    With `streams`, so many inputs are run at once, each on a thread of its own where there are as many `threads`: many
    small inputs, such as the lines of a page, keep all cores busy so, which several threads for one of them do not.
    """

    def __init__(self, name: str, threads: int, streams: int = 1) -> None:
        core = openvino.Core()
        self._model = core.read_model(str(_models() / name))
        options: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": streams, "CACHE_DIR": ""}
        if streams == 1:
            options["PERFORMANCE_HINT"] = "LATENCY"
        compiled = core.compile_model(self._model, "CPU", options)
        self._requests = [compiled.create_infer_request() for _ in range(streams)]

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one input `(1, 3, height, width)`; the result is the caller's own copy."""
        return next(self.each([pixels]))

    def each(self, inputs: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Yield the result of each input, in order; as many are run at once as there are streams."""
        free, running = deque(self._requests), deque[Any]()
        for pixels in inputs:
            if not free:
                free.append(running.popleft())
                yield _result(free[-1])
            request = free.popleft()
            request.start_async([pixels])
            running.append(request)
        for request in running:
            yield _result(request)

    @property
    def characters(self) -> list[str]:
        """The characters that a recognition network knows, as its file lists them."""
        listed: Any = self._model.get_rt_info(["framework", "character"])
        return str(getattr(listed, "value", listed)).splitlines()


def _result(request: Any) -> NDArray[np.float32]:
    """Wait for a request; return a copy of what it gives."""
    request.wait()
    return np.array(request.get_output_tensor(0).data, np.float32)


def _models() -> Path:
    """Return the folder of the models, without importing the package around it."""
    found = find_spec("rapidocr")
    if found is None or found.origin is None:
        raise FileNotFoundError("the package rapidocr is not installed")
    return Path(found.origin).parent / "models"
