"""Native weights of a published model beside its graphs, where torch is installed: for GPUs, and to train further."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.inference.errors import EncoderError, TextError
from workers.inference.manifest import ImageSpec, TextSpec
from workers.inference.openvino_runtime import Compiler, StoredGraph
from workers.inference.pictures import to_pixels
from workers.inference.precision import AGREEMENT_MIN, agreement
from workers.inference.probes import probe_texts
from workers.inference.published.bundle import CONFIG, WEIGHTS
from workers.inference.published.libraries import missing_libraries
from workers.inference.reading import Section
from workers.inference.references import FILE as REFERENCES
from workers.inference.references import SEEDS, TEXTS, reference_picture, references_json
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
    """The graphs in `folder`, with what a manifest says of pictures and texts."""

    folder: Path
    image: Mapping[str, Any]
    text: Mapping[str, Any]

    @property
    def text_spec(self) -> TextSpec:
        """How texts are read."""
        feed = read_feed(Section(self.text["feed"]))
        return TextSpec("tokenizers", str(self.text["vocabulary"]), int(self.text["max_tokens"]), feed)


def write_native(weights: Path, config: Mapping[str, Any], made: MadeGraphs, threads: int) -> str:
    """Write `native.json`, `native.safetensors` and `references.json` beside the graphs; return why not, or nothing.

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
        references = _references(model, made)
    except (ModelConfigError, WeightsError, SafetensorError, EncoderError, OSError, ValueError) as error:
        return str(error)[:300]
    except (RuntimeError, TypeError, IndexError, KeyError) as error:
        return f"they cannot be run ({type(error).__name__})"
    if not apart >= AGREEMENT_MIN:  # also where it is no number
        return f"they give other vectors than the graphs (cosine {apart:.3f})"
    (made.folder / CONFIG).write_text(json.dumps(native_config(model), indent=1) + "\n", encoding="utf-8")
    (made.folder / WEIGHTS).write_bytes(native_weights(model, half=True))
    (made.folder / REFERENCES).write_bytes(references)
    return ""


def _least_agreement(model: TwoTower, made: MadeGraphs, threads: int) -> float:
    """Return the least cosine of both forms' vectors, of pictures and of texts."""
    import torch

    size, spec = int(made.image["size"]), made.text_spec
    pixels = np.random.default_rng(_SEED).normal(size=(_PROBES, 3, size, size)).astype(np.float32)
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


def _references(model: TwoTower, made: MadeGraphs) -> bytes:
    """Return what the weights give for the references, each text alone and unpadded: the network pads it as trained."""
    import torch

    spec, pictures = made.text_spec, ImageSpec(**made.image)
    reader = TextReader(spec, made.folder)
    pixels = torch.from_numpy(np.stack([to_pixels(reference_picture(seed), pictures) for seed in SEEDS]))
    texts = {}
    with torch.inference_mode():
        for text in TEXTS:
            with suppress(TextError):  # in another script than the model's, a text may have no words
                ids = pad_ids([reader.encode(text)])
                texts[text] = model.encode_text(*map(torch.from_numpy, ids)).numpy()[0]
        vectors = model.encode_image(pixels).numpy()
    return references_json(texts, dict(zip(SEEDS, vectors, strict=True)))


class _Graphs:
    """The graphs of a folder, run one input at a time."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder, self._compiler = folder, Compiler(None, threads)

    def vectors(self, modality: str, feed: list[dict[str, NDArray[Any]]]) -> Floats:
        """Return the vectors of each input."""
        network = self._compiler.compile(StoredGraph(self._folder / f"{modality}.onnx", ""), "f32")
        return np.concatenate([network.named(one) for one in feed])
