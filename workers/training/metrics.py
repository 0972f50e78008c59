"""How well pictures find their captions and captions their pictures. numpy only; see `measures` for the parts.

Ties count against the model: every wrong item with the same score stands before the right one. All shares are percent.
"""

from collections.abc import Callable, Sequence

import numpy as np

from workers.training.measures.places import Labels, Places, find_places
from workers.training.measures.quality import Direction, Quality
from workers.training.measures.ranks import Ranks
from workers.training.measures.scores import SCORES, Score, Vectors, cosine_scores, order_scores

__all__ = [
    "SCORES",
    "Direction",
    "Quality",
    "Ranks",
    "Score",
    "Vectors",
    "cosine_scores",
    "order_scores",
    "retrieval_quality",
    "retrieval_ranks",
]

CHUNK_SCORES = 8_000_000  # scores held at once: 32 MB, and as much again while they are sorted
Names = tuple[Sequence[int] | Labels, Sequence[int] | Labels]


def retrieval_quality(
    images: Vectors, captions: Vectors, labels: Names, score: Score = cosine_scores
) -> Quality:
    """The quality of embeddings (n, dim) and (m, dim), where an image and a caption of equal label belong together.

    Every image needs a caption of its label and the reverse; raises ValueError for that and for values not finite.
    """
    return retrieval_ranks(images, captions, labels, score).quality()


def retrieval_ranks(images: Vectors, captions: Vectors, labels: Names, score: Score = cosine_scores) -> Ranks:
    """The places of every query's right items, in memory that does not grow with the number of pairs.

    Arguments and errors as of `retrieval_quality`.
    """
    if not (np.isfinite(images).all() and np.isfinite(captions).all()):
        raise ValueError("The embeddings hold values that are not finite.")
    of_images, of_captions = np.asarray(labels[0], np.int64), np.asarray(labels[1], np.int64)
    if set(of_images.tolist()) != set(of_captions.tolist()):
        raise ValueError("Some images have no caption, or some captions no image.")
    there, back = _both_directions(images, captions, score)
    return Ranks(
        _places(there, (of_images, of_captions)),
        _places(back, (of_captions, of_images)),
        of_images,
        of_captions,
    )


def _both_directions(
    images: Vectors, captions: Vectors, score: Score
) -> tuple[Callable[[slice], Vectors], Callable[[slice], Vectors]]:
    """Scores by image and by caption: computed once where they may all be held, else chunk by chunk."""
    if len(images) * len(captions) <= CHUNK_SCORES:
        table = score(images, captions)
        return lambda rows: table[rows], lambda rows: table.T[rows]
    return (
        lambda rows: score(images[rows], captions),
        lambda rows: score(images, captions[rows]).T,
    )


def _places(rows: Callable[[slice], Vectors], labels: tuple[Labels, Labels]) -> Places:
    return find_places(rows, labels, max(1, CHUNK_SCORES // len(labels[1])))
