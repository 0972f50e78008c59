"""A short bad day, rehearsed from beginning to end: `python -m bench.soak` with two of its faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.flows.served import ROOT, open_folder

pytestmark = pytest.mark.slow

FAULTS = ("web killed", "redis emptied")
"""Neither needs a disk of its own or a library that moves the clock."""
OF_THE_RUN = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "DATA_DIR"}


def test_a_short_bad_day_loses_doubles_and_answers_nothing_wrong():
    with open_folder() as folder:
        figures = folder / "figures.json"
        kept = {name: value for name, value in os.environ.items() if name not in OF_THE_RUN}
        done = subprocess.run(
            [
                *(sys.executable, "-m", "bench.soak", "--minutes", "0.5"),
                *("--only", ",".join(FAULTS), "--json", str(figures)),
            ],
            cwd=ROOT,
            env=kept | {"BENCH_DIR": str(folder / "bench")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        counted = json.loads(figures.read_text())
        logs = {log.name for log in (folder / "bench" / "soak-log").glob("*.log")}
    for bad in ("lost", "doubled", "stuck", "left behind", "wrong", "server.error"):
        assert counted[bad] == 0, done.stdout
    assert counted["answers compared"] > 0
    for fault in FAULTS:
        assert f"  {fault} " in done.stdout  # and all answered again
        assert f"| {fault} | " in done.stdout
    assert "ready after None" not in done.stdout
    assert logs >= {"web.log", "postgres.log", "redis.log"}  # they outlive the disk
