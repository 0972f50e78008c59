"""The starter's bundle: fetched, made in a walled child, written."""

from __future__ import annotations

import os
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.inference.bundles import bundle_write
from workers.inference.errors import BundleError
from workers.inference.sandbox.process import SandboxProcess, SandboxSpec
from workers.inference.starter.packages import CLASSIFIER, SENTENCES, StarterError, pretrained_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.inference.manifest import Manifest

NAME = "starter"
_HANDLER = "workers.inference.starter.handler:StarterHandler"
_MAX_TOKENS = 256
_SIDE, _MEAN, _STD = 260, 0.498, 0.502
"""What the classifier was trained with: (v − 127) / 128 of the values 0 to 255."""
_WORDING = "a photo of a {}."
"""How a class's name is read (Radford et al. 2021): nearer to captions than the bare name, as photographs of Flickr8k's
training split showed."""
_DESCRIPTION = (
    "Knows a thousand kinds of everyday things by their names, and English sentences. It was not trained on your "
    "pictures and tells no machine parts apart: a start, until a model of your own is better. Made of "
    "EfficientNet-Lite2 (ImageNet) and all-MiniLM-L6-v2; a picture is the mean of its most probable kinds' names."
)
_MEMORY_BYTES, _REPLY_BYTES, _SECONDS = 3 << 30, 256 << 20, 1800


def starter_write(path: Path, folder: Path | None, say: Callable[[str], object]) -> Manifest:
    """Write the starter's bundle to `path` and return its manifest; `folder`: see `pretrained_file`.

    Raises StarterError, and BundleError `bundle.pickle_not_isolated` where no child can be locked in.
    """
    classifier = pretrained_file(CLASSIFIER, folder, say)
    sentences = pretrained_file(SENTENCES, folder, say)
    say("Building the graphs …")
    image, text, tokenizer = _made(classifier, sentences)
    files: dict[str, bytes | Path] = {"image.onnx": image, "text.onnx": text, "tokenizer.json": tokenizer}
    return bundle_write(path, starter_manifest(), files)


def starter_manifest() -> dict[str, Any]:
    """Return the bundle's manifest without its files."""
    image = {"resize": _SIDE, "size": _SIDE, "crop": "center", "interpolation": "bicubic"}
    feed = {"inputs": ["input_ids", "attention_mask"], "padding": "longest", "pad": 0}
    text = {
        "tokenizer": "tokenizers",
        "vocabulary": "tokenizer.json",
        "max_tokens": _MAX_TOKENS,
        "feed": feed,
    }
    sources = {
        package.name: {"version": package.version, "sha256": package.sha256}
        for package in (CLASSIFIER, SENTENCES)
    }
    return {
        "format": 1, "name": NAME, "licence": "Apache-2.0", "description": _DESCRIPTION, "dim": 384,
        "similarity": "cosine", "modalities": ["image", "text"],
        "image": image | {"mean": [_MEAN] * 3, "std": [_STD] * 3}, "text": text,
        "payloads": {"onnx": {"image": "image.onnx", "text": "text.onnx"}},
        "training": {"made_of": sources},
    }  # fmt: skip


def lines_of(name: str) -> list[str]:
    """Return the lines of one of this package's texts."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()


def _made(classifier: bytes, sentences: bytes) -> list[bytes]:
    """Return image graph, text graph and tokenizer, made by a child that has neither network nor files."""
    head = {
        "classifier_bytes": len(classifier),
        "names": [_WORDING.format(name) for name in lines_of("class_names.txt")],
        "sentences": lines_of("sentences.txt"),
    }
    spec = SandboxSpec(handler=_HANDLER, options={}, memory_bytes=_MEMORY_BYTES, threads=os.cpu_count())
    child = SandboxProcess(spec)
    try:
        if not child.walls["is_tight"]:
            raise BundleError("bundle.pickle_not_isolated", **child.walls)
        answer, payload = child.call(
            "build", head, [classifier, sentences], reply_bytes=_REPLY_BYTES, timeout_seconds=_SECONDS
        )
    finally:
        child.close()
    places = [0, *accumulate(answer["bytes"])]
    if places[-1] != len(payload):
        raise StarterError("The graphs came back cut off.")
    return [payload[start:end] for start, end in pairwise(places)]
