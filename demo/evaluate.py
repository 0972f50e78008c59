"""How often the first document for an unseen drawing is about the same part: straight from a bundle, no server."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from demo.probes import PROBES, Labelled, ProbeResult, probe
from search.splitting import passages
from workers.training.evaluate import embed_files, opened_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workers.inference.encoder import Encoder
    from workers.training.evaluate import Progress

Labels = tuple[str, str, str]
FACETS = ("kind", "colour", "condition")


@dataclass(frozen=True)
class Accuracy:
    """Shares (0 to 1) of drawings whose first document has the right kind, colour, condition, and all three."""

    drawings: int
    passages: int
    kind: float
    colour: float
    condition: float
    everything: float


def evaluate_demo(bundle: Path, drawings: Path, documents: Path, progress: Progress) -> Accuracy:
    """Search the passages of `documents` with every one of `drawings`, folders that `manage.py demo` wrote.

    As in the product, bodies are split into passages and a document counts by its best one; metadata only judge.
    Raises BundleError, EncoderError or TrainingError.
    """
    asked = labelled_drawings(drawings)
    texts, labels = labelled_passages(documents)
    with opened_bundle(bundle) as encoder:
        hits = _first_hits(encoder, asked, texts, progress)
    return _accuracy(asked.labels, [labels[hit] for hit in hits], len(texts))


def probe_demo(known: Path, drawings: Path) -> dict[str, ProbeResult]:
    """The same question for nearest neighbours on plain pixels: known drawings stand in for the documents."""
    return {name: probe(name, labelled_drawings(known), labelled_drawings(drawings)) for name in PROBES}


def labelled_drawings(folder: Path) -> Labelled:
    """The drawings of a folder and what its truth.jsonl says about them."""
    rows = _read_jsonl(folder / "truth.jsonl")
    return Labelled([folder / row["file"] for row in rows], [_labels(row) for row in rows])


def report_lines(accuracy: Accuracy, probes: dict[str, ProbeResult]) -> list[str]:
    """The result as a small table for people, in percent."""
    lines = [f"{accuracy.drawings} drawings against {accuracy.passages} passages; first hits, percent"]
    lines.append(f"{'':24}{'kind':>7}{'colour':>8}{'condition':>11}{'all three':>11}")
    shares = (accuracy.kind, accuracy.colour, accuracy.condition, accuracy.everything)
    lines.append(_row("model", shares, (7, 8, 11, 11)))
    return lines + [_row(f"nearest by {name}", (r.kind, r.everything), (7, 30)) for name, r in probes.items()]


def report_json(accuracy: Accuracy, probes: dict[str, ProbeResult]) -> dict[str, Any]:
    """The result as plain data; shares from 0 to 1."""
    return {"model": asdict(accuracy), "probes": {name: asdict(result) for name, result in probes.items()}}


def _row(name: str, shares: tuple[float, ...], widths: tuple[int, ...]) -> str:
    cells = (f"{100 * share:{width}.1f}" for share, width in zip(shares, widths, strict=True))
    return f"{name:24}" + "".join(cells)


def labelled_passages(documents: Path) -> tuple[list[str], list[Labels]]:
    """Every passage of every body, and the labels of its document."""
    pairs = [
        (row["body"][span.start : span.end], _labels(row["metadata"]))
        for row in _read_jsonl(documents / "documents.jsonl")
        for span in passages(row["body"])
    ]
    return [text for text, _ in pairs], [label for _, label in pairs]


def _first_hits(
    encoder: Encoder, asked: Labelled, texts: list[str], progress: Callable[..., None]
) -> list[int]:
    pictures = embed_files(encoder, tuple(asked.files), progress)
    found = np.argmax(pictures @ encoder.encode_texts(texts).T, axis=1)
    return [int(place) for place in found]


def _accuracy(wanted: Any, found: list[Labels], count: int) -> Accuracy:
    right = np.array(
        [[w == f for w, f in zip(*pair, strict=True)] for pair in zip(wanted, found, strict=True)]
    )
    kind, colour, condition = (float(share) for share in right.mean(0))
    return Accuracy(len(right), count, kind, colour, condition, float(right.all(1).mean()))


def _labels(row: dict[str, Any]) -> Labels:
    kind, colour, condition = (str(row[facet]) for facet in FACETS)
    return kind, colour, condition


def _read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
