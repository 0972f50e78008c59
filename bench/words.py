"""Documents and judged searches by words, made from the drawn corpus: natural words, rare terms, identifiers.

The notes are the demo's, each with a sentence more: who made the part, under which number. The makers' names are
invented, and no model has seen them. What is relevant follows from how the notes were made.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from demo.corpus import write_documents
from demo.drawing.scene import scene_sample
from demo.texts.captions import captions

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 20
DOCUMENTS = 2240
MAKERS = 900
"""So that a maker stands in two or three notes."""
_STARTS = (
    "brunn",
    "cal",
    "dor",
    "ermen",
    "fal",
    "gry",
    "hol",
    "jas",
    "kest",
    "lum",
    "mor",
    "nor",
    "ost",
    "pell",
    "quin",
)
_MIDDLES = ("a", "e", "i", "o", "ar", "en", "il", "ov", "und", "ys")
_ENDS = ("dahl", "kamp", "loh", "mere", "rath", "sen", "tal", "vik", "wick", "zow")
_ASK_MAKER = (
    "{maker}",
    "{maker} {kind}",
    "a {kind} made by {maker}",
    "the part from {maker}",
    "{maker} service note",
)
_ASK_NUMBER = (
    "{number}",
    "{number}",
    "seal {number}",
    "where does {number} fit",
    "the {kind} with number {number}",
)


@dataclass(frozen=True)
class Judged:
    """A search with the external ids of the documents that are relevant to it."""

    sort: str
    text: str
    relevant: frozenset[str]


def notes() -> list[dict[str, Any]]:
    """Return the demo's notes with makers and part numbers."""
    with tempfile.TemporaryDirectory() as folder:
        write_documents(Path(folder), seed=SEED, count=DOCUMENTS, pictured=False)
        lines = (Path(folder) / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    rng = np.random.default_rng(SEED)
    names = ["".join(parts).capitalize() for parts in product(_STARTS, _MIDDLES, _ENDS)]
    makers = [names[int(place)] for place in rng.permutation(len(names))[:MAKERS]]
    found = []
    for place, line in enumerate(lines):
        note = json.loads(line)
        maker = makers[int(rng.integers(MAKERS))]
        number = _number(place, rng)
        note["body"] += f" Made by {maker}, part {number}."
        found.append(note | {"maker": maker, "number": number})
    return found


def judged(documents: list[dict[str, Any]], each: int, seed: int) -> list[Judged]:
    """Return `each` searches of every sort."""
    rng = np.random.default_rng(seed)
    return [
        *_natural(documents, each, rng),
        *_rare(documents, each, rng),
        *_identifiers(documents, each, rng),
    ]


def _number(place: int, rng: np.random.Generator) -> str:
    """Return a part number that no other note has."""
    letters = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVWX"), 2))
    return f"{letters}-{1000 + place}/{rng.choice(list('ABCD'))}"


def _natural(documents: list[dict[str, Any]], each: int, rng: np.random.Generator) -> Iterator[Judged]:
    for _ in range(each):
        scene = scene_sample(rng)
        labels = {"kind": scene.kind, "colour": scene.colour, "condition": scene.condition}
        relevant = [note["external_id"] for note in documents if note["metadata"] == labels]
        yield Judged("natural words", captions(scene, rng)[0], frozenset(relevant))


def _rare(documents: list[dict[str, Any]], each: int, rng: np.random.Generator) -> Iterator[Judged]:
    for place in rng.choice(len(documents), each, replace=False):
        note = documents[int(place)]
        form = _ASK_MAKER[int(rng.integers(len(_ASK_MAKER)))]
        text = form.format(maker=note["maker"].lower(), kind=note["metadata"]["kind"])
        relevant = [other["external_id"] for other in documents if other["maker"] == note["maker"]]
        yield Judged("rare terms", text, frozenset(relevant))


def _identifiers(documents: list[dict[str, Any]], each: int, rng: np.random.Generator) -> Iterator[Judged]:
    for place in rng.choice(len(documents), each, replace=False):
        note = documents[int(place)]
        written = (note["number"], note["number"].lower().replace("-", "").replace("/", ""))
        written = (*written, note["number"].replace("-", " ").replace("/", " "))
        number = written[int(rng.integers(len(written)))]
        form = _ASK_NUMBER[int(rng.integers(len(_ASK_NUMBER)))]
        text = form.format(number=number, kind=note["metadata"]["kind"])
        yield Judged("identifiers", text, frozenset([note["external_id"]]))
