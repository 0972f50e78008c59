"""`python -m bench.codes --count 100000`: by how few candidates a short code of the vectors finds the best ten.

A binary index ranks all vectors by a code and compares the vectors of the first so many candidates exactly. Here numpy
ranks by each code without an index, so that a code alone decides: recall@10 is the share of the ten truly best that are
among the candidates. Codes that differ as much as others lie in the middle of them.

| code | |
|---|---|
| signs | 1 bit a dimension, as the product's binary index has it |
| signs, centred | of what is left without the stored vectors' mean; questions are moved by it, too |
| signs, rotated | after a random rotation, which spreads what few dimensions say |
| sign and magnitude | 2 bits: the sign, and whether the value is larger than the dimension's median without its sign |
| three steps | 2 bits: above -t, above t; t is the dimension's median without signs |
| three steps, one t | the same with one t for all dimensions, 0.6 / √dim, as the product's ternary index has it |
| four steps | 3 bits: above -t, above 0, above t |
| half of a PCA | halves: the first half of the dimensions after a rotation to the axes of most variance |

All but the last compare by Hamming distance, as pgvector's `bit_hamming_ops` does; the last by inner product. The
vectors are those of `bench.hard_vectors`. numpy alone; 100,000 vectors of 1,024 dimensions take about 2 GB.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench import vectors
from bench.hard_vectors import HardSet
from search.vectors.nearest import TERNARY_STEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Bits = NDArray[np.uint64]
    Ranking = Callable[[Floats], NDArray[np.float32]]
    """From a question `(dim,)` to how far each stored vector's code is from its own `(count,)`."""

TOP = 10
CANDIDATES = (100, 400, 800, 1600)
WANTED = 0.99
AT_ONCE = 10_000
BITS, HALF_BYTES = 8, 2


@dataclass(frozen=True)
class Row:
    """One code: bytes a vector, recall@10 by candidates, and the candidates that `WANTED` of the best ten need."""

    code: str
    bytes: float
    recall: dict[int, float]
    candidates_wanted: int


@dataclass(frozen=True)
class Stored:
    """The vectors `(count, dim)`, and of each dimension the mean and the median magnitude."""

    rows: Floats
    mean: Floats
    median: Floats


def main() -> None:
    """Print the table."""
    options = _options()
    world = HardSet(options.dim, options.seed)
    stored = _stored(world, options.count)
    questions = world.questions(options.questions)
    best = best_places(stored.rows, questions)
    rows = []
    for name, size, ranking in codes(stored, options.seed):
        started = time.perf_counter()
        rows.append(measured(name, size, places(ranking, questions, best)))
        print(f"  {name}: {time.perf_counter() - started:.0f} s", flush=True)
    print(f"{options.count:,} vectors of {options.dim:,} dimensions; recall@10 by candidates")
    print(f"| code | bytes | {' | '.join(f'{count:,}' for count in CANDIDATES)} | candidates for {WANTED} |")
    print("|---" * (len(CANDIDATES) + 3) + "|")
    for row in rows:
        shares = " | ".join(f"{row.recall[count]:.3f}" for count in CANDIDATES)
        print(f"| {row.code} | {row.bytes:,.0f} | {shares} | {row.candidates_wanted:,} |")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def best_places(rows: Floats, questions: Floats) -> NDArray[np.int64]:
    """Return the places of each question's ten best vectors by inner product, `(questions, 10)`."""
    scores = np.concatenate([rows[at : at + AT_ONCE] @ questions.T for at in range(0, len(rows), AT_ONCE)])
    return np.argpartition(scores, -TOP, axis=0)[-TOP:].T


def places(ranking: Ranking, questions: Floats, best: NDArray[np.int64]) -> Floats:
    """Return how many vectors come before each of the best by a code, half of those as far, `(questions, 10)`."""
    found = np.empty(best.shape, dtype=np.float32)
    for number, question in enumerate(questions):
        far = ranking(question)
        for place, own in enumerate(far[best[number]]):
            found[number, place] = (far < own).sum() + ((far == own).sum() - 1) / 2
    return found


