"""The walled child that makes the starter's graphs: what it reads are other people's files, one of them a pickle."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.inference.starter.pictures import NamedClasses, picture_graph
from workers.inference.starter.sentences import sentence_graph
from workers.inference.starter.tensors import read_safetensors, read_torch_file
from workers.inference.subwords import SubwordTokenizer
from workers.inference.vino import openvino

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

PLACE = f"{__name__}:StarterHandler"
MAX_TOKENS = 256
_BATCH = 50
_MEMBER_MAX = 256 << 20


class StarterHandler:
    """Makes both graphs of the starter out of the packages' files."""

    def hello(self) -> dict[str, Any]:
        """Return nothing: there is nothing to know before the first call."""
        return {}

    def build(
        self, head: dict[str, Any], payload: memoryview
    ) -> tuple[dict[str, Any], list[NDArray[np.uint8]]]:
        """The classifier's file of `classifier_bytes`, the sentence encoder's zip → both graphs and the tokenizer.

        `names`: of the classes, in their order. `sentences`: whose mean the texts are centred by.
        """
        first = head["classifier_bytes"]
        tokenizer, weights = _opened(payload[first:])
        encode = StarterSentences(tokenizer, sentence_graph(weights))
        classes, usual = encode(head["names"]), encode(head["sentences"]).mean(axis=0)
        named = NamedClasses(classes, classes.mean(axis=0))
        image = picture_graph(read_torch_file(payload[:first]), named)
        parts = [image, sentence_graph(weights, usual), tokenizer]
        return {"bytes": [len(part) for part in parts]}, [np.frombuffer(part, np.uint8) for part in parts]


class StarterSentences:
    """Texts → unit vectors (n, dim), by a graph that is not centred yet."""

    def __init__(self, tokenizer: bytes, graph: bytes) -> None:
        self._tokenizer = SubwordTokenizer(tokenizer, MAX_TOKENS)
        core = openvino.Core()
        self._network = core.compile_model(core.read_model(graph), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Encode them, some at a time."""
        rows = [self._tokenizer.encode(text)[0] for text in texts]
        found = [self._batch(rows[at : at + _BATCH]) for at in range(0, len(rows), _BATCH)]
        return np.concatenate(found)

    def _batch(self, rows: list[list[int]]) -> Floats:
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(row)], mask[at, : len(row)] = row, 1
        return np.array(self._network({"input_ids": ids, "attention_mask": mask})[0], np.float32)


def _opened(archive: memoryview) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """Return the tokenizer's file and the weights out of the sentence encoder's zip."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for name in ("tokenizer.json", "model.safetensors"):
            if opened.getinfo(name).file_size > _MEMBER_MAX:
                raise ValueError(f"{name} is too large.")
        return opened.read("tokenizer.json"), read_safetensors(opened.read("model.safetensors"))
