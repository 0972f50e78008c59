"""Which queries went worst, what was found instead, and where the right items stood."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workers.training.evaluate import Evaluated
from workers.training.layout import Captioned
from workers.training.measures.places import Labels, Places
from workers.training.measures.scores import Vectors

QUERIES, FOUND = 20, 4


@dataclass(frozen=True, slots=True)
class RankedItem:
    """A picture or a caption by its number in the split, its place from 1, and whether it is right."""

    number: int
    place: int
    right: bool


@dataclass(frozen=True, slots=True)
class FailedQuery:
    """A query by its number; `found`: the first of its list; `right`: its right items, best first."""

    query: int
    found: tuple[RankedItem, ...]
    right: tuple[RankedItem, ...]


def worst_pictures(result: Evaluated, count: int = QUERIES) -> list[FailedQuery]:
    """The pictures whose best right caption stands last, with captions as items."""
    ranks = result.ranks

    def row(query: int) -> Vectors:
        scores: Vectors = result.score(result.images[query : query + 1], result.captions)[0]
        return scores

    return _worst(ranks.image_to_text, (ranks.of_images, ranks.of_captions), row, count)


def worst_captions(result: Evaluated, count: int = QUERIES) -> list[FailedQuery]:
    """The captions whose best right picture stands last, with pictures as items."""
    ranks = result.ranks

    def row(query: int) -> Vectors:
        scores: Vectors = result.score(result.images, result.captions[query : query + 1])[:, 0]
        return scores

    return _worst(ranks.text_to_image, (ranks.of_captions, ranks.of_images), row, count)


def _worst(
    places: Places, labels: tuple[Labels, Labels], row: Callable[[int], Vectors], count: int
) -> list[FailedQuery]:
    """Only queries whose first item is wrong; the worst first, equally bad ones in their order."""
    order = np.argsort(-places.ranks, kind="stable")[:count]
    chosen = [int(query) for query in order if places.ranks[query] > 1]
    return [_failure(query, row(query), labels[1] == labels[0][query]) for query in chosen]


def _failure(query: int, scores: Vectors, right: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> FailedQuery:
    """Wrong items before right ones of the same score, as the measures count."""
    order = np.lexsort((right, -scores))
    listed = [RankedItem(int(n), place, bool(right[n])) for place, n in enumerate(order, 1)]
    return FailedQuery(query, tuple(listed[:FOUND]), tuple(item for item in listed if item.right))


def owners(split: Captioned) -> list[int]:
    """The picture of each of the split's texts."""
    return [picture for picture, captions in enumerate(split.captions) for _ in captions]
