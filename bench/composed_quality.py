"""`python -m bench.composed_quality`: whether a search of several parts finds what it asks for, with the demo's model.

Drawings of machine parts ask the demo's service notes together with the word of another kind, colour or condition:
the first note must have the word and the drawing's kind (or, for another kind, its colour), and at best all else of the
drawing. Plain addition of vectors and rank fusion stand beside. `--seed` draws others than the weights were found on.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import django
import numpy as np

from demo.corpus import write_documents, write_drawings
from demo.evaluate import FACETS, labelled_drawings, labelled_passages
from demo.texts.lexicon import COLOURS, CONDITIONS, KINDS
from workers.training.evaluate import embed_files, opened_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Rank = Callable[[Floats, Floats, float], Floats]

WORDS = (tuple(KINDS), tuple(COLOURS), tuple(CONDITIONS))
DEVELOPMENT_SEED, MEASURED_SEED = 901, 902
RANK_K = 60
BACKGROUND_ROWS = 1024
"""As many as search/vectors/background.py keeps at the demo's 256 dimensions."""


@dataclass(frozen=True)
class Corpus:
    """The notes' passages and the drawings with their vectors and labels, and the vector of each word."""

    passages: Floats
    passage_labels: NDArray[np.str_]
    drawings: Floats
    drawing_labels: NDArray[np.str_]
    words: dict[str, Floats]


def main() -> None:
    """Print the table."""
    options = _options()
    settings_ready()
    corpus = demo_corpus(options.seed, options.drawings)
    composed = _composed(corpus)
    for name, rank, weight in (
        ("plain addition of vectors, weight 0.5", _added(corpus), 0.5),
        ("plain addition of vectors, weight 1", _added(corpus), 1.0),
        ("reciprocal rank fusion", _fused(corpus), 1.0),
        *((f"parts, weight {weight}", composed, weight) for weight in options.weights),
    ):
        shares = [_with_word(corpus, facet, rank, weight) for facet in range(len(FACETS))]
        print(f"{name:<40}" + "".join(f"{two[0]:8.3f} /{two[1]:6.3f}" for two in shares), flush=True)
    for weight in (-0.5, -1.0):
        shares = [_without_word(corpus, facet, composed, weight) for facet in range(len(FACETS))]
        print(
            f"parts, without its own word, {weight:<11}"
            + "".join(f"{s[0]:8.3f} /{s[1]:6.3f}" for s in shares)
        )


def settings_ready() -> None:
    """Let the application's modules be imported; nothing is read from a database."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retrieval_site.settings")
    os.environ.setdefault("SECRET_KEY", "not used here")
    django.setup()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=MEASURED_SEED, help="of the drawings that ask")
    parser.add_argument("--drawings", type=int, default=200)
    parser.add_argument(
        "--weights", type=float, nargs="+", default=[0.9], help="of the word beside the drawing"
    )
    return parser.parse_args()


def demo_corpus(seed: int, count: int) -> Corpus:
    from demo.load import BUNDLE, COUNT, SEED  # needs the settings, as what composes does

    with tempfile.TemporaryDirectory() as folder, opened_bundle(BUNDLE) as encoder:
        notes, drawings = Path(folder, "notes"), Path(folder, "drawings")
        write_documents(notes, SEED, COUNT, pictured=False)
        write_drawings(drawings, seed, count, size=320)
        texts, labels = labelled_passages(notes)
        asked = labelled_drawings(drawings)
        words = [word for names in WORDS for word in names]
        return Corpus(
            encoder.encode_texts(texts),
            np.array(labels),
            embed_files(encoder, tuple(asked.files), lambda *_: None),
            np.array(asked.labels),
            dict(zip(words, encoder.encode_texts(words), strict=True)),
        )


def _added(corpus: Corpus) -> Rank:
    return lambda drawing, word, weight: corpus.passages @ (drawing + weight * word)


def _fused(corpus: Corpus) -> Rank:
    def rank(drawing: Floats, word: Floats, weight: float) -> Floats:
        ranks = [np.argsort(np.argsort(-(corpus.passages @ vector))) for vector in (drawing, word)]
        fused: Floats = 1 / (RANK_K + ranks[0]) + weight / (RANK_K + ranks[1])
        return fused

    return rank


def _composed(corpus: Corpus) -> Rank:
    """As a search does it: candidates by one direction, then the p-norm of their standardised scores."""
    from search.retrieval.compose import Composition, directions
    from search.retrieval.scoring import Standard
    from search.retrieval.types import EncodedPart

    draw = np.random.default_rng(0).permutation(len(corpus.passages))[:BACKGROUND_ROWS]

    def rank(drawing: Floats, word: Floats, weight: float) -> Floats:
        parts = (EncodedPart("image", drawing[None]), EncodedPart("text", word[None], weight))
        scores = corpus.passages @ np.stack([drawing, word], axis=1)
        standard = Standard.over(scores[draw])
        (direction,) = directions(parts, standard)
        candidates = np.argsort(-(corpus.passages @ direction))[:48]
        composition = Composition(np.float32([1.0, weight]), standard, scores[draw])
        ranked = np.full(len(scores), -np.inf, dtype=np.float32)
        ranked[candidates] = composition.of(scores[candidates])[0]
        return ranked

    return rank


def _with_word(corpus: Corpus, facet: int, rank: Rank, weight: float) -> NDArray[np.float64]:
    """Return how often the first note has the word and what it is a variation of, and how often all else too."""
    kept = 1 if facet == 0 else 0
    found = []
    for drawing, labels in zip(corpus.drawings, corpus.drawing_labels, strict=True):
        for word in WORDS[facet]:
            if word == labels[facet]:
                continue
            wanted = labels.copy()
            wanted[facet] = word
            hit = corpus.passage_labels[np.argmax(rank(drawing, corpus.words[word], weight))] == wanted
            found.append([hit[facet] and hit[kept], hit.all()])
    return np.mean(found, axis=0)


def _without_word(corpus: Corpus, facet: int, rank: Rank, weight: float) -> NDArray[np.float64]:
    """Return how often the first note lacks the drawing's own word, and how often it has all else."""
    found = []
    for drawing, labels in zip(corpus.drawings, corpus.drawing_labels, strict=True):
        hit = corpus.passage_labels[np.argmax(rank(drawing, corpus.words[labels[facet]], weight))] == labels
        found.append([not hit[facet], not hit[facet] and hit.sum() == len(FACETS) - 1])
    return np.mean(found, axis=0)


if __name__ == "__main__":
    main()
