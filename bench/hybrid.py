"""`python -m bench.hybrid`: what full text and identifiers cost, beside the plain search by vectors of the same run.

Fills the benchmark server as `bench.run` does. Every text is asked once before, so that its vector is in the cache,
and then by each mode in turn.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from bench.bundle import bench_bundle, caption
from bench.client import Client
from bench.measure import MS, Report, percentile
from bench.serving import ROOT, serving, wait_for

PASSAGES = 100_000
GOAL = 2.5


def main() -> None:
    """Measure each kind of text by vectors, by words and by both."""
    options, report = _options(), Report()
    bench_bundle()
    with serving():
        command = [sys.executable, "-m", "bench.stock", "--count", str(options.passages)]
        token = subprocess.run(
            command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.split()[-1]
    with serving() as port:
        wait_for(port, "/readyz")
        for name, texts in _texts(options.texts, options.passages).items():
            _compare(Client(port, token), name, texts, report)
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")


def _texts(count: int, passages: int) -> dict[str, list[str]]:
    rng = np.random.default_rng(11)
    numbers = rng.integers(passages, size=count)
    return {
        "captions": [caption(rng) for _ in range(count)],
        "numbers": [f"D{number} where is it" for number in numbers],
        "rare words": [f"document {number}" for number in numbers],
    }


def _compare(client: Client, name: str, texts: list[str], report: Report) -> None:
    times: dict[str, list[float]] = {"dense": [], "lexical": [], "hybrid": []}
    for text in texts:
        client.search(text=text, mode="dense", limit=10)
        for mode, spent in times.items():
            answer = client.search(text=text, mode=mode, as_written=True, limit=10)
            spent.append(answer.seconds * MS)
    plain = percentile(times["dense"], 50)
    report.say(f"{name}: by vectors, p50", plain, "ms")
    for mode in ("lexical", "hybrid"):
        goal = f"≤ {GOAL}" if mode == "hybrid" else ""
        report.say(f"{name}: {mode} / vectors", percentile(times[mode], 50) / plain, "×", goal)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=PASSAGES)
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
