"""What the guarded child does with a published model: cut its encoders out, frame them, and try them out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from workers.inference.errors import BundleError, EncoderError
from workers.inference.openvino_runtime import Compiler, StoredGraph
from workers.inference.published.graphs import MAX_BYTES, ImageTower, TextTower, read_graph, refuse
from workers.inference.published.settings import picture_settings, read_settings, text_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from workers.inference.published.graphs import Padding
    from workers.inference.published.settings import TextSettings

    Feed = list[tuple[NDArray[Any], ...]]
    """What the encoder is given: each input's rows, alone."""

SOURCE = "source"
"""The folder inside of the scratch folder with the published files, each under its part's name."""
SETTINGS = ("tokenizer", "tokenizer_config", "config", "preprocessor")
_SIZES = range(16, 2049)
_AGREE = 1e-4


def convert(scratch: Path, threads: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Write `image.onnx`, `text.onnx` and `tokenizer.json` into `scratch`; return what a manifest says of them.

    Raises BundleError `hub.cannot_convert`.
    """
    source = scratch / SOURCE
    settings = {name: read_settings((source / name).read_bytes(), name) for name in SETTINGS if (source / name).is_file()}
    trial = Trial(threads)
    say("image encoder")
    image = ImageTower(_graph(source, "image"))
    pictures = picture_settings(settings["preprocessor"], takes_bytes=image.takes_bytes)
    if pictures["size"] not in _SIZES or image.size not in (None, pictures["size"]):
        refuse(f"its pictures have {pictures['size']}² points and its graph wants {image.size}²")
    dim = trial.image(image, pictures["size"], scratch / "image.onnx")
    del image
    say("text encoder")
    text = TextTower(_graph(source, "text"))
    texts = text_settings(settings, text.length)
    text_dim, padding = trial.text(text, texts, scratch / "text.onnx")
    if text_dim != dim:
        refuse(f"its encoders give vectors of {dim} and of {text_dim} dimensions")
    (scratch / "tokenizer.json").write_text(json.dumps(texts.tokenizer, ensure_ascii=False), encoding="utf-8")
    fixed = padding.to is not None
    return {"dim": dim, "image": pictures, "max_tokens": texts.max_tokens, "pad_token": padding.token, "fixed": fixed}


def _graph(source: Path, part: str) -> Any:
    """Return the graph of one encoder, or the one that holds both."""
    name = part if (source / part).is_file() else "both"
    weights = source / f"{name}_data"
    return read_graph(source / name, weights if weights.is_file() else None)


class Trial:
    """Runs framed graphs, to see whether they take batches and short texts: what a graph says of its axes may be wrong."""

    def __init__(self, threads: int) -> None:
        self._compiler = Compiler(None, threads)

    def image(self, tower: ImageTower, size: int, path: Path) -> int:
        """Write the image graph and return the dimension of its vectors."""
        rng = np.random.default_rng(0)
        feed: Feed = [(rng.random((1, 3, size, size), np.float32),) for _ in range(2)]
        for batches in (True, False):
            _write(tower.graph(size, batches=batches), path)
            if dim := self._dim(path, feed):
                return dim
        return refuse("its image encoder does not run")

    def text(self, tower: TextTower, texts: TextSettings, path: Path) -> tuple[int, Padding]:
        """Write the text graph; return the dimension of its vectors, and how texts are padded for it."""
        for padding, batches in _ways(texts):
            _write(tower.graph(padding, batches=batches), path)
            if dim := self._dim(path, _texts(padding, texts.max_tokens)):
                return dim, padding
        return refuse("its text encoder does not run")

    def _dim(self, path: Path, feed: Feed) -> int:
        """Return the dimension of the vectors; 0 where it does not run, or gives others in a batch than alone."""
        try:
            network = self._compiler.compile(StoredGraph(path, ""), "f32")
            alone = np.concatenate([network(*one) for one in feed])
            together = network(*_stacked(feed))
        except (EncoderError, RuntimeError, TypeError, ValueError):
            return 0
        same = together.shape == alone.shape and np.isfinite(alone).all() and alone.ndim == 2
        return alone.shape[1] if same and (1 - (alone * together).sum(1) < _AGREE).all() else 0


def _ways(texts: TextSettings) -> Iterator[tuple[Padding, bool]]:
    """Yield how the text graph may be framed, the fastest first."""
    paddings = [texts.padding]
    if texts.padding.to is None:
        paddings.append(replace(texts.padding, to=texts.max_tokens))
    for padding in paddings:
        for batches in (True, False):
            yield padding, batches


def _texts(padding: Padding, most: int) -> Feed:
    """Return two short texts, the shorter of which is padded beside the other; each ends as texts do where that matters."""
    rows = [[1, 2, 3, padding.token], [4, padding.token]]
    if most < len(rows[0]):
        refuse("its texts are too short")
    return [(np.array([row]), np.array([len(row)])) for row in rows]


def _stacked(feed: Feed) -> list[NDArray[Any]]:
    columns = list(zip(*feed, strict=True))
    return [np.concatenate([_long(array, column) for array in column]) for column in columns]


def _long(array: NDArray[Any], column: tuple[NDArray[Any], ...]) -> NDArray[Any]:
    """Return rows of texts with zeros behind them, as long as the longest beside them."""
    if array.ndim != 2:
        return array
    return np.pad(array, ((0, 0), (0, max(one.shape[1] for one in column) - array.shape[1])))


def _write(model: Any, path: Path) -> None:
    if model.ByteSize() > MAX_BYTES:
        raise BundleError("hub.cannot_convert", problem="one of its graphs is larger than 2 GB")
    onnx.save(model, path)
