"""The query worker's side of an explanation: the vectors of a text or a picture with something left out of it.

These come over a list of their own, which one thread of each worker reads, and go to the encoder a few at a time:
whoever searches meanwhile waits for a few inputs at most, never for a whole explanation.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from workers.encoding.decoders import decoders
from workers.encoding.wire import GRID, LEFT_OUT_MAX, Encoded
from workers.inference.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from typing import Any

    from numpy.typing import NDArray

    from workers.encoding.pool import LoadedModel
    from workers.encoding.wire import Ask
    from workers.inference.decoding.types import PreparedPicture

    Floats = NDArray[np.float32]

AT_ONCE_TEXTS, AT_ONCE_PICTURES = 8, 4


def explained(model: LoadedModel, ask: Ask, data: bytes, seconds: float) -> Encoded:
    """Return the vectors that were asked for, one behind the other."""
    if ask.kind == "texts":
        return _texts(model, data)
    prepared = _prepared(model, ask, data, seconds)
    return (_cells if ask.kind == "cells" else _regions)(model, prepared)


def _texts(model: LoadedModel, data: bytes) -> Encoded:
    """Return a vector for each of a JSON list of texts; which words are unknown, as of a query, is not looked for."""
    if model.encoder.manifest.text is None:
        raise EncoderError("encoder.no_text")
    texts = json.loads(data)[:LEFT_OUT_MAX]
    vectors = [model.encoder.encode_texts(some) for some in _parts(texts, AT_ONCE_TEXTS)]
    return Encoded(np.concatenate(vectors).reshape(-1))


def _prepared(model: LoadedModel, ask: Ask, data: bytes, seconds: float) -> PreparedPicture:
    spec = model.encoder.manifest.image
    if spec is None:
        raise EncoderError("encoder.no_image")
    return decoders().prepared(data, spec, framing=ask.framing, within_seconds=seconds)


def _cells(model: LoadedModel, prepared: PreparedPicture) -> Encoded:
    """Return what each cell of the encoder's own grid gives to the picture's vector, row by row: their mean is it."""
    return Encoded(model.encoder.encode_cells(prepared.pixels[None]).reshape(-1), size=prepared.size)


def _regions(model: LoadedModel, prepared: PreparedPicture) -> Encoded:
    """Return the vector of a picture, then one for each cell of a grid over it, with that cell in the mean colour."""
    vectors: list[Floats] = []
    for some in _parts([prepared.pixels, *_occluded(prepared.pixels)], AT_ONCE_PICTURES):
        vectors += _results([model.pixels.submit(pixels) for pixels in some])
    return Encoded(np.concatenate(vectors), size=prepared.size)


def _occluded(pixels: Floats) -> Iterator[Floats]:
    """Yield the input `(3, size, size)` with one cell of the grid after the other, row by row, in the mean colour."""
    edges = np.linspace(0, pixels.shape[-1], GRID + 1).round().astype(int)
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            changed = pixels.copy()
            changed[:, top:bottom, left:right] = 0.0
            yield changed


def _parts(every: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (every[at : at + size] for at in range(0, len(every), size))


def _results(futures: list[Future[Any]]) -> list[Any]:
    return [future.result(settings.CONFIG.encode_timeout_seconds) for future in futures]
