"""`python -m bench.scale --sizes 10000 100000`: how loading, building and searching grow with the number of vectors.

A server of the benchmark's own holds one passage a vector. At each size each kind of index is built in turn by the
product's own code and asked the same questions at several settings: `ef_search` of an HNSW index, the candidates whose
vectors are compared of those of short codes. What is right is computed beside, by numpy, from the vectors as they are
stored. Each line of the table, and of the file of `--json`, has recall@10, p50 and p99 at that setting; how many
vectors a second were stored; how long the index took to build; the sizes of the index and of the table on disk; and
what PostgreSQL's processes held together once the questions were asked, shared memory counted once.
The vectors are those of `bench.hard_vectors`, or with `--easy` of `bench.vectors`. `--peers` also asks FAISS, usearch,
LanceDB and Chroma (`bench/peers.py`, `requirements/bench.txt`). `--graphs 16x64 32x64` builds the HNSW index with each
such m and ef_construction in turn and asks at more settings.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

from bench import vectors
from bench.hard_vectors import HardSet, intrinsic_dimension, participation
from bench.measure import MS, percentile
from bench.peers import PEERS, TOP
from bench.serving import DATA_DIR, attached, supervised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from bench.peers import Search
    from models_admin.models import ModelVersion

    Floats = NDArray[np.float32]

EF_SEARCH = (48, 96, 192, 384)
SETTINGS = {
    "hnsw": EF_SEARCH,
    "ternary": (192, 400, 600, 800, 1600),
    "binary": (400, 800, 1600, 3200, 6400),
    "exact": (0,),
}
FINE = (48, 64, 96, 128, 192, 256, 384, 512, 768, 1000)
"""Values of `ef_search` at which graphs are compared."""
EXACT_QUESTIONS = 10
SAMPLE = 5000
MIB = 1024 * 1024
CLOSE = 1e-4
"""Scores that differ by less are equal: halves have eleven bits."""


@dataclass(frozen=True)
class Built:
    """What an index costs before it is asked; None where other engines do not say it."""

    build_seconds: float
    size_mib: float
    stored_per_second: float | None = None
    table_mib: float | None = None
    postgres_mib: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    vectors: int
    index: str
    setting: int
    recall: float
    all_found: float
    p50_ms: float
    p99_ms: float
    built: Built

    def as_json(self) -> dict[str, float | str | None]:
        """Return all figures by their names."""
        figures = asdict(self)
        return figures | figures.pop("built")

    def line(self) -> str:
        """Return the figures as a line of a Markdown table."""
        built = self.built
        cells = [
            *(f"{self.vectors:,}", self.index, str(self.setting or "")),
            *(f"{self.recall:.3f}", f"{self.all_found:.0%}"),
            *(f"{self.p50_ms:.1f} ms", f"{self.p99_ms:.1f} ms"),
            *(_cell(built.stored_per_second, "/s"), _cell(built.build_seconds, "s")),
            *(_cell(mib, "MiB") for mib in (built.size_mib, built.table_mib, built.postgres_mib)),
        ]
        return f"| {' | '.join(cells)} |"


HEAD = (
    "| vectors | index | setting | recall@10 | all ten | p50 | p99 "
    "| stored | build | index size | table | PostgreSQL |"
)


def _cell(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:,.0f} {unit}"


def main() -> None:
    """Print the table."""
    options = _options()
    world = _Easy(options.dim) if options.easy else HardSet(options.dim, options.seed)
    rows: list[Row] = []
    with supervised(DATA_DIR=str(DATA_DIR / "scale")):
        attached(DATA_DIR / "scale")
        for count in options.sizes:
            truth = _truth(world, count, options)
            rows += _measured(world, count, options, truth)
            if options.peers:
                rows += _by_peers(world, count, truth)
    print(HEAD)
    print("|---" * (HEAD.count("|") - 1) + "|")
    for row in rows:
        print(row.line())
    if options.json:
        options.json.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n")


class _Easy:
    """The groups of `bench.vectors`, which have other vectors at each size."""

    def __init__(self, dim: int) -> None:
        self.dim, self._count = dim, 0

    def stored(self, count: int) -> Iterator[Floats]:
        self._count = count
        return vectors.stored(count, dim=self.dim)

    def questions(self, count: int) -> Floats:
        return vectors.queries(count, self._count, dim=self.dim)


@dataclass(frozen=True)
class _Truth:
    """The questions `(n, dim)`, and the score of each one's tenth best vector."""

    questions: Floats
    tenth: Floats


