from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from retrieval_site.supervisor.children import ChildSpec, RestartPolicy
from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.logs import LogKeeper
from retrieval_site.supervisor.paths import DataPaths
from retrieval_site.supervisor.processes import Command
from retrieval_site.supervisor.remember import end_leftovers, remember_children
from retrieval_site.supervisor.supervise import Awaited, StopRequested, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

QUICK = RestartPolicy(first_pause_seconds=0.01, longest_pause_seconds=0.02, give_up_after=3)
SLEEPS = "import time; time.sleep(60)"
STUBBORN = (
    "import pathlib, signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "pathlib.Path(sys.argv[1]).touch()\n"
    "time.sleep(60)"
)


def child(name: str, script: str, *words: str, **fields: object) -> ChildSpec:
    return ChildSpec(name, Command([sys.executable, "-S", "-c", script, *words]), **fields)  # type: ignore[arg-type]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(
        DataPaths(tmp_path), say=lambda name, text: said.append(f"{name}: {text}"), policy=QUICK
    )
    yield supervisor
    supervisor.stop_signals = 2
    supervisor.stop()


def look_until(supervisor: Supervisor, condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        supervisor.look_after()
        time.sleep(0.01)


def test_a_killed_child_is_started_again(supervisor: Supervisor, said: list[str]) -> None:
    sleeper = supervisor.start(child("sleeper", SLEEPS))
    assert sleeper.process is not None
    first = sleeper.process.pid
    sleeper.process.kill()
    look_until(supervisor, lambda: "sleeper: started again" in said)
    assert sleeper.process.pid != first
    assert sleeper.running
    assert said[0] == "sleeper: ended (SIGKILL)"


def test_a_child_that_keeps_failing_is_given_up_with_the_end_of_its_log(supervisor: Supervisor) -> None:
    broken = supervisor.start(child("broken", "raise SystemExit('no such model')"))
    with pytest.raises(SupervisorError, match=r"`broken` ended 3 times in a row[\s\S]*no such model"):
        look_until(supervisor, lambda: False)
    assert broken.gave_up


def test_no_child_is_given_up_while_the_disk_is_full(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    supervisor.start(child("broken", "raise SystemExit('No space left on device')"))
    look_until(supervisor, lambda: said.count("broken: started again") > 2 * QUICK.give_up_after)
    assert any("is full; make room there" in line for line in said)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 40))
    with pytest.raises(SupervisorError, match="`broken` ended 3 times in a row"):
        look_until(supervisor, lambda: False)


def test_a_child_is_started_again_although_nothing_can_be_written(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    sleeper = supervisor.start(child("sleeper", SLEEPS))
    assert sleeper.process is not None
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    monkeypatch.setattr("retrieval_site.supervisor.supervise.remember_children", full)
    sleeper.process.kill()
    look_until(supervisor, lambda: "sleeper: started again" in said)
    # Nor does a start that fails end the others.
    started = sleeper.start
    monkeypatch.setattr(sleeper, "start", full)
    sleeper.process.kill()
    look_until(supervisor, lambda: any("sleeper: cannot be started" in line for line in said))
    monkeypatch.setattr(sleeper, "start", started)
    look_until(supervisor, lambda: said.count("sleeper: started again") == 2)


def test_a_long_log_begins_anew_although_its_former_part_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, former: Path) -> None:
        former.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    log = tmp_path / "web.log"
    log.write_text("a line\n" * 10)
    monkeypatch.setattr(shutil, "copyfile", full)
    LogKeeper(tmp_path, max_bytes=10, looked_at=-1000).look_after()
    assert log.read_text() == ""
    assert list(tmp_path.iterdir()) == [log]


def test_a_child_that_ran_long_may_fail_anew() -> None:
    policy = RestartPolicy(first_pause_seconds=0.2, longest_pause_seconds=1.0)
    assert [policy.pause_seconds(n) for n in (1, 2, 3, 4, 9)] == [0.2, 0.4, 0.8, 1.0, 1.0]


def test_failures_are_forgotten_once_a_child_has_settled(supervisor: Supervisor) -> None:
    sleeper = supervisor.start(child("sleeper", SLEEPS))
    sleeper.failures = 2
    sleeper.started_at = time.monotonic() - QUICK.settled_after_seconds - 1
    sleeper.note_end()
    assert sleeper.failures == 1


def test_a_step_runs_to_its_end_and_its_failure_shows_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.run_once(
        child("step", "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()", str(tmp_path / "done"))
    )
    assert (tmp_path / "done").exists()
    with pytest.raises(SupervisorError, match=r"`migrate` failed[\s\S]*relation does not exist"):
        supervisor.run_once(child("migrate", "raise SystemExit('relation does not exist')"))


