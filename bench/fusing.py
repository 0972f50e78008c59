"""`python -m bench.fusing`: how much vectors and full text should each count, and is both better than either?

Searches by natural words, rare terms and part numbers over the demo's notes (bench/words.py), under the demo's model.
Half of the searches choose the weight of each way to fuse, the other half measures; an exact identifier stands first.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from bench.measure import Report
from bench.serving import DATA_DIR, attached, serving, wait_for
from bench.words import judged, notes
from workers.training.measures.bootstrap import paired_means

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bench.words import Judged

    Values = NDArray[np.float64]

SORTS = ("natural words", "rare terms", "identifiers")
TOP = 10
RANK_CONSTANTS = (10, 60)
SHARES = tuple(np.linspace(0.05, 0.95, 19))
KNOWN = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
UNKNOWN = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


@dataclass(frozen=True)
class Found:
    """What the retrievers say of the documents that any of them found; ranks from 1, infinite where it did not find.

    Scores by words are of those that the model knows and does not know, and of the rare ones and the others.
    """

    judged: Judged
    documents: NDArray[np.str_]
    standard: Values
    dense_rank: Values
    known: Values
    unknown: Values
    rare: Values
    others: Values
    lexical_rank: Values
    exact: NDArray[np.bool_]

    def reciprocal_rank(self, scores: Values) -> float:
        """Return one over the place of the first relevant document among the best ten."""
        best = [place for place in np.argsort(-scores, kind="stable") if np.isfinite(scores[place])][:TOP]
        places = [n for n, place in enumerate(best, 1) if self.documents[place] in self.judged.relevant]
        return 1 / places[0] if places else 0.0

    def average_precision(self, scores: Values) -> float:
        """Return the average precision among the best ten."""
        best = [place for place in np.argsort(-scores, kind="stable") if np.isfinite(scores[place])][:TOP]
        right = np.array([self.documents[place] in self.judged.relevant for place in best], dtype=float)
        precisions = right.cumsum() / np.arange(1, len(right) + 1)
        return float((precisions * right).sum() / min(TOP, len(self.judged.relevant) or 1))


def dense(found: Found) -> Values:
    """Score by vectors alone."""
    return np.where(np.isfinite(found.dense_rank), found.standard, -np.inf)


def lexical(found: Found) -> Values:
    """Score by words alone."""
    words = found.known + found.unknown
    return np.where(found.exact, 1e4, np.where(words > 0, words, -np.inf))


def by_ranks(share: float, constant: int) -> Callable[[Found], Values]:
    """Return weighted reciprocal rank fusion; `share` is the weight of vectors."""
    return lambda found: (
        share / (constant + found.dense_rank)
        + (1 - share) / (constant + found.lexical_rank)
        + np.where(found.exact, 100.0, 0.0)
    )


def by_scores(known: float, unknown: float) -> Callable[[Found], Values]:
    """Return the standardised score of vectors plus those of words, weighted by whether the model knows them."""
    return lambda found: _plus_words(found, known * found.known + unknown * found.unknown)


def by_rarity(known: float, unknown: float) -> Callable[[Found], Values]:
    """Return the same where nobody knows what the model knows: rare words count as unknown."""
    return lambda found: _plus_words(found, known * found.others + unknown * found.rare)


def _plus_words(found: Found, words: Values) -> Values:
    return found.standard + words + np.where(found.exact, 1e4, 0.0)


def main() -> None:
    """Fill a server, ask, choose on one half, measure on the other."""
    options, report = _options(), Report()
    folder = DATA_DIR / "fusing"
    with serving(DATA_DIR=str(folder)) as port:
        attached(folder)
        from bench.asked_words import Asker, stocked

        documents = notes()
        version = stocked(documents)
        wait_for(port, "/readyz")
        asker = Asker(version)
        halves = [[asker.found(one) for one in judged(documents, options.each, seed)] for seed in (1, 2)]
    show(*halves, report=report)


def show(development: Sequence[Found], test: Sequence[Found], report: Report) -> None:
    """Print the weights that the development half chooses, and what they give on the test half."""
    ranks = _best(development, by_ranks, SHARES, RANK_CONSTANTS)
    one_weight = _best(development, lambda weight: by_scores(weight, weight), (*KNOWN, *UNKNOWN))
    scores = _best(development, by_scores, KNOWN, UNKNOWN)
    rarity = _best(development, by_rarity, KNOWN, UNKNOWN)
    print(
        f"chosen on the development half: ranks {ranks}, one weight {one_weight}, scores {scores}, rarity {rarity}"
    )
    for each in product(KNOWN, UNKNOWN):
        print(f"    known {each[0]:4}, unknown {each[1]:4}: {_mean(development, by_scores(*each)):.4f}")
    ways = {
        "vectors": dense,
        "words": lexical,
        "ranks, equal": by_ranks(0.5, 60),
        "ranks": by_ranks(*ranks),
        "scores, one weight": by_scores(*one_weight, *one_weight),
        "scores": by_scores(*scores),
        "scores by rarity": by_rarity(*rarity),
    }
    for sort in (*SORTS, "all"):
        chosen = [found for found in test if sort in (found.judged.sort, "all")]
        print(f"{sort}, {len(chosen)} searches")
        for name, way in ways.items():
            first = np.mean([found.reciprocal_rank(way(found)) == 1 for found in chosen])
            report.say(f"{sort}, {name}: MAP@{TOP}", _mean(chosen, way), "")
            report.say(f"{sort}, {name}: relevant first", float(first), "")
    for name in ways:
        one, other = (np.array(_values(test, ways[each]))[:, None] for each in ("scores", name))
        (difference,) = paired_means(one, other)
        print(f"scores − {name}: {difference.value:.3f} [{difference.low:.3f}, {difference.high:.3f}]")


def _best(
    found: Sequence[Found], way: Callable[..., Callable[[Found], Values]], *choices: Sequence[float]
) -> tuple[float, ...]:
    return max(product(*choices), key=lambda chosen: _mean(found, way(*chosen)))


def _values(found: Sequence[Found], way: Callable[[Found], Values]) -> list[float]:
    return [each.average_precision(way(each)) for each in found]


def _mean(found: Sequence[Found], way: Callable[[Found], Values]) -> float:
    return float(np.mean(_values(found, way)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=150, help="searches of each sort in each half")
    return parser.parse_args()


if __name__ == "__main__":
    main()
