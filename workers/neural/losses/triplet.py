"""Triplets by Euclidean distance, chosen from the batch by how hard they are (two-branch networks).

With anchor a, its own p, another n, margin m: *hard* d(a,n) < d(a,p); *semi-hard* d(a,p) < d(a,n) < d(a,p) + m;
*easy* d(a,p) + m < d(a,n), whose term max(0, m + d(a,p) − d(a,n)) is 0.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from workers.neural.losses.hardest import hardest_terms
from workers.neural.losses.hinges import negatives

LEAST_SQUARE = 1e-6  # nearer than a thousandth the distance has no gradient, which would be infinite at 0


@dataclass(frozen=True, slots=True)
class TripletConfig:
    """`mining`: which triplets count: all `hard`, all `semi-hard`, both, or each anchor's `count` `hardest`.

    Of the first three the mean is taken, over those active only; of the hardest each anchor's sum or mean (`reduce`),
    summed over the anchors. Made for unit vectors compared by their cosine.

    `above_margin`: what becomes of a hard triplet's term, which is larger than the margin: `keep` it, `clamp` it to the
    margin, where it has no gradient, or `drop` it, so that the hardest of the semi-hard triplets is taken instead.
    """

    kind: Literal["triplet"] = "triplet"
    margin: float = 0.1
    mining: Literal["hard", "semi-hard", "hard-semi-hard", "hardest"] = "hardest"
    count: int = 1
    reduce: Literal["sum", "mean"] = "sum"
    above_margin: Literal["keep", "clamp", "drop"] = "keep"

    def loss(self, scores: Tensor, same: Tensor, epoch: int) -> Tensor:
        """One direction, a scalar; `scores` are inner products of unit vectors; see `hinges` for the arguments."""
        far = distances(scores)
        own = far.diagonal().unsqueeze(1)
        terms = self._limited((self.margin + own - far).clamp_min(0)).masked_fill(~negatives(same), 0)
        if self.mining == "hardest":
            return hardest_terms(terms, self.count, self.reduce)
        chosen = self._chosen(own, far) & negatives(same)
        return terms.masked_fill(~chosen, 0).sum() / chosen.sum().clamp_min(1)

    def _limited(self, terms: Tensor) -> Tensor:
        if self.above_margin == "clamp":
            return terms.clamp_max(self.margin)
        return terms.masked_fill(terms > self.margin, 0) if self.above_margin == "drop" else terms

    def _chosen(self, own: Tensor, far: Tensor) -> Tensor:
        hard = far < own
        semi = (own < far) & (far < own + self.margin)
        return {"hard": hard, "semi-hard": semi, "hard-semi-hard": hard | semi}[self.mining]


def distances(scores: Tensor) -> Tensor:
    """Inner products of unit vectors → their Euclidean distances, √(2 − 2s), of the same shape."""
    return (2 - 2 * scores).clamp_min(LEAST_SQUARE).sqrt()