def measured(name: str, size: float, found: Floats) -> Row:
    """Return what a code is worth by the places of the best."""
    recall = {count: float((found < count).mean()) for count in CANDIDATES}
    needed = int(np.ceil(np.quantile(found, WANTED, method="inverted_cdf"))) + 1
    return Row(name, size, recall, needed)


def codes(stored: Stored, seed: int) -> Iterator[tuple[str, float, Ranking]]:
    """Yield each code: its name, its bytes a vector and how it ranks; one is in memory at a time."""
    dim = stored.rows.shape[1]
    byte = dim / BITS
    mean, median, zero = stored.mean, stored.median, np.zeros(dim, dtype=np.float32)
    yield "signs", byte, _by_bits(stored.rows, lambda rows: rows > zero)
    yield "signs, centred", byte, _by_bits(stored.rows, lambda rows: rows > mean)
    turned, _ = np.linalg.qr(np.random.default_rng([seed, 3]).standard_normal((dim, dim)))
    rotation = turned.astype(np.float32)
    yield "signs, rotated", byte, _by_bits(stored.rows, lambda rows: rows @ rotation > 0)
    yield (
        "sign and magnitude",
        2 * byte,
        _by_bits(stored.rows, _joined(lambda rows: rows > zero, lambda rows: abs(rows) > median)),
    )
    outer = (lambda rows: rows > -median, lambda rows: rows > median)
    yield "three steps", 2 * byte, _by_bits(stored.rows, _joined(*outer))
    step = np.float32(TERNARY_STEP / dim**0.5)
    one = _joined(lambda rows: rows > -step, lambda rows: rows > step)
    yield "three steps, one t", 2 * byte, _by_bits(stored.rows, one)
    yield "four steps", 3 * byte, _by_bits(stored.rows, _joined(*outer, lambda rows: rows > zero))
    yield "half of a PCA", HALF_BYTES * (dim // 2), _by_axes(stored.rows, dim // 2)


def _joined(*parts: Callable[[Floats], NDArray[np.bool_]]) -> Callable[[Floats], NDArray[np.bool_]]:
    return lambda rows: np.concatenate([part(rows) for part in parts], axis=1)


def _by_bits(rows: Floats, code: Callable[[Floats], NDArray[np.bool_]]) -> Ranking:
    """Rank by the number of bits that differ."""
    packed = np.concatenate([_packed(code(rows[at : at + AT_ONCE])) for at in range(0, len(rows), AT_ONCE)])

    def far(question: Floats) -> NDArray[np.float32]:
        differ = np.bitwise_count(packed ^ _packed(code(question[None])))
        return differ.sum(axis=1, dtype=np.float32)

    return far


def _packed(bits: NDArray[np.bool_]) -> Bits:
    """Return the bits of each row in words of 64, the last one filled up with zeros."""
    short = -bits.shape[1] % 64
    return np.packbits(np.pad(bits, ((0, 0), (0, short))), axis=1).view(np.uint64)


def _by_axes(rows: Floats, count: int) -> Ranking:
    """Rank by the inner product along the axes of most variance, kept as halves as pgvector's `halfvec` does."""
    spread = sum(part.T @ part for part in (rows[at : at + AT_ONCE] for at in range(0, len(rows), AT_ONCE)))
    axes = np.linalg.eigh(spread)[1][:, ::-1][:, :count].astype(np.float32)  # ascending eigenvalues
    halves = np.concatenate(
        [(rows[at : at + AT_ONCE] @ axes).astype(np.float16) for at in range(0, len(rows), AT_ONCE)]
    )

    def far(question: Floats) -> NDArray[np.float32]:
        wanted = (question @ axes).astype(np.float16).astype(np.float32)
        return -np.concatenate(
            [halves[at : at + AT_ONCE].astype(np.float32) @ wanted for at in range(0, len(halves), AT_ONCE)]
        )

    return far


def _stored(world: HardSet, count: int) -> Stored:
    rows = np.concatenate(list(world.stored(count)))
    return Stored(rows, rows.mean(axis=0), np.median(abs(rows[:AT_ONCE]), axis=0).astype(np.float32))


def _options(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=vectors.DIM)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for the rows")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
