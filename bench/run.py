"""`python -m bench.run`: starts a server of its own, fills it once (a few minutes) and measures it.

Figures are for the machine it runs on; the ratios compare within one run. `--json FILE` keeps them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from bench import measure, vectors
from bench.bundle import bench_bundle
from bench.filters import filters
from bench.serving import DATA_DIR, ROOT, processes, serving, wait_for
from workers.inference.bundles import bundle_extract
from workers.inference.encoder import Encoder, load_encoder

PASSAGES = 100_000
QUERIES, FILTER_QUERIES = 300, 60
MIB = 1024 * 1024
PARTS = ("query", "clients", "recall", "filters", "memory", "bulk")


def main() -> None:
    """Measure what the command line names (default: all)."""
    options = _options()
    bench_bundle()
    report = measure.Report()
    with serving() as port:
        server = measure.BenchServer(port, _stock(options.passages))
    with serving() as port:  # a fresh start, so that the first search is a first one
        wait_for(port, "/readyz")
        try:
            _measure(measure.BenchServer(port, server.token), options, report)
        finally:
            if options.json:
                Path(options.json).write_text(json.dumps(report.figures, indent=1) + "\n")


def _measure(server: measure.BenchServer, options: argparse.Namespace, report: measure.Report) -> None:
    if "query" in options.parts:
        measure.first_search(server, report)
        print("One client")
        measure.one_client(server, _encoder(), report)
    if "clients" in options.parts:
        print("Many clients")
        measure.many_clients(server, _encoder(), report)
    if "recall" in options.parts:
        print(f"Recall over {options.passages:,} stored vectors")
        stored = np.concatenate(list(vectors.stored(options.passages)))
        queries = vectors.queries(QUERIES, options.passages)
        measure.recall(server, measure.Stored(_model(), stored, queries), report)
    if "filters" in options.parts:
        print(f"Filters and facets over {options.passages:,} stored vectors")
        asked = vectors.queries(FILTER_QUERIES, options.passages)
        filters(server, measure.Stored(_model(), asked, asked), report)
    if "memory" in options.parts:
        web = max(process.memory_info().rss for process in processes("retrieval_site.web"))
        report.say("web process, resident", web / MIB, "MiB", "≤ 150")
    if "bulk" in options.parts:
        print("Bulk")
        subprocess.run([sys.executable, "-m", "bench.bulk"], cwd=ROOT, check=True)


def _encoder() -> Encoder:
    folder = DATA_DIR / "encoder-alone"
    if not folder.exists():
        bundle_extract(bench_bundle(), folder)
    cache = DATA_DIR / "encoder-alone-cache"
    cache.mkdir(exist_ok=True)
    return load_encoder(folder, cache=cache)


def _model() -> str:
    return f"{bench_bundle().name.removesuffix('.bundle.zip')}@1"


def _stock(count: int) -> str:
    command = [sys.executable, "-m", "bench.stock", "--count", str(count)]
    answer = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return answer.stdout.split()[-1]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    # argparse also looks the default up among the choices.
    parser.add_argument("parts", nargs="*", metavar="PART", default=PARTS, choices=[*PARTS, PARTS])
    parser.add_argument("--passages", type=int, default=PASSAGES)
    parser.add_argument("--json", help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