def test_a_background_step_tells_when_it_is_done_and_is_not_repeated(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    count = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.write_text(p.read_text() + 'x')"
    (tmp_path / "runs").write_text("")
    done: list[str] = []
    supervisor.start(
        child("demo", count, str(tmp_path / "runs"), once=True, then=lambda: done.append("demo"))
    )
    look_until(supervisor, lambda: done == ["demo"])
    for _ in range(5):
        supervisor.look_after()
    assert (tmp_path / "runs").read_text() == "x"
    assert done == ["demo"]


def test_the_lines_of_a_background_step_are_told_as_they_come(
    supervisor: Supervisor, said: list[str]
) -> None:
    script = "import time\nprint('first', flush=True); time.sleep(0.3)\nprint('second'); print('third')"
    done: list[str] = []
    supervisor.start(child("demo", script, once=True, tell=True, then=lambda: done.append("done")))
    look_until(supervisor, lambda: said == ["demo: first"])
    look_until(supervisor, lambda: done == ["done"])
    assert said == ["demo: first", "demo: second", "demo: third"]


def test_a_background_step_that_fails_stops_nothing_else(supervisor: Supervisor, said: list[str]) -> None:
    other = supervisor.start(child("other", SLEEPS))
    supervisor.start(child("demo", "raise SystemExit('disk full')", once=True))
    look_until(supervisor, lambda: any("failed" in line for line in said))
    supervisor.look_after()
    assert len(said) == 1
    assert "disk full" in said[0]
    assert other.running


def test_programs_stop_before_the_servers_that_they_use(supervisor: Supervisor, tmp_path: Path) -> None:
    order = tmp_path / "order"
    script = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    open(sys.argv[1], 'a').write(sys.argv[2] + ' '); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); open(sys.argv[1] + sys.argv[2], 'w')\n"
        "time.sleep(60)"
    )
    for name, stage in (("server", 0), ("program", 1)):
        supervisor.start(child(name, script, str(order), name, stage=stage))
    look_until(
        supervisor, lambda: all((tmp_path / f"order{name}").exists() for name in ("server", "program"))
    )
    supervisor.stop()
    assert order.read_text() == "program server "


def test_a_child_that_does_not_stop_in_time_is_killed(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    supervisor.start(child("stubborn", STUBBORN, str(tmp_path / "up"), stop_timeout_seconds=0.1))
    look_until(supervisor, (tmp_path / "up").exists)
    supervisor.stop()
    assert said == ["stubborn: did not stop in time and was killed"]


def test_a_second_stop_signal_waits_for_nobody(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(child("stubborn", STUBBORN, str(tmp_path / "up"), stop_timeout_seconds=60))
    look_until(supervisor, (tmp_path / "up").exists)
    supervisor.stop_signals = 2
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 5


def test_a_stop_signal_ends_every_kind_of_waiting(supervisor: Supervisor) -> None:
    sleeper = supervisor.start(child("sleeper", SLEEPS))
    former = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    supervisor.listen()
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), former, strict=True):
            signal.signal(number, handler)
    with pytest.raises(StopRequested):
        Awaited(supervisor, sleeper).poll()
    with pytest.raises(StopRequested):
        supervisor.run()
    with pytest.raises(StopRequested):
        supervisor.start(child("late", SLEEPS))


def test_what_outlived_its_supervisor_is_ended_by_the_next_start(tmp_path: Path) -> None:
    note = tmp_path / "children.json"
    with subprocess.Popen([sys.executable, "-S", "-c", SLEEPS], start_new_session=True) as orphan:
        remember_children(note, [orphan.pid, 4194303])
        assert end_leftovers(note) == 1
        assert not psutil.pid_exists(orphan.pid)
    assert not note.exists()


WITH_A_POOL = (
    "import pathlib, subprocess, sys, time\n"
    "inner = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
    "pathlib.Path(sys.argv[1]).write_text(str(inner.pid))\n"
    "time.sleep(60)"
)


def inner_of(supervisor: Supervisor, tmp_path: Path) -> psutil.Process:
    file = tmp_path / "inner"
    look_until(supervisor, lambda: file.exists() and bool(file.read_text()))
    return psutil.Process(int(file.read_text()))


def test_the_children_of_a_child_end_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(child("pool", WITH_A_POOL, str(tmp_path / "inner")))
    inner = inner_of(supervisor, tmp_path)
    supervisor.stop()
    look_until(supervisor, lambda: not inner.is_running() or inner.status() == psutil.STATUS_ZOMBIE)


def test_the_children_of_a_killed_child_are_ended_by_the_next_start(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    pool = supervisor.start(child("pool", WITH_A_POOL, str(tmp_path / "inner")))
    inner = inner_of(supervisor, tmp_path)
    assert pool.process is not None
    pool.process.kill()
    pool.process.wait()
    assert inner.is_running()
    assert end_leftovers(supervisor.paths.children) == 1
    look_until(supervisor, lambda: not inner.is_running() or inner.status() == psutil.STATUS_ZOMBIE)


def test_a_process_that_got_the_same_number_later_is_left_alone(tmp_path: Path) -> None:
    note = tmp_path / "children.json"
    note.write_text(f"[[{os.getpid()}, {psutil.Process().create_time() - 100}]]")
    assert end_leftovers(note) == 0
    note.write_text("half a li")
    assert end_leftovers(note) == 0
