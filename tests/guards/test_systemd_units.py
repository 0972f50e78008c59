"""The units of deploy/systemd start what there is, wait for as long as stopping takes, and tell of failures."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import get_commands, load_command_class

from retrieval_site.supervisor.processes import Command
from retrieval_site.supervisor.programs import Programs, postgres_spec, redis_spec

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
CHECKOUT = "/srv/sightline/app"
PYTHON = f"{CHECKOUT}/.venv-lean/bin/python"
OURS = ("sightline.service", "sightline-backup.service", "sightline-drill.service")


def lines_of(name: str) -> dict[str, list[str]]:
    """Return what a unit says, by the name before `=`."""
    found = defaultdict(list)
    for line in (ROOT / "deploy" / "systemd" / name).read_text().splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found[key].append(value)
    return found


@pytest.mark.parametrize("name", OURS)
def test_a_unit_starts_what_there_is(name: str) -> None:
    unit = lines_of(name)
    assert unit["WorkingDirectory"] == [CHECKOUT]
    assert (unit["User"], unit["EnvironmentFile"]) == (["sightline"], ["-/etc/sightline.env"])
    assert unit["ExecStart"]
    for python, *words in (line.split() for line in unit["ExecStart"]):
        assert python == PYTHON
        if words[0] == "-m":
            assert find_spec(f"{words[1]}.__main__")
        else:
            assert words[0] == "manage.py"
            loaded = load_command_class(get_commands()[words[1]], words[1])
            loaded.create_parser("manage.py", words[1]).parse_args(words[2:])


def test_the_environment_is_brought_up_to_date_by_a_target_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "LEAN := .venv-lean" in makefile
    (make, target) = lines_of("sightline.service")["ExecStartPre"][0].split()
    assert make == "/usr/bin/make"
    assert re.search(rf"^{target}: \$\(LEAN\)/\.stamp  ##", makefile, re.MULTILINE)


def test_stopping_has_the_time_that_the_supervisor_may_take() -> None:
    unit, stages = lines_of("sightline.service"), defaultdict(float)
    server = SimpleNamespace(command=lambda: Command([]), prepare=lambda: None)
    programs = Programs({})
    ours = (programs.web(), programs.query(), programs.bulk(), programs.demo(print))
    for spec in (postgres_spec(server), redis_spec(server), *ours):
        stages[spec.stage] = max(stages[spec.stage], spec.stop_timeout_seconds)
    assert float(unit["TimeoutStopSec"][0]) >= sum(stages.values()) + 10
    assert unit["KillMode"] == ["mixed"]  # PostgreSQL takes SIGTERM as the wish to wait for all its clients
    assert unit["OOMPolicy"] == ["continue"]
    assert unit["Restart"] == ["on-failure"]


@pytest.mark.parametrize("name", OURS[1:])
def test_what_a_timer_starts_tells_of_its_failure_and_writes_to_no_missing_disk(name: str) -> None:
    unit, timer = lines_of(name), lines_of(name.replace(".service", ".timer"))
    assert unit["OnFailure"] == ["sightline-failed@%N.service"]
    assert (ROOT / "deploy" / "systemd" / "sightline-failed@.service").is_file()
    assert unit["Type"] == ["oneshot"]
    (place,) = unit["RequiresMountsFor"]
    assert all(place in line.split() for line in unit["ExecStart"])
    assert timer["OnCalendar"]
    assert timer["Persistent"] == ["true"]
    assert timer["WantedBy"] == ["timers.target"]


def test_the_page_names_every_unit() -> None:
    page = (ROOT / "docs" / "operator.md").read_text()
    started = {unit.name for unit in UNITS if "[Install]" in unit.read_text()}
    assert started == {"sightline.service", "sightline-backup.timer", "sightline-drill.timer"}
    assert all(name in page for name in started)
    assert "make environment" in (ROOT / "docs" / "backup.md").read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        there = unit.read_text().replace(PYTHON, "/usr/bin/env").replace(CHECKOUT, "/tmp")
        (tmp_path / unit.name).write_text(there)
    command = ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert not [line for line in done.stderr.splitlines() if "sightline" in line]
