"""`python -m bench.marks`: what three marks are worth, of searches by photo.

Somebody marks the first three passages of an answer, truthfully. Then the search is asked again, moved by the marks
(search/retrieval/rocchio.py), and both answers are judged by what is left: the marked ones count in neither. MAP@10
before and after, and the 95 % interval of the difference over the searches (bootstrap).

By default the demo's drawings ask its service notes, once for each meaning that a photo can have: a note is relevant
that has the drawing's kind, colour or condition, or two or all of them. With `--bundle` and `--data`, photos of a data
set's validation ask its captions, each a document of its own, and a photo's own captions are relevant. The weights were
found with `--development`, which takes other drawings and the other half of the photos.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.captioned import captioned_vectors
from bench.composed_quality import (
    BACKGROUND_ROWS,
    DEVELOPMENT_SEED,
    MEASURED_SEED,
    demo_corpus,
    settings_ready,
)
from demo.evaluate import FACETS
from workers.training.measures.bootstrap import paired_means

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Flags = NDArray[np.bool_]

MEANINGS = ((0,), (1,), (2,), (0, 1), (0, 2), (0, 1, 2))
MARKED, DEPTH = 3, 10


@dataclass(frozen=True)
class Asking:
    """Vectors of passages `(rows, dim)` and of photos `(photos, dim)`, and what is relevant `(photos, rows)`."""

    name: str
    passages: Floats
    photos: Floats
    relevant: Flags


def main() -> None:
    """Print the table."""
    options = _options()
    settings_ready()
    print(f"{'relevant':<24}{'searches':>9}{'before':>8}{'after':>8}   difference (95 %)")
    for asking in _captioned(options) if options.data else _demo(options):
        pairs = np.array([pair for pair in _pairs(asking) if pair is not None])
        before, after = pairs.mean(axis=0)
        (found,) = paired_means(pairs[:, 1:], pairs[:, :1])
        print(
            f"{asking.name:<24}{len(pairs):>9}{before:>8.3f}{after:>8.3f}"
            f"   {found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, help="a model of the data set's language and pictures")
    parser.add_argument("--data", help="a data set with captions")
    parser.add_argument("--development", action="store_true", help="what the weights were found on")
    parser.add_argument("--drawings", type=int, default=400)
    return parser.parse_args()


def _demo(options: argparse.Namespace) -> Iterator[Asking]:
    corpus = demo_corpus(DEVELOPMENT_SEED if options.development else MEASURED_SEED, options.drawings)
    for facets in MEANINGS:
        of_notes, of_drawings = corpus.passage_labels[:, facets], corpus.drawing_labels[:, facets]
        relevant = (of_drawings[:, None] == of_notes[None]).all(axis=2)
        name = " and ".join(FACETS[facet] for facet in facets)
        yield Asking(name, corpus.passages, corpus.drawings, relevant)


def _captioned(options: argparse.Namespace) -> Iterator[Asking]:
    found = captioned_vectors(options.bundle, options.data, slice(0 if options.development else 1, None, 2))
    relevant = found.places[:, None] == found.owners[None]
    yield Asking("the photo's captions", found.captions, found.photos, relevant)


def _pairs(asking: Asking) -> Iterator[tuple[float, float] | None]:
    """Yield the average precision of each search before and after; None where its marks leave nothing to find."""
    from search.retrieval.rocchio import moved

    draw = np.random.default_rng(0).permutation(len(asking.passages))[:BACKGROUND_ROWS]
    sample = asking.passages[draw]
    for photo, relevant in zip(asking.photos, asking.relevant, strict=True):
        first = np.argsort(-(asking.passages @ photo))
        marked, left = first[:MARKED], first[MARKED:]
        if not relevant[left].any():
            yield None
            continue
        towards, away = (_mean(asking.passages[marked[relevant[marked] == is_so]]) for is_so in (True, False))
        scores = asking.passages @ moved(photo, towards, away, sample)
        after = left[np.argsort(-scores[left])]
        yield _precision(relevant[left]), _precision(relevant[after])


def _mean(vectors: Floats) -> Floats:
    zero: Floats = np.zeros(vectors.shape[1], dtype=np.float32)
    return vectors.mean(axis=0) if len(vectors) else zero


def _precision(relevant: Flags) -> float:
    """Return the average precision at 10 of a ranking."""
    top = relevant[:DEPTH]
    ranks = np.arange(1, len(top) + 1)
    return float((np.cumsum(top) / ranks * top).sum() / min(DEPTH, relevant.sum()))


if __name__ == "__main__":
    main()
