"""`python -m bench.shards`: vectors on one PostgreSQL server and over two and four, asked the same in one run.

All servers are on this machine: what several machines gain is not seen here, what the way between servers costs is.
Each layout is filled, indexed and asked by the product's own code.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench import vectors
from bench.measure import Report
from bench.serving import DATA_DIR, attached, serving

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

    from models_admin.models import ModelVersion

MIB = 1024 * 1024


def main() -> None:
    """Print load and build times, sizes, recall@10 and times of each layout, and the ratios to one server."""
    options, report = _options(), Report()
    folder = DATA_DIR / "shards"
    with serving(DATA_DIR=str(folder)):
        attached(folder)
        for count in (1, *options.shards):
            with _servers(folder, count if count > 1 else 0) as addresses:
                _layout(addresses, options, report, f"{count} server{'s' * (count > 1)}")
        for count in options.shards:
            for what in ("p50", "p99", "built in"):
                ratio = report.figures[f"{count} servers: {what}"] / report.figures[f"1 server: {what}"]
                report.say(f"{count} servers / 1 server: {what}", ratio, "×")
        fewest, most = min(options.shards), max(options.shards)
        if fewest < most:
            between = report.figures[f"{most} servers: p50"] - report.figures[f"{fewest} servers: p50"]
            report.say("a server more, p50", between / (most - fewest), "ms")
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")


def _layout(addresses: Sequence[str], options: argparse.Namespace, report: Report, name: str) -> None:
    """Store, index and ask the vectors over these servers, or on the site's own where there are none."""
    from django.conf import settings

    from bench import asking  # needs the server's database, and so comes after it
    from search.vectors.background import backgrounds_forget
    from search.vectors.index import index_build, index_state
    from search.vectors.sharded.setting_up import set_up
    from search.vectors.tables import table_drop

    settings.CONFIG = replace(settings.CONFIG, vector_shards=list(addresses))
    if addresses:
        set_up()
    started = time.perf_counter()
    version: ModelVersion = asking.clustered(options.count, options.dim)
    report.say(f"{name}: stored in", time.perf_counter() - started, "s")
    version.vector_index, started = options.index, time.perf_counter()
    index_build(version, "passage")
    report.say(f"{name}: built in", time.perf_counter() - started, "s")
    each = index_state(version, "passage").size_bytes / max(1, len(addresses))
    report.say(f"{name}: index on each", each / MIB, "MiB")
    report.say(f"{name}: index by vector", each * max(1, len(addresses)) / options.count, "bytes")
    backgrounds_forget()
    questions = vectors.queries(options.questions, options.count, dim=options.dim)
    asking.measured_by_index(version, questions[:10], options.index)
    found = asking.measured_by_index(version, questions, options.index)
    report.say(f"{name}: recall@10", float(found.shares.mean()), "")
    report.say(f"{name}: p50", found.planned_ms, "ms")
    report.say(f"{name}: p99", found.p99_ms, "ms")
    report.say(f"{name}: exact scan, p50", found.scan_ms, "ms")
    table_drop(version)


@contextmanager
def _servers(folder: Path, count: int) -> Iterator[list[str]]:
    """Start so many empty servers and give their addresses."""
    from retrieval_site.supervisor.paths import DataPaths
    from retrieval_site.supervisor.postgres import EmbeddedPostgres
    from retrieval_site.supervisor.processes import start

    running: list[subprocess.Popen[bytes]] = []
    addresses = []
    try:
        for number in range(count):
            root = folder / f"shard-{count}-{number}"
            shutil.rmtree(root, ignore_errors=True)
            paths = DataPaths(root)
            paths.log.mkdir(parents=True)
            server = EmbeddedPostgres(paths, {"fsync": "off"})
            server.prepare()
            with (paths.log / "postgres.log").open("wb") as log:
                running.append(start(server.command(), log))
            server.wait_ready(running[-1])
            server.ensure_database()
            addresses.append(paths.database_url)
        yield addresses
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            process.wait(30)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", nargs="+", type=int, default=[2, 4], metavar="N")
    parser.add_argument("--count", type=int, default=20_000, help="stored vectors")
    parser.add_argument("--index", choices=["hnsw", "ternary", "binary"], default="hnsw")
    parser.add_argument("--dim", type=int, default=vectors.DIM)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
