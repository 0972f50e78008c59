"""What an adapter is learned from, all of it vectors of unit length under one model without an adapter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

TOWERS = ("image", "text")
SEARCHES_MIN = 10
"""Judged searches, each of its own, below which nothing is learned."""
TWIN_COSINE = 0.8
"""A unit so close to a relevant one may be as right: nobody said, so it counts neither for nor against."""


@dataclass(frozen=True)
class JudgedExample:
    """A judged search: its vector `query` (dim), the units found `relevant` (n ≥ 1, dim) and `rejected` (m, dim).

    `asks` and `finds` name the towers of the query and of the units. Examples of one `group` asked the same: what is
    measured on one of them is never learned from another. "" is a group of its own. `weights` (n): how right each
    relevant unit is, 1 for the best; None where all are as right.
    """

    query: Floats
    relevant: Floats
    rejected: Floats
    asks: str
    finds: str
    group: str = ""
    weights: Floats | None = None

    @property
    def right(self) -> Floats:
        """How right each relevant unit is, (n,)."""
        return np.ones(len(self.relevant), np.float32) if self.weights is None else self.weights


@dataclass(frozen=True)
class Examples:
    """The judged searches; documents' own pictures with their texts, `images` and `texts` (n, dim), row by row.

    `background`: by tower, a sample (m, dim) of the units that could be found.
    """

    judged: Sequence[JudgedExample]
    images: Floats
    texts: Floats
    background: Mapping[str, Floats]

    @property
    def dim(self) -> int:
        """The dimensions of every vector."""
        return int(self.images.shape[1])

    @property
    def asked(self) -> tuple[str, ...]:
        """The towers that judged searches asked with: those whose maps are learned."""
        return tuple(tower for tower in TOWERS if any(one.asks == tower for one in self.judged))

    def groups(self) -> NDArray[np.int64]:
        """Return the number of each judged search's group, (judged,), from 0."""
        names: dict[object, int] = {}
        return np.array(
            [names.setdefault(one.group or number, len(names)) for number, one in enumerate(self.judged)],
            np.int64,
        )

    def pairs(self) -> list[JudgedExample]:
        """Return the pairs as searches by each learned tower for what belongs to it in the other one."""
        nothing = np.zeros((0, self.dim), np.float32)
        towers = {"image": self.images, "text": self.texts}
        return [
            JudgedExample(query, own[None], nothing, asks, finds)
            for asks in self.asked
            for finds in TOWERS
            if finds != asks
            for query, own in zip(towers[asks], towers[finds], strict=True)
        ]
