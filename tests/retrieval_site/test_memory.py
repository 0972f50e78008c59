"""Our processes keep within their memory: the kernel says no, and one that has leaked ends to be started again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval_site import memory
from retrieval_site.memory import MemoryWatch
from tests.support.workers import is_alive, start_query_worker, stop, wait_until

MIB = 1024 * 1024
HUNGRY = f"""
from retrieval_site.memory import limit_data
limit_data(300 * {MIB})
try:
    bytearray(400 * {MIB})
except MemoryError:
    print("refused")
print(len(bytearray(100 * {MIB})))
"""


def data_limit(pid: int) -> int | None:
    line = next(
        line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "Max data size" in line
    )
    soft = line.split()[3]
    return None if soft == "unlimited" else int(soft)


def test_a_process_is_refused_memory_beyond_its_limit_and_goes_on():
    done = subprocess.run([sys.executable, "-c", HUNGRY], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["refused", str(100 * MIB)], done.stderr


def test_a_process_that_stays_over_its_share_is_asked_to_end_and_one_that_was_over_it_once_is_not(
    monkeypatch,
):
    sent, held = [], [2, 2, 2, 2, 2, 0, 2, 2, 2, 2, 2, 2]
    monkeypatch.setattr(memory, "resident_bytes", lambda pid: held.pop(0))
    monkeypatch.setattr(memory.os, "kill", lambda pid, number: sent.append(number))
    watch = MemoryWatch(1)
    for _ in range(11):
        watch.look()
    assert sent == []
    watch.look()
    assert sent == [signal.SIGTERM]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("clean_redis")
def test_a_query_worker_has_the_limit_that_is_set(tmp_path, monkeypatch):
    monkeypatch.setenv("QUERY_MEMORY_BYTES", str(3000 * MIB))
    worker = start_query_worker(tmp_path / "log")
    try:
        wait_until(lambda: is_alive(worker), what="the worker")
        wait_until(lambda: data_limit(worker.pid) == 3000 * MIB, what="its limit")
    finally:
        stop(worker)
