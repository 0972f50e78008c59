"""What the original of a model gives for a few texts and pictures: the file that a manifest's `references` names.

By it a wrong padding, a missing `lowercase` or another preparation of pictures is seen, which probes cannot see: a
bundle gives *some* vectors in any case. Pictures are made of a seed, the same everywhere.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from PIL import Image

from workers.inference.errors import BundleError
from workers.inference.reading import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from workers.inference.manifest import Manifest

    Floats = NDArray[np.float32]

FILE = "references.json"
"""What converters call the file."""
EACH_MAX, FILE_MAX_BYTES, TEXT_MAX = 16, 2_000_000, 1000
SEED_MAX = (1 << 32) - 1
TEXTS = (
    "a red pump",
    "Two MEN are near an old house",
    "Café in the rain, and no ROOF!",
    "a dog on the grass",
)
"""Of several lengths, with capitals, an accent and punctuation: what preparations differ in."""
SEEDS = (1, 2, 3, 4)
_ROWS, _COLUMNS, _SIDE = 6, 8, 40
_DIGITS = 6


@dataclass(frozen=True)
class References:
    """Texts, and seeds of pictures, each with the vector that the original gives."""

    texts: tuple[tuple[str, Floats], ...]
    pictures: tuple[tuple[int, Floats], ...]


def reference_picture(seed: int) -> Image.Image:
    """Return the RGB picture of a seed: 320 × 240 points, 8 × 6 squares of random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (_ROWS, _COLUMNS, 3), np.uint8)
    return Image.fromarray(np.kron(colours, np.ones((_SIDE, _SIDE, 1), np.uint8)))


def references_json(texts: Mapping[str, Floats], pictures: Mapping[int, Floats]) -> bytes:
    """Return the file for vectors by their texts, and by the seeds of their pictures."""
    found = {
        "texts": [{"text": text, "vector": _plain(one)} for text, one in texts.items()],
        "pictures": [{"seed": seed, "vector": _plain(one)} for seed, one in pictures.items()],
    }
    return (json.dumps(found, ensure_ascii=False) + "\n").encode()


def _plain(vector: Floats) -> list[float]:
    return [round(float(value), _DIGITS) for value in vector]


def read_references(manifest: Manifest, folder: Path) -> References:
    """Return what an extracted bundle's file holds; none where its manifest names no file.

    Raises BundleError `bundle.references_invalid`.
    """
    if manifest.references is None:
        return References((), ())
    path = folder / manifest.references
    if path.stat().st_size > FILE_MAX_BYTES:
        _refuse(f"it is larger than {FILE_MAX_BYTES:,} bytes")
    try:
        found = read_json(path.read_bytes())
    except BundleError as error:
        _refuse(error.message)
    if set(found) - {"texts", "pictures"}:
        _refuse("it may hold “texts” and “pictures” alone")
    texts = [(_text(one), _vector(one, manifest.dim)) for one in _list(found, "texts", ("text", "vector"))]
    pictures = [
        (_seed(one), _vector(one, manifest.dim)) for one in _list(found, "pictures", ("seed", "vector"))
    ]
    if (texts and manifest.text is None) or (pictures and manifest.image is None):
        _refuse("it has vectors of an encoder that the bundle does not have")
    return References(tuple(texts), tuple(pictures))


def _refuse(problem: str) -> NoReturn:
    raise BundleError("bundle.references_invalid", problem=problem)


def _list(found: dict[str, Any], name: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    given = found.get(name, [])
    if not isinstance(given, list) or len(given) > EACH_MAX:
        _refuse(f"“{name}” is no list of at most {EACH_MAX}")
    if not all(isinstance(one, dict) and set(one) == set(keys) for one in given):
        _refuse(f"“{name}” holds what has not exactly “{keys[0]}” and “{keys[1]}”")
    return given


def _text(one: dict[str, Any]) -> str:
    text = one["text"]
    if not isinstance(text, str) or not 0 < len(text) <= TEXT_MAX:
        _refuse(f"a text has not 1 to {TEXT_MAX:,} characters")
    return text


def _seed(one: dict[str, Any]) -> int:
    seed = one["seed"]
    if type(seed) is not int or not 0 <= seed <= SEED_MAX:
        _refuse(f"a seed is no whole number up to {SEED_MAX:,}")
    return seed


def _vector(one: dict[str, Any], dim: int) -> Floats:
    values = one["vector"]
    plain = isinstance(values, list) and all(type(value) in (int, float) for value in values)
    if not plain or len(values) != dim:
        _refuse(f"a vector does not have {dim:,} numbers")
    length = math.hypot(*values)
    if not 0 < length < math.inf:
        _refuse("a vector has no length")
    return np.array(values, np.float32) / np.float32(length)
