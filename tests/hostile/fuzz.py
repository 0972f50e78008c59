"""The long run: `python -m tests.hostile.fuzz --inputs 100000`, on a database, a Redis and a worker of its own.

Prints how many inputs of each kind there were, how many were taken, with which ids the others were refused, and what
must not be: exceptions, deaths of processes, files and rows left behind. The same seed gives the same inputs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ("kind", "inputs", "taken", "refused", "problems", "slowest", "seconds")


def main() -> int:
    """Run, print the table, and return 1 where something was found."""
    options = _options()
    folder = Path(options.report or tempfile.mkdtemp(prefix="sl-fuzz-report-"))
    environment = os.environ | {
        "FUZZ_INPUTS": str(options.inputs),
        "FUZZ_SEED": str(options.seed),
        "FUZZ_REPORT": str(folder),
    }
    words = ["-q", "--show-capture=no", "--tb=line", *(["-k", options.kinds] if options.kinds else [])]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/hostile/test_fuzzing.py", *words], cwd=ROOT, env=environment
    )
    tallies = [json.loads(path.read_text()) for path in sorted(folder.glob("*.tally"))]
    _print(tallies, options.seed, folder)
    return int(done.returncode != 0 or any(tally["problems"] for tally in tallies))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=100_000, help="over all kinds (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each round adds 1")
    parser.add_argument("--kinds", default="", help="pytest's -k: only tests whose name fits")
    parser.add_argument(
        "--report", default="", help="folder for the counts and for inputs that showed something"
    )
    return parser.parse_args()


def _print(tallies: list[dict[str, Any]], seed: int, folder: Path) -> None:
    print(f"seed {seed}; counts and inputs that showed something: {folder}")
    print(" | ".join(COLUMNS))
    for tally in tallies:
        print(" | ".join(str(cell) for cell in _row(tally)))
    print(f"all: {sum(tally['inputs'] for tally in tallies):,} inputs")
    for tally in tallies:
        print(f"{tally['kind']}: {', '.join(f'{name} {count}' for name, count in tally['ids'].items())}")
        for problem, count in tally["problems"].items():
            print(f"  PROBLEM, {count} times: {problem}")


def _row(tally: dict[str, Any]) -> tuple[Any, ...]:
    slowest, problems = tally["slowest"], sum(tally["problems"].values())
    refused = tally["inputs"] - tally["accepted"] - problems
    return (tally["kind"], tally["inputs"], tally["accepted"], refused, problems,
            f"{slowest['seconds']} s ({slowest['name']})", f"{tally['seconds']} s")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
