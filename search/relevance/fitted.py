"""A calibration, and what it says of scores. Pure but for the shape in which it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from search.relevance.curve import Curve, curve_fit, held_out_error
from search.relevance.evidence import (
    Scale,
    Space,
    closeness,
    evidence,
    familiarity,
    familiarity_held_out,
    scale_of,
    space_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

Source = Literal["pairs", "judgements"]
LINE_SHARE = 0.02
"""Of queries like those that calibrate, so many at most are told that nothing matches."""
STRONG_SHARE = 0.1
HELD_OUT_QUERIES_MIN = 10
"""Of fewer, a fifth that is left out says nothing."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A calibration as numbers.

    Hits whose evidence is below `line` are less relevant; from `strong` on it is as usual for a first hit. `error` is
    the expected calibration error on queries that were not fitted. `labels` counts hits, `relevant` those of them that
    are; `pairs` and `judgements` count what there was to learn from when it was fitted. `reference` are the deciles of
    its queries' best scores, standardised by the background: by them it is seen whether later queries are like these.
    """

    similarity: str
    scale: Scale
    line: float
    strong: float
    curve: Curve
    source: Source
    queries: int
    labels: int
    relevant: int
    error: float
    pairs: int = 0
    judgements: int = 0
    reference: tuple[float, ...] = ()
    familiarity: Literal["odds"]
    """What the scale was made for: a calibration that an earlier release wrote is not read, but fitted anew at once."""

    def evidence(
        self, scores: NDArray[np.float64], queries: NDArray[np.float32], space: Space
    ) -> NDArray[np.float64]:
        """Return the evidence `(n,)` of scores, each found by the query in its row of `(n, dim)` or by the only one."""
        near = closeness(scores, self.similarity)
        return np.asarray(evidence(near, familiarity(queries, space), self.scale), dtype=np.float64)


@dataclass(frozen=True)
class Labels:
    """Labelled hits: `query` is the row of `vectors` `(queries, dim)` that found each, all best first.

    `units` `(m, dim)` are a sample of what could be found.
    """

    vectors: NDArray[np.float32]
    query: NDArray[np.int64]
    scores: NDArray[np.float64]
    relevant: NDArray[np.bool_]
    first: NDArray[np.float64]
    """The score of each query's first hit `(queries,)`: with judgements, of its best that is relevant; of pairs, of the
    best that is not its own document's, for whoever asks has a photo that no document has."""
    units: NDArray[np.float32]
    best: NDArray[np.float64]
    """The best score that each query found `(queries,)`, relevant or not; of pairs likewise without its own."""


def fit(labels: Labels, similarity: str, source: Source) -> tuple[Fitted, Space]:
    """Return the calibration that labelled hits give, with the space of its queries and units.

    Raises ValueError for fewer than ten queries: of one, none is left to tell its space by.
    """
    if len(labels.vectors) < HELD_OUT_QUERIES_MIN:
        raise ValueError(f"A calibration needs {HELD_OUT_QUERIES_MIN} queries, not {len(labels.vectors)}.")
    known = familiarity_held_out(labels.vectors, labels.units)
    near = closeness(labels.first, similarity)
    scale = scale_of(near, known)
    firsts = np.sort(evidence(near, known, scale))
    spoken = evidence(closeness(labels.scores, similarity), known[labels.query], scale)
    fitted = Fitted(
        similarity=similarity,
        scale=scale,
        line=_quantile(firsts, LINE_SHARE),
        strong=_quantile(firsts, STRONG_SHARE),
        curve=curve_fit(spoken, labels.relevant),
        source=source,
        queries=len(labels.vectors),
        labels=len(labels.scores),
        relevant=int(labels.relevant.sum()),
        error=held_out_error(spoken, labels.relevant, labels.query),
        familiarity="odds",
    )
    return fitted, space_of(labels.vectors, labels.units)


def _quantile(firsts: NDArray[np.floating], share: float) -> float:
    """Return the value below which another such query's first hit lies with a probability of at most `share`.

    A conformal quantile (Vovk et al. 2005): it holds for any distribution and however few there are, of which too few
    give a value that nothing is below.
    """
    place = int(share * (len(firsts) + 1))
    return float(firsts[place - 1]) if place else float(firsts[0]) - 1e3
