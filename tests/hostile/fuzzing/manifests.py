"""Manifests of bundles: a valid one with some places changed, and as bytes that are no JSON any more."""

from __future__ import annotations

import hashlib
import math
from typing import Any

from hypothesis import strategies as st

from tests.hostile.fuzzing.kinds import Input, Kind, Outcome
from tests.hostile.fuzzing.values import byte_changes, changed, dumped, json_changes, scrambled
from workers.inference.errors import BundleError
from workers.inference.manifest import parse_manifest
from workers.inference.reading import read_json

FILES = {
    "image.onnx": b"i" * 300,
    "text.onnx": b"t" * 200,
    "vocabulary.txt": b"<pad>\n<start>\n<end>\n<unk>\n",
}


def valid_manifest(files: dict[str, bytes] | None = None) -> dict[str, Any]:
    """A manifest that is read without complaint."""
    known = FILES if files is None else files
    return {
        "format": 1,
        "name": "fuzzed",
        "licence": "Apache-2.0",
        "description": "For tests.",
        "dim": 32,
        "similarity": "cosine",
        "modalities": ["image", "text"],
        "image": {
            "resize": 32,
            "size": 32,
            "crop": "center",
            "interpolation": "bilinear",
            "mean": [0.0, 0.5, 0.0],
            "std": [1.0, 1.0, 1.0],
        },
        "text": {"tokenizer": "nltk-words", "vocabulary": "vocabulary.txt", "max_tokens": 32},
        "payloads": {"onnx": {"image": "image.onnx", "text": "text.onnx"}},
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in known.items()
        },
        "training": {"epochs": 3, "notes": {"by": ["somebody"]}},
        "metrics": {"rsum": 400.5},
    }


def try_manifest(given: Input) -> Outcome:
    """Read it; what is accepted can be stored and read back."""
    try:
        manifest = parse_manifest(read_json(given.data))
    except BundleError as error:
        return Outcome([error.id])
    values = manifest.to_json()
    if problem := unstorable(values):
        return Outcome(problem=f"accepted, but cannot be stored: {problem}")
    if parse_manifest(values) != manifest:
        return Outcome(problem="is another one when read back")
    return Outcome()


def unstorable(value: Any) -> str:
    """What PostgreSQL's jsonb would refuse in a JSON value, else nothing."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list | tuple):
            waiting += item
        elif isinstance(item, str) and ("\x00" in item or any("\ud800" <= sign <= "\udfff" for sign in item)):
            return f"the text {item[:20]!r}"
        elif isinstance(item, float) and not math.isfinite(item):
            return f"the number {item}"
    return ""


@st.composite
def manifest_inputs(draw: st.DrawFn) -> Input:
    changes = draw(json_changes)
    data = scrambled(
        dumped(changed(valid_manifest(), changes)), draw(byte_changes) if draw(st.booleans()) else []
    )
    encoding = draw(st.sampled_from(("", "", "", "", "", "utf-16", "utf-8-sig", "latin-1")))
    if encoding:
        data = data.decode("utf-8", "replace").encode(encoding, "replace")
    return Input(f"manifest {encoding or 'utf-8'}", data)


MANIFESTS = Kind("manifests", manifest_inputs(), try_manifest)
