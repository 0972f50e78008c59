"""`python -m bench.indexes`: what each kind of index costs and finds, over generated clustered vectors.

A server of the benchmark's own holds one passage per vector. Both indexes are built in turn by the product's own code,
each asked the same questions in turn with an exact scan, so the ratios compare within one run.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import vectors
from bench.measure import Report
from bench.serving import DATA_DIR, attached, serving

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

KINDS = ("hnsw", "ternary", "binary")
MIB = 1024 * 1024


def main() -> None:
    """Print build time, size, recall@10 and median times of each."""
    options, report = _options(), Report()
    folder = DATA_DIR / "indexes"
    with serving(DATA_DIR=str(folder)):
        attached(folder)
        from bench import asking  # needs the server's database, and so comes after it

        version = asking.clustered(options.count, options.dim)
        questions = vectors.queries(options.questions, options.count, dim=options.dim)
        for index in options.indexes:
            _build(version, index, report)
            asking.compare(version, questions, report, index)
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")


def _build(version: ModelVersion, index: str, report: Report) -> None:
    from search.vectors.index import index_build, index_drop, index_state

    index_drop(version, "passage")
    version.vector_index = index
    started = time.perf_counter()
    index_build(version, "passage")
    report.say(f"{index}: built in", time.perf_counter() - started, "s")
    report.say(f"{index}: size", index_state(version, "passage").size_bytes / MIB, "MiB")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--indexes", nargs="+", default=KINDS, choices=KINDS, metavar="KIND")
    parser.add_argument("--count", type=int, default=100_000, help="stored vectors")
    parser.add_argument("--dim", type=int, default=vectors.DIM)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
