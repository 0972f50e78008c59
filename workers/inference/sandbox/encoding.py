"""The encoder of one bundle, as a handler of a sandboxed child."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.inference.encoder import load_encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Answer = tuple[dict[str, Any], list[NDArray[np.float32]]]

PLACE = f"{__name__}:EncoderHandler"


class EncoderHandler:
    """Loads and warms the encoder of the bundle extracted in `folder`; see `load_encoder`."""

    def __init__(self, folder: str, cache: str | None, threads: int | None) -> None:
        self._encoder = load_encoder(
            Path(folder), device="cpu", cache=Path(cache) if cache else None, threads=threads
        )

    def hello(self) -> dict[str, Any]:
        """Return what the parent needs to know of the loaded encoder."""
        runtime = self._encoder.runtime
        return {"precision": runtime.precision, "image_batch": runtime.image_batch}

    def pixels(self, head: dict[str, Any], payload: memoryview) -> Answer:
        """Prepared pictures of `shape` (n, …) as float32 → unit vectors (n, dim)."""
        pixels = np.frombuffer(payload, np.float32).reshape(head["shape"])
        return {}, [self._encoder.encode_pixels(pixels)]

    def cells(self, head: dict[str, Any], payload: memoryview) -> Answer:
        """Prepared pictures of `shape` (n, …) as float32 → what each cell gives to them, (n, rows, columns, dim)."""
        pixels = np.frombuffer(payload, np.float32).reshape(head["shape"])
        return {}, [self._encoder.encode_cells(pixels)]

    def texts(self, head: dict[str, Any], payload: memoryview) -> Answer:
        """A JSON list of texts → unit vectors (n, dim)."""
        return {}, [self._encoder.encode_texts(json.loads(bytes(payload)))]

    def queries(self, head: dict[str, Any], payload: memoryview) -> Answer:
        """A JSON list of texts → unit vectors (n, dim), and of each the words that the model does not know."""
        vectors, unknown = self._encoder.encode_queries(json.loads(bytes(payload)))
        return {"unknown": [asdict(words) for words in unknown]}, [vectors]
