"""How well pictures find their captions and captions their pictures. numpy only.

Ties count against the model: every wrong item with the same score stands before the right one. All shares are percent.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
Score = Callable[[Vectors, Vectors], Vectors]

CHUNK_SCORES = 4_000_000  # scores held at once: 16 MB
PRECISION_AT = (1, 3)


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of retrieval. `r1`: percent of queries with a right item first (the papers' R@1), and so on.

    `p1`, `p3`: right items among the first k, divided by k, in percent. Ranks count from 1, of the best right item.
    """

    queries: int
    r1: float
    r5: float
    r10: float
    p1: float
    p3: float
    median_rank: float
    mean_rank: float


@dataclass(frozen=True, slots=True)
class Quality:
    """Both directions; `sum_of_recalls` adds their six R@k (0 to 600)."""

    image_to_text: Direction
    text_to_image: Direction

    @property
    def sum_of_recalls(self) -> float:
        """R@1 + R@5 + R@10 of both directions."""
        return sum(d.r1 + d.r5 + d.r10 for d in (self.image_to_text, self.text_to_image))

    def to_json(self) -> dict[str, Any]:
        """Plain data under names that say what is measured."""
        return {**asdict(self), "sum_of_recalls": self.sum_of_recalls, "ties": "worst", "unit": "percent"}


def cosine_scores(queries: Vectors, targets: Vectors) -> Vectors:
    """(n, dim) × (m, dim) of unit length → (n, m)."""
    scores: Vectors = queries @ targets.T
    return scores


def order_scores(images: Vectors, captions: Vectors) -> Vectors:
    """−‖max(0, caption − image)‖² for each pair: (n, dim) × (m, dim) → (n, m), one image at a time."""
    rows = [-np.square(np.maximum(0, captions - image)).sum(1) for image in images]
    return np.stack(rows).astype(np.float32)


SCORES: dict[str, Score] = {"cosine": cosine_scores, "order": order_scores}


def retrieval_quality(
    images: Vectors,
    captions: Vectors,
    labels: tuple[Sequence[int], Sequence[int]],
    score: Score = cosine_scores,
) -> Quality:
    """The quality of embeddings (n, dim) and (m, dim), where an image and a caption of equal label belong together.

    Every image needs a caption of its label and the reverse; raises ValueError for that and for values not finite.
    """
    if not (np.isfinite(images).all() and np.isfinite(captions).all()):
        raise ValueError("The embeddings hold values that are not finite.")
    of_images, of_captions = np.asarray(labels[0], np.int64), np.asarray(labels[1], np.int64)
    if set(of_images.tolist()) != set(of_captions.tolist()):
        raise ValueError("Some images have no caption, or some captions no image.")
    return Quality(
        image_to_text=_direction(images, captions, (of_images, of_captions), score),
        text_to_image=_direction(captions, images, (of_captions, of_images), lambda q, t: score(t, q).T),
    )


def _direction(queries: Vectors, targets: Vectors, labels: tuple[Labels, Labels], score: Score) -> Direction:
    step = max(1, CHUNK_SCORES // len(targets))
    places = []
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        right = labels[0][rows, None] == labels[1][None, :]
        places.append(places_of_right(score(queries[rows], targets), right, max(PRECISION_AT)))
    return _summary(np.concatenate(places))


def places_of_right(scores: Vectors, right: NDArray[np.bool_], count: int) -> Labels:
    """The places (from 1) of each row's `count` best right items, (rows, count); huge where there are fewer."""
    best = np.where(right, scores, -np.inf)
    width = min(count, scores.shape[1])
    best = -np.sort(-np.partition(best, -width, axis=1)[:, -width:], axis=1)
    wrong = np.where(right, -np.inf, scores)
    places = np.full((len(scores), count), np.iinfo(np.int64).max)
    for number in range(width):
        before = (wrong >= best[:, number, None]).sum(1) + number + 1
        places[:, number] = np.where(np.isneginf(best[:, number]), np.iinfo(np.int64).max, before)
    return places


def _summary(places: Labels) -> Direction:
    ranks = places[:, 0]
    recall = {k: 100 * float((ranks <= k).mean()) for k in (1, 5, 10)}
    precision = {k: 100 * float((places <= k).sum(1).mean()) / k for k in PRECISION_AT}
    return Direction(
        queries=len(ranks),
        r1=recall[1],
        r5=recall[5],
        r10=recall[10],
        p1=precision[1],
        p3=precision[3],
        median_rank=float(np.median(ranks)),
        mean_rank=float(ranks.mean()),
    )