def _truth(world: HardSet | _Easy, count: int, options: argparse.Namespace) -> _Truth:
    """Return what an exact search finds, and say how hard the vectors are."""
    batches = world.stored(count)
    first = next(batches)
    questions = world.questions(options.questions)
    best = _best(questions, first, np.full((len(questions), 1), -np.inf, dtype=np.float32))
    for batch in batches:
        best = _best(questions, batch, best)
    sample = first[:SAMPLE]
    print(
        f"  {count:,} vectors: intrinsic dimension {intrinsic_dimension(sample):.1f}, "
        f"variance over {participation(sample):.0f} directions, "
        f"a question's first and tenth at {best[:, -1].mean():.3f} and {best[:, 0].mean():.3f}",
        flush=True,
    )
    return _Truth(questions, best[:, 0])


def _best(questions: Floats, batch: Floats, best: Floats) -> Floats:
    """Return the ten highest scores of each question so far, the lowest first."""
    halves = questions.astype(np.float16).astype(np.float32)
    scores = np.concatenate([best, halves @ batch.astype(np.float16).astype(np.float32).T], axis=1)
    return np.sort(np.partition(scores, -TOP, axis=1)[:, -TOP:], axis=1)


def _measured(
    world: HardSet | _Easy, count: int, options: argparse.Namespace, truth: _Truth
) -> Iterator[Row]:
    from bench import asking  # needs the server's database, and so comes after it
    from search.retrieval.dense import CANDIDATES_MIN, plan_by_index
    from search.retrieval.scope import make_scope
    from search.retrieval.types import Plan
    from search.vectors.index import index_build, index_drop, index_state
    from search.vectors.tables import VectorTable

    version, stored_per_second = _loaded(world, count, options.dim)
    table = VectorTable(version.pk, "passage")
    scope = make_scope(table, asking.collections_all(), {})
    for name, index, settings in _builds(options):
        index_drop(version, "passage")
        version.vector_index, started = index, time.perf_counter()
        index_build(version, "passage")
        seconds = time.perf_counter() - started
        size = index_state(version, "passage").size_bytes / MIB
        built = Built(seconds, size, stored_per_second, _table_mib(table.name))
        print(f"  {name}: built in {seconds:.0f} s; PostgreSQL holds {_postgres_mib():.0f} MiB", flush=True)
        for setting in settings:
            plan = Plan("exact", TOP) if index == "exact" else plan_by_index(index, CANDIDATES_MIN, setting)

            def ask(question: Floats, plan: Plan = plan) -> Floats:
                return asking.asked(version, question, scope, plan).best

            asked = truth.questions[: options.exact_questions if index == "exact" else None]
            timed = _timed(asked, ask, truth.tenth)
            yield _row(count, name, setting, timed, replace(built, postgres_mib=_postgres_mib()))


