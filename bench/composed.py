"""`python -m bench.composed`: what a search costs beside the plain one, over 100,000 generated passages.

A server of the benchmark's own holds one passage per vector. Each row is asked in turn with the plain search by a
vector, through the door that pages and API use, so the ratios compare within one run. A row is a name and a function
from a vector to a request.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import vectors
from bench.measure import MS, Report, percentile
from bench.serving import DATA_DIR, attached, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from models_admin.models import ModelVersion

    Row = Callable[[str, Any], Any]


def main() -> None:
    """Print each row's ratio to the plain search of the same run."""
    options, report = _options(), Report()
    folder = DATA_DIR / "composed"
    with serving(DATA_DIR=str(folder)):
        attached(folder)
        version = _version(options.count, options.dim)
        questions = vectors.queries(options.questions, options.count, dim=options.dim)
        for name, (row, goal) in ROWS.items():
            plain, asked = _in_turn(version, row, questions)
            report.say(f"{name}: p50", asked, "ms")
            report.say(f"{name} / plain", asked / plain, "×", goal)
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")


def _version(count: int, dim: int) -> ModelVersion:
    """Return a version that answers, with its index."""
    from bench import asking
    from models_admin.models import Alias, VersionState
    from models_admin.services import version_move
    from search.vectors.index import index_build, index_prewarm

    version = asking.clustered(count, dim)
    index_build(version, "passage")
    index_prewarm(version, "passage")
    version_move(version, VersionState.READY)
    Alias.objects.update_or_create(name="champion", defaults={"version": version})
    return version


def _in_turn(version: ModelVersion, row: Row, questions: Any) -> tuple[float, float]:
    """Return the medians in milliseconds of the plain search and of the row's."""
    pairs = [(_timed(_plain(version.key, vector)), _timed(row(version.key, vector))) for vector in questions]
    plain, asked = (percentile(list(side), 50) for side in zip(*pairs, strict=True))
    return plain, asked


def _timed(request: Any) -> float:
    from search.retrieval import search

    started = time.perf_counter()
    search(request)
    return (time.perf_counter() - started) * MS


def _request(model: str, *weighted: tuple[Any, float]) -> Any:
    from search.models import Collection
    from search.retrieval.types import EmbeddingPart, SearchRequest

    parts = tuple(EmbeddingPart(tuple(map(float, vector)), weight) for vector, weight in weighted)
    collections = tuple(Collection.objects.values_list("slug", flat=True))
    return SearchRequest(viewer=None, parts=parts, model=model, collections=collections)


def _plain(model: str, vector: Any) -> Any:
    return _request(model, (vector, 1.0))


def _three_parts(model: str, vector: Any) -> Any:
    """Another direction beside it, and away from a third."""
    others = np.roll(vector, 7), np.roll(vector, 13)
    return _request(model, (vector, 1.0), (others[0], 0.9), (others[1], -1.0))


ROWS: dict[str, tuple[Row, str]] = {"plain again": (_plain, ""), "three parts": (_three_parts, "≤ 3")}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="stored vectors")
    parser.add_argument("--dim", type=int, default=vectors.DIM)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
