"""COCO 1K: the mean quality over folds of 1,000 pictures, each with its own captions only."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from workers.training.errors import TrainingError
from workers.training.measures.quality import Direction, Quality
from workers.training.measures.scores import Score, Vectors, cosine_scores
from workers.training.metrics import retrieval_quality

FOLD_PICTURES = 1000


def folded_quality(
    images: Vectors,
    captions: Vectors,
    labels: tuple[Sequence[int], Sequence[int]],
    score: Score = cosine_scores,
    size: int = FOLD_PICTURES,
) -> Quality:
    """The mean of every measure over the whole folds of `size` labels (pictures or groups), in the order of pictures.

    What is left over after the last whole fold is not used, as with COCO's 5,000. Raises TrainingError where not even
    one fold is full.
    """
    of_images, of_captions = (np.asarray(side, np.int64) for side in labels)
    distinct = list(dict.fromkeys(of_images.tolist()))
    whole = [distinct[start : start + size] for start in range(0, len(distinct) - size + 1, size)]
    if not whole:
        raise TrainingError(f"{len(distinct)} pictures do not fill one fold of {size}.")
    parts = []
    for fold in whole:
        i, c = np.isin(of_images, fold), np.isin(of_captions, fold)
        parts.append(retrieval_quality(images[i], captions[c], (of_images[i], of_captions[c]), score))
    return Quality(_mean([p.image_to_text for p in parts]), _mean([p.text_to_image for p in parts]))


def _mean(parts: list[Direction]) -> Direction:
    names = [field.name for field in fields(Direction) if field.name != "queries"]
    values = {name: float(np.mean([getattr(part, name) for part in parts])) for name in names}
    return Direction(queries=round(float(np.mean([part.queries for part in parts]))), **values)
