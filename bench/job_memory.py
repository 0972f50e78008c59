"""`python -m bench.job_memory [--imports 40]`: what the bulk worker holds after each of many small imports.

A server of the benchmark's own imports one file after the other, every other one with pictures, and after each the
memory (PSS) of the worker's processes is read: the worker itself, the server process that the jobs' processes are
forked from, the job's process, which takes the next job as well, and the walled processes below it, which hold the
encoders and open pictures. What is loaded once shows in the first imports, what leaks in all of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from bench.adapters import captions_of_demo
from bench.client import Client
from bench.measure import Report
from bench.serving import DATA_DIR, attached, supervised, wait_for
from bench.soak.site import MIB, Site, pss
from bench.soak.users import IMPORTED, import_file

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENTS = 200
BEGINNING = 0.25
"""Of the imports: what they load is not counted as growth."""
PATIENCE_SECONDS = 120.0


def main() -> None:
    """Print what each kind of process held after some of the imports, and what each import added after the first."""
    options, report = _options(), Report()
    folder = DATA_DIR / "job-memory"
    with supervised(DATA_DIR=str(folder)) as (port, server):
        site = Site(folder, port, psutil.Process(server.pid), has_disk=False)
        client = Client(port, _prepared(folder, port))
        client.post("collections/", slug=IMPORTED, name=IMPORTED)
        held = [_held(site)]
        for turn in range(options.imports):
            _import(client, turn)
            held.append(_held(site))
            if turn < 3 or turn % 5 == 4:
                print(f"  after {turn + 1} imports, MiB: {_words(held[-1])}", flush=True)
    _say_growth(held, report)
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")


def _prepared(folder: Path, port: int) -> str:
    """Give the site a model and documents; return a token."""
    attached(folder)
    from django.db import connections

    from bench import asking  # needs the server's database, and so comes after it
    from demo.load import BUNDLE
    from models_admin import services

    services.version_activate(version=asking.prepared(BUNDLE, list(captions_of_demo(DOCUMENTS)), "hnsw"))
    wait_for(port, "/readyz")
    token = asking.api_token()
    connections.close_all()
    return token


def _import(client: Client, turn: int) -> None:
    documents = {f"i{turn}-{n}": f"Imported {turn}-{n}: a red pump, a blue gear." for n in range(120)}
    begun = client.send("POST", *import_file(documents, turn))
    job = _wait_until(client, f"jobs/{begun.body['id']}/", lambda found: bool(found["finished_at"]))
    if job["state"] != "succeeded":
        raise SystemExit(f"the import ended so: {job}")
    # It began the job that makes the vectors.
    _wait_until(client, "jobs/?limit=5", lambda found: all(one["finished_at"] for one in found["results"]))


def _wait_until(client: Client, path: str, is_so: Callable[[Any], bool]) -> Any:
    """Ask until the answer is so, and return it."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so(found := client.send("GET", f"/api/v1/{path}").body):
        if time.monotonic() > until:
            raise SystemExit(f"{path} did not end: {found}")
        time.sleep(0.1)
    return found


def _held(site: Site) -> Counter[str]:
    """Return the bytes of each kind of process of the bulk worker."""
    main, *below = site.tree("bulk")
    held = Counter({"worker": pss(main)})
    for process in below:
        held[_kind(process)] += pss(process)
    return held


def _kind(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    if "sandbox" in words:
        return "walled"
    if "forkserver" not in words:
        return "other"
    return "job" if "forkserver" in " ".join(process.parent().cmdline()) else "fork server"


def _words(held: Counter[str]) -> str:
    return ", ".join(f"{kind} {size / MIB:.0f}" for kind, size in sorted(held.items()))


def _say_growth(held: list[Counter[str]], report: Report) -> None:
    """Print the slope of a straight line through what was held after the beginning."""
    first = max(1, int(len(held) * BEGINNING))
    for kind in sorted(set().union(*held)):
        sizes = np.array([each[kind] / MIB for each in held])
        slope = np.polyfit(np.arange(first, len(held)), sizes[first:], 1)[0]
        report.say(f"{kind}: before the first import", sizes[0], "MiB")
        report.say(f"{kind}: after the last", sizes[-1], "MiB")
        report.say(f"{kind}: each import after the first {first}", float(slope) * 1024, "KiB")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--imports", type=int, default=40)
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
