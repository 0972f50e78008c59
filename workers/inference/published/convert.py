"""What the guarded child does with a published model: cut its encoders out, frame them, and try them out."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto

from workers.inference.checks.graphs import Port, text_inputs, with_stated_batch
from workers.inference.checks.indices import Texts, check_indices
from workers.inference.errors import BundleError, EncoderError
from workers.inference.manifest import TextSpec
from workers.inference.openvino_runtime import Compiler, StoredGraph
from workers.inference.probes import probe_texts
from workers.inference.published.folding import fold
from workers.inference.published.graphs import (
    MAX_BYTES,
    PublishedImageTower,
    PublishedTextTower,
    read_graph,
    refuse,
)
from workers.inference.published.native import MadeGraphs, write_native
from workers.inference.published.settings import picture_settings, read_settings, text_settings
from workers.inference.reading import Section
from workers.inference.text_feed import read_feed
from workers.inference.texts import TextReader, graph_inputs, pad_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from workers.inference.published.graphs import Padding
    from workers.inference.published.settings import TextSettings

    Feed = list[dict[str, NDArray[Any]]]
    """What an encoder is given, by its inputs' names: probes, each alone, and last all of them as one batch."""

SOURCE = "source"
"""The folder inside of the scratch folder with the published files, each under its part's name."""
SETTINGS = ("tokenizer", "tokenizer_config", "config", "preprocessor")
WEIGHTS, WEIGHTS_CONFIG = "weights", "weights_config"
_SIZES = range(16, 2049)
_AGREE = 1e-4


