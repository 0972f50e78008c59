"""`python -m bench.curve`: how long a search takes over 1,000 to 100,000 vectors, beside Figure 2 of Ebert et al.

A server of the benchmark's own holds one passage per vector. Each size is asked the same way: by the plan that the
product chooses, which is a scan or the index, and by an exact scan in turn. The time is that of the database search,
from a vector to the best documents: encoding the photo and reading the documents come on top and do not grow with it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bench import vectors
from bench.measure import MS, Report
from bench.serving import DATA_DIR, attached, serving
from workers.training.tracking.plots import figure_class, save

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.asking import Compared

COUNTS = (1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 70_000, 100_000)
# What the figure shows: under a second up to 10,000 vectors, about 20 s at 70,000.
PAPER_SECONDS = {10_000: "< 1", 70_000: "~ 20"}
PAPER_POINTS = ((10_000, 1.0), (70_000, 20.0))
COLUMNS = ("vectors", "plan", "recall@10", "search, ms", "p95, ms", "exact scan, ms", "Ebert et al., s")


def main() -> None:
    """Print a line for each size, and at the end the table in Markdown."""
    options, report = _options(), Report()
    folder = DATA_DIR / "curve"
    with serving(DATA_DIR=str(folder)):
        attached(folder)
        found = {}
        for count in options.counts:
            found[count] = measured(count, options.dim, options.index, options.questions)
            report.say(f"{count:,} vectors: search, p50", found[count].planned_ms, "ms")
            report.say(f"{count:,} vectors: exact scan, p50", found[count].scan_ms, "ms")
    print("\n".join(table(found)))
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")
    if options.plot:
        searches, scans = ([getattr(m, name) for m in found.values()] for name in ("planned_ms", "scan_ms"))
        plot(list(found), searches, scans, options.plot)


def measured(count: int, dim: int, index: str, questions: int) -> Compared:
    """Store so many vectors anew, index them, and ask for their neighbours both ways."""
    from bench import asking  # needs the server's database, and so comes after it
    from search.vectors.index import index_build

    version = asking.clustered(count, dim)
    version.vector_index = index
    index_build(version, "passage")
    return asking.measured(version, vectors.queries(questions, count, dim=dim))


def table(found: Mapping[int, Compared]) -> list[str]:
    """Return the lines of the table in Markdown, a row for each number of vectors."""
    lines = [_line(count, compared) for count, compared in found.items()]
    return [_row(line) for line in (COLUMNS, ["---"] * len(COLUMNS), *lines)]


def plot(counts: Sequence[int], searches: Sequence[float], scans: Sequence[float], path: Path) -> None:
    """Draw the medians, in milliseconds, over the number of vectors, beside the two points of the paper's figure."""
    figure = figure_class()(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(counts, [ms / MS for ms in searches], marker="o", color="#0b6e6e", label="here, as planned")
    axes.plot(counts, [ms / MS for ms in scans], marker=".", linestyle=":", label="here, exact scan")
    axes.plot(
        *zip(*PAPER_POINTS, strict=True), "s", color="#8a4b08", label="Ebert et al., read off (≤ and ~)"
    )
    axes.set(xscale="log", yscale="log", xlabel="stored vectors", ylabel="seconds a search, median")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False)
    save(figure, path)


def _line(count: int, found: Compared) -> tuple[str, ...]:
    times = (f"{value:.1f}" for value in (found.planned_ms, found.p95_ms, found.scan_ms))
    return (f"{count:,}", found.plans, f"{found.shares.mean():.3f}", *times, PAPER_SECONDS.get(count, ""))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", nargs="+", type=int, default=COUNTS, metavar="COUNT")
    parser.add_argument("--index", default="hnsw", choices=["hnsw", "ternary", "binary", "exact"])
    parser.add_argument("--dim", type=int, default=vectors.DIM)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--plot", type=Path, help="picture file for the curve")
    return parser.parse_args()


if __name__ == "__main__":
    main()
