"""What goes wrong on a bad day: each fault is a context manager, and when it ends the cause is gone."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import struct
import subprocess
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import redis

from bench.serving import ROOT
from bench.soak.limits import Limits, NotPermittedError, limits_of, limits_set
from bench.soak.site import DISK_BYTES, MARKS, Site
from retrieval_site.supervisor.paths import DataPaths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

MIB = 1024 * 1024
PAUSE_SECONDS, STARVED_SECONDS, FULL_SECONDS, CLOCK_SECONDS = 6.0, 6.0, 12.0, 8.0
LEASE_SECONDS = 25.0
"""Longer than a job's lease."""
BELOW = (
    ("a backend of postgres killed", "postgres", "sightline"),
    ("encoder killed", "query", "sandbox"),
    ("job killed", "bulk", "forkserver"),
)
"""Processes below a part: a name, the part, and what their command line holds."""
SPARE_BYTES = 4 * MIB
CLOCK_JUMPS = {"put forward by two hours": 7200, "put back by two hours": -7200}


@dataclass(frozen=True)
class Fault:
    """What goes wrong, how long its cause stays (0: a moment), and what brings it about."""

    name: str
    seconds: float
    brought: Callable[[Site], AbstractContextManager[None]]


def faults(site: Site) -> Iterator[Fault]:
    """Yield every fault that can be brought about here, one round of them."""
    for name in MARKS:
        yield Fault(f"{name} killed", 0, _at_once(lambda site, name=name: site.part(name).kill()))
    if site.has_disk:
        yield Fault("disk full", FULL_SECONDS, _disk_full)
    if site.clock:
        for name, jump in CLOCK_JUMPS.items():
            yield Fault(f"clock {name}", CLOCK_SECONDS, lambda site, jump=jump: _clock(site, jump))
    yield Fault("redis emptied", 0, _at_once(lambda site: _redis(site).flushall()))
    yield Fault("postgres restarted", 0, _at_once(_restart_postgres))
    yield Fault("bulk paused, another takes over", LEASE_SECONDS, _taken_over)
    for name, part, mark in BELOW:
        yield Fault(name, 0, _at_once(lambda site, part=part, mark=mark: _kill_one(site, part, mark)))
    for name in MARKS:
        yield Fault(f"{name} paused", PAUSE_SECONDS, lambda site, name=name: _paused(site, name))
    yield from _starvings(site)


def _starvings(site: Site) -> Iterator[Fault]:
    yield Fault("redis starved", STARVED_SECONDS, _redis_starved)
    for name in ("web", "query", "bulk", "postgres"):
        if _may_be_limited(site, name):
            yield Fault(f"{name} starved", STARVED_SECONDS, lambda site, name=name: _starved(site, name))
        else:
            print(
                f"  {name} is not starved: its processes are another account's, as which nothing can be run here"
            )


def _may_be_limited(site: Site, name: str) -> bool:
    """Return whether a part's memory may be limited."""
    try:
        limits_of(site.part(name))
    except NotPermittedError:
        return False
    return True


def _restart_postgres(site: Site) -> None:
    """Stop it as an administrator does; the supervisor starts it again."""
    site.part("postgres").send_signal(signal.SIGINT)


def _at_once(work: Callable[[Site], object]) -> Callable[[Site], AbstractContextManager[None]]:
    @contextlib.contextmanager
    def brought(site: Site) -> Iterator[None]:
        with contextlib.suppress(psutil.NoSuchProcess):
            work(site)
        yield

    return brought


def _kill_one(site: Site, part: str, mark: str) -> None:
    """Kill the largest process below a part."""
    for process in site.below(part, mark)[:1]:
        process.kill()


@contextlib.contextmanager
def _paused(site: Site, name: str) -> Iterator[None]:
    stopped = site.tree(name)
    _signal(stopped, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(stopped, signal.SIGCONT)


@contextlib.contextmanager
def _taken_over(site: Site) -> Iterator[None]:
    """Freeze the bulk worker in the middle of its jobs until a second one has taken them over, then let both go on."""
    first = site.part("bulk")
    words = [word.replace("bulk@", "second@") for word in first.cmdline()]
    with (site.folder / "log" / "second.log").open("ab") as log:
        second = subprocess.Popen(
            words, env=first.environ(), cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    try:
        with _paused(site, "bulk"):
            yield
        time.sleep(PAUSE_SECONDS)
    finally:
        second.terminate()
        try:
            second.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(second.pid, signal.SIGKILL)
            second.wait()


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


@contextlib.contextmanager
def _starved(site: Site, name: str) -> Iterator[None]:
    """Let no process of a part take more memory than it has; those that it starts meanwhile neither."""
    before: list[tuple[psutil.Process, Limits]] = []
    for process in site.tree(name):
        with contextlib.suppress(psutil.Error, NotPermittedError):  # one that ends just now may be neither
            limits = limits_of(process)
            has = process.memory_info().vms + SPARE_BYTES
            limits_set(process, (has, limits[1]))
            before.append((process, limits))
    try:
        yield
    finally:
        known = {process.pid: limits for process, limits in before}
        usual = next(iter(known.values()), (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for process in site.tree(name):  # those that were started meanwhile, too
            with contextlib.suppress(psutil.Error, NotPermittedError):
                limits_set(process, known.get(process.pid, usual))


def _redis(site: Site) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(DataPaths(site.folder).redis_socket))


@contextlib.contextmanager
def _redis_starved(site: Site) -> Iterator[None]:
    """Give Redis no room beyond what it has."""
    server = _redis(site)
    former = server.config_get("maxmemory")["maxmemory"]
    server.config_set("maxmemory", "1mb")
    try:
        yield
    finally:
        server.config_set("maxmemory", former)


@contextlib.contextmanager
def _disk_full(site: Site) -> Iterator[None]:
    """Shrink the disk to what is used, again and again, for what is freed is soon taken."""
    end = threading.Event()

    def shrink() -> None:
        while not end.wait(0.05):
            _resize(site, site.used_bytes())

    thread = threading.Thread(target=shrink)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        _resize(site, DISK_BYTES)


def _resize(site: Site, size: int) -> None:
    words = ["mount", "-o", f"remount,size={size}", str(site.folder)]
    subprocess.run(words, check=False, capture_output=True)


@contextlib.contextmanager
def _clock(site: Site, jump: int) -> Iterator[None]:
    """Move the wall clock by so many seconds, and back again: each is a jump."""
    assert site.clock is not None
    _set_clock(site.clock, jump)
    try:
        yield
    finally:
        _set_clock(site.clock, 0)


def _set_clock(file: Path, seconds: int) -> None:
    with file.open("r+b") as opened:  # not written anew: the processes have mapped it
        opened.write(struct.pack("=q", seconds))