def convert(scratch: Path, threads: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Write `image.onnx`, `text.onnx` and `tokenizer.json` into `scratch`; return what a manifest says of them.

    With `weights` and `weights_config` also the native form; `native` is then why it was left out, or an empty text.
    Raises BundleError `hub.cannot_convert`.
    """
    source = scratch / SOURCE
    settings = {
        name: read_settings((source / name).read_bytes(), name)
        for name in SETTINGS
        if (source / name).is_file()
    }
    trial = Trial(threads)
    say("image encoder")
    image = PublishedImageTower(_graph(source, "image"))
    pictures = picture_settings(settings["preprocessor"], takes_bytes=image.takes_bytes)
    if pictures["size"] not in _SIZES or image.size not in (None, pictures["size"]):
        refuse(f"its pictures have {pictures['size']}² points and its graph wants {image.size}²")
    dim = trial.image(image, pictures["size"], scratch / "image.onnx")
    del image
    say("text encoder")
    text = PublishedTextTower(_graph(source, "text"))
    texts = text_settings(settings, text.length)
    (scratch / "tokenizer.json").write_text(json.dumps(texts.tokenizer, ensure_ascii=False), encoding="utf-8")
    text_dim, padding = trial.text(text, texts, scratch)
    if text_dim != dim:
        refuse(f"its encoders give vectors of {dim} and of {text_dim} dimensions")
    reads = {
        "tokenizer": "tokenizers",
        "vocabulary": "tokenizer.json",
        "max_tokens": texts.max_tokens,
        "feed": _feed(text, padding, lowercase=texts.lowercase),
    }
    del text  # its graph is large, and the native weights come next
    found = {"dim": dim, "image": pictures, "text": reads}
    return found | _native(source, MadeGraphs(scratch, pictures, reads), threads, say)


def _native(source: Path, made: MadeGraphs, threads: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Write the native weights, where there are any; return why they were left out, if they were."""
    if not (source / WEIGHTS).is_file() or not (source / WEIGHTS_CONFIG).is_file():
        return {}
    say("native weights")
    config = read_settings((source / WEIGHTS_CONFIG).read_bytes(), WEIGHTS_CONFIG)
    reason = write_native(source / WEIGHTS, config, made, threads)
    return {"native": reason}


def _feed(tower: PublishedTextTower, padding: Padding, *, lowercase: bool) -> dict[str, Any]:
    """Return the manifest's `text.feed`."""
    way = "fixed" if padding.to else "longest"
    feed = {"inputs": list(tower.fed(padding)), "integers": "int64", "padding": way, "pad": padding.token}
    return feed | ({"lowercase": True} if lowercase else {})


def _graph(source: Path, part: str) -> Any:
    """Return the graph of one encoder, or the one that holds both."""
    name = part if (source / part).is_file() else "both"
    weights = source / f"{name}_data"
    return read_graph(source / name, weights if weights.is_file() else None)


@dataclass(frozen=True)
class Check:
    """What a graph's indices are checked against: its inputs, and what texts can hold."""

    ports: dict[str, Port]
    texts: Texts | None = None


class Trial:
    """Runs framed graphs, to see whether they take batches and short texts: what a graph says of its axes may be wrong.

    A graph that does not, or that leaves open where it reads, gets fixed lengths and a batch of one.
    """

    def __init__(self, threads: int) -> None:
        self._compiler = Compiler(None, threads)

    def image(self, tower: PublishedImageTower, size: int, path: Path) -> int:
        """Write the image graph and return the dimension of its vectors."""
        rng = np.random.default_rng(0)
        pixels = rng.random((2, 3, size, size), np.float32)
        feed: Feed = [{"pixels": pixels[:1]}, {"pixels": pixels[1:]}, {"pixels": pixels}]
        check = Check({"pixels": Port(TensorProto.FLOAT, (None, 3, size, size))})
        for batches in (True, False):
            graph = tower.graph(size, batches=batches)
            if dim := self._settled(graph, path, feed, check, fixed=not batches):
                return dim
        return refuse("its image encoder does not run, or may read beyond a table")

    def text(self, tower: PublishedTextTower, texts: TextSettings, folder: Path) -> tuple[int, Padding]:
        """Write the text graph; return the dimension of its vectors, and how texts are padded for it."""
        for padding, batches in _ways(texts):
            feeding = read_feed(Section(_feed(tower, padding, lowercase=texts.lowercase)))
            spec = TextSpec("tokenizers", "tokenizer.json", texts.max_tokens, feeding)
            reader, most = TextReader(spec, folder), texts.max_tokens
            rows = [reader.encode(text) for text in _texts(reader)]
            feed = [graph_inputs(*pad_ids(some, spec), spec) for some in (rows[:1], rows[1:], rows)]
            check = Check(text_inputs(spec), Texts(len(reader.vocabulary), most))
            graph = tower.graph(padding, batches=batches)
            if dim := self._settled(graph, folder / "text.onnx", feed, check, fixed=not batches):
                return dim, padding
        return refuse("its text encoder does not run, or may read beyond a table")

    def _settled(self, graph: Any, path: Path, feed: Feed, check: Check, *, fixed: bool) -> int:
        """Write a graph; return the dimension of its vectors, 0 where it cannot be used so."""
        if fixed:
            fold(graph)
        try:
            check_indices(graph, with_stated_batch(graph, check.ports), check.texts, path.name)
        except BundleError:
            return 0
        _write(graph, path)
        return self._dim(path, feed)

    def _dim(self, path: Path, feed: Feed) -> int:
        """Return the dimension of the vectors; 0 where it does not run, or gives others in a batch than alone."""
        try:
            network = self._compiler.compile(StoredGraph(path, ""), "f32")
            *singly, together = (network.named(one) for one in feed)
            alone = np.concatenate(singly)
        except (EncoderError, RuntimeError, TypeError, ValueError):
            return 0
        same = together.shape == alone.shape and np.isfinite(alone).all() and alone.ndim == 2
        return alone.shape[1] if same and (1 - (alone * together).sum(1) < _AGREE).all() else 0


def _ways(texts: TextSettings) -> Iterator[tuple[Padding, bool]]:
    """Yield how the text graph may be framed, the fastest first: short texts in batches, long ones, one by one."""
    if texts.padding.to is None:
        yield texts.padding, True
    fixed = replace(texts.padding, to=texts.max_tokens)
    yield from ((fixed, True), (fixed, False))


def _texts(reader: TextReader) -> list[str]:
    """Return two texts of different lengths that the tokeniser knows."""
    texts = probe_texts(reader.vocabulary, 2)
    return [texts[0], " ".join(texts)]


def _write(model: Any, path: Path) -> None:
    if model.ByteSize() > MAX_BYTES:
        raise BundleError("hub.cannot_convert", problem="one of its graphs is larger than 2 GB")
    onnx.save(model, path)
