"""At which places a query's right items are found. Ties count against the model.

Every wrong item with the same score as a right one stands before it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.training.measures.scores import Vectors

Labels = NDArray[np.int64]
Rows = Callable[[slice], Vectors]

KEPT = 10
"""How many places of right items are kept of a query: as deep as the deepest measure looks."""
NOWHERE = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Places:
    """Where each query's right items stand, counted from 1.

    `first`: of its ten best right items, int64 (queries, 10), NOWHERE where there are fewer. `right`: how many right
    items there are, int64 (queries).
    """

    first: Labels
    right: Labels

    def __len__(self) -> int:
        return len(self.first)

    @property
    def ranks(self) -> Labels:
        """The place of each query's best right item, (queries)."""
        return self.first[:, 0]


def find_places(rows: Rows, labels: tuple[Labels, Labels], step: int) -> Places:
    """The places of queries labelled `labels[0]` among targets labelled `labels[1]`; equal labels are right.

    `rows` gives the scores (some, targets) of a slice of the queries; `step` rows are asked for at once.
    """
    of_queries, of_targets = labels
    by_label = np.argsort(of_targets, kind="stable")
    sorted_labels = of_targets[by_label]
    starts = np.searchsorted(sorted_labels, of_queries, "left")
    ends = np.searchsorted(sorted_labels, of_queries, "right")
    first = np.full((len(of_queries), KEPT), NOWHERE, np.int64)
    for start in range(0, len(of_queries), step):
        some = slice(start, start + step)
        right = [by_label[a:b] for a, b in zip(starts[some], ends[some], strict=True)]
        for number, found in enumerate(_places(rows(some), right), start):
            first[number, : len(found)] = found
    return Places(first, ends - starts)


def _places(scores: Vectors, right: list[Labels]) -> Iterator[Labels]:
    """The places of each row's best right items, in rising order, at most KEPT of them."""
    ascending = np.sort(scores, axis=1)
    for row, all_scores, targets in zip(scores, ascending, right, strict=True):
        own = np.sort(row[targets])
        at_least = len(row) - all_scores.searchsorted(own, "left")
        right_at_least = len(own) - own.searchsorted(own, "left")
        before = (at_least - right_at_least)[::-1][:KEPT]
        yield before + np.arange(1, len(before) + 1)
