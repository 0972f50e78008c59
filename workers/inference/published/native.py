"""Native weights of a published model beside its graphs, where torch is installed: for GPUs, and to train further."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.inference.errors import EncoderError
from workers.inference.manifest import TextSpec
from workers.inference.openvino_runtime import Compiler, StoredGraph
from workers.inference.precision import AGREEMENT_MIN, agreement
from workers.inference.probes import probe_texts
from workers.inference.published.bundle import CONFIG, WEIGHTS
from workers.inference.published.libraries import missing_libraries
from workers.inference.reading import Section
from workers.inference.text_feed import read_feed
from workers.inference.texts import TextReader, graph_inputs, pad_ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from workers.neural.two_tower import TwoTower

    Floats = NDArray[np.float32]

_PROBES = 4
_SEED = 20261130


@dataclass(frozen=True)
class MadeGraphs:
    """The graphs in `folder`, with what a manifest says of pictures (`size`) and texts."""

    folder: Path
    size: int
    text: Mapping[str, Any]


def write_native(weights: Path, config: Mapping[str, Any], made: MadeGraphs, threads: int) -> str:
    """Write `native.json` and `native.safetensors` beside the graphs; return why there are none, or an empty text.

    The weights are a stranger's: safetensors alone, read inside the walls. They must give the vectors that the graphs
    give (cosine ≥ 0.999). Matrices are kept in float16.
    """
    if missing := missing_libraries():
        return f"{missing[0]} is not installed"
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from workers.neural.errors import ModelConfigError, WeightsError
    from workers.neural.native import native_config, native_weights
    from workers.neural.published import published_config, published_model

    try:
        shape = published_config(config, int(made.text["feed"]["pad"]))
        model = published_model(shape, load_file(weights))
        apart = _least_agreement(model, made, threads)
    except (ModelConfigError, WeightsError, SafetensorError, EncoderError, OSError, ValueError) as error:
        return str(error)[:300]
    except (RuntimeError, TypeError, IndexError, KeyError) as error:
        return f"they cannot be run ({type(error).__name__})"
    if not apart >= AGREEMENT_MIN:  # also where it is no number
        return f"they give other vectors than the graphs (cosine {apart:.3f})"
    (made.folder / CONFIG).write_text(json.dumps(native_config(model), indent=1) + "\n", encoding="utf-8")
    (made.folder / WEIGHTS).write_bytes(native_weights(model, half=True))
    return ""


def _least_agreement(model: TwoTower, made: MadeGraphs, threads: int) -> float:
    """Return the least cosine of both forms' vectors, of pictures and of texts."""
    import torch

    pixels = np.random.default_rng(_SEED).normal(size=(_PROBES, 3, made.size, made.size)).astype(np.float32)
    feed = read_feed(Section(made.text["feed"]))
    spec = TextSpec("tokenizers", str(made.text["vocabulary"]), int(made.text["max_tokens"]), feed)
    reader = TextReader(spec, made.folder)
    rows = [reader.encode(text) for text in probe_texts(reader.vocabulary, _PROBES)]
    tokens = [pad_ids([row], spec) for row in rows]
    graphs = _Graphs(made.folder, threads)
    with torch.inference_mode():
        images = model.encode_image(torch.from_numpy(pixels)).numpy()
        texts = np.concatenate([model.encode_text(*map(torch.from_numpy, ids)).numpy() for ids in tokens])
    pairs = (
        (images, graphs.vectors("image", [{"pixels": one[None]} for one in pixels])),
        (texts, graphs.vectors("text", [graph_inputs(*ids, spec) for ids in tokens])),
    )
    return min(agreement(ours, theirs) for ours, theirs in pairs)


class _Graphs:
    """The graphs of a folder, run one input at a time."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder, self._compiler = folder, Compiler(None, threads)

    def vectors(self, modality: str, feed: list[dict[str, NDArray[Any]]]) -> Floats:
        """Return the vectors of each input."""
        network = self._compiler.compile(StoredGraph(self._folder / f"{modality}.onnx", ""), "f32")
        return np.concatenate([network.named(one) for one in feed])