def _builds(options: argparse.Namespace) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield what each index is called, its kind and settings; for each graph, the product builds that one meanwhile."""
    from search.vectors import index as product

    chosen = product.GRAPHS["hnsw"]
    for index in options.indexes:
        if index != "hnsw" or not options.graphs:
            yield index, index, SETTINGS[index]
            continue
        for graph in options.graphs:
            m, ef_construction = map(int, graph.split("x"))
            product.GRAPHS["hnsw"] = replace(chosen, m=m, ef_construction=ef_construction)
            yield f"hnsw {graph}", "hnsw", FINE
        product.GRAPHS["hnsw"] = chosen


def _loaded(world: HardSet | _Easy, count: int, dim: int) -> tuple[ModelVersion, float]:
    """Store so many documents of one passage each, and their vectors by the product's own code; how many a second."""
    from bench import asking
    from search.vectors.copy import vectors_write

    version, ids = asking.bare_version(dim), asking.bare_passages(count)
    seconds, start = 0.0, 0
    for batch in world.stored(count):
        began = time.perf_counter()
        vectors_write(version, "passage", ids[start : start + len(batch)], batch)
        seconds += time.perf_counter() - began
        start += len(batch)
    print(f"  {count:,} vectors stored at {count / seconds:,.0f} a second", flush=True)
    return version, count / seconds


def _timed(
    questions: Floats, ask: Callable[[Floats], Floats], tenth: Floats
) -> tuple[NDArray[np.float64], list[float]]:
    """Return the share of the ten best that each question finds, and the milliseconds that each took."""
    ask(questions[0])
    shares, times = [], []
    for question, lowest in zip(questions, tenth, strict=False):
        began = time.perf_counter()
        found = ask(question)
        times.append((time.perf_counter() - began) * MS)
        shares.append(min(TOP, int((found[:TOP] >= lowest - CLOSE).sum())) / TOP)
    return np.array(shares), times


def _row(
    count: int,
    index: str,
    setting: int,
    asked: tuple[NDArray[np.float64], list[float]],
    built: Built,
) -> Row:
    shares, times = asked
    row = Row(
        count,
        index,
        setting,
        float(shares.mean()),
        float(np.mean(shares == 1)),
        percentile(times, 50),
        percentile(times, 99),
        built,
    )
    times_said = f"p50 {row.p50_ms:.1f} ms, p99 {row.p99_ms:.1f} ms"
    print(f"  {index} {setting}: recall@10 {row.recall:.3f}, {times_said}", flush=True)
    return row


def _postgres_mib() -> float:
    """Return what PostgreSQL's processes hold together, shared memory counted once."""
    below = [child for child in psutil.Process().children(recursive=True) if child.name() == "postgres"]
    return sum(process.memory_full_info().pss for process in below) / MIB


def _table_mib(name: str) -> float:
    """Return what the table of the vectors takes on disk without its indexes."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_table_size(to_regclass(%s))", [name])
        return float(cursor.fetchone()[0]) / MIB


def _by_peers(world: HardSet | _Easy, count: int, truth: _Truth) -> Iterator[Row]:
    """Ask each peer that is installed; what it finds is scored from the vectors as they were given."""
    rows = np.concatenate(list(world.stored(count)))
    for name, build in PEERS.items():
        started = time.perf_counter()
        try:
            searched, size = build(rows)
        except ImportError:
            print(f"  {name} is not installed")
            continue
        built = Built(time.perf_counter() - started, size / MIB)
        for setting in EF_SEARCH:
            search = searched(setting)

            def ask(question: Floats, search: Search = search) -> Floats:
                best: Floats = rows[search(question)] @ question
                return best

            yield _row(count, name, setting, _timed(truth.questions, ask, truth.tenth), built)


def _options(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000], metavar="COUNT")
    parser.add_argument("--indexes", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument(
        "--graphs", nargs="+", default=[], metavar="MxEF_CONSTRUCTION", help="HNSW graphs to compare"
    )
    parser.add_argument("--dim", type=int, default=vectors.DIM)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--exact-questions", type=int, default=EXACT_QUESTIONS, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--easy", action="store_true", help="the groups of bench.vectors instead")
    parser.add_argument("--peers", action="store_true", help="other engines, too, where they are installed")
    parser.add_argument("--json", type=Path, help="file for the rows")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
