"""Real children behind a `SandboxProcess`: what goes well, what goes wrong, and what they cannot do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.support.workers import wait_until
from workers.inference.errors import PictureError
from workers.inference.sandbox import wire
from workers.inference.sandbox.errors import (
    SandboxBrokenError,
    SandboxDiedError,
    SandboxMemoryError,
    SandboxTimeoutError,
)
from workers.inference.sandbox.process import SandboxProcess, SandboxSpec

ROOT = Path(__file__).resolve().parents[4]
HANDLER = "tests.workers.inference.sandbox.handlers:Misbehaving"


def spec(**options):
    return SandboxSpec(HANDLER, options, memory_bytes=256 << 20, readable=(ROOT / "tests",))


@pytest.fixture(scope="module")
def steady():
    process = SandboxProcess(spec(word="hello"))
    yield process
    process.close()


@pytest.fixture
def fragile():
    process = SandboxProcess(spec())
    yield process
    process.close()


def call(process, method, head=None, payload=(), *, reply_bytes=0, seconds=10.0):
    return process.call(method, head or {}, payload, reply_bytes=reply_bytes, timeout_seconds=seconds)


def test_a_call_brings_head_and_payload_there_and_back(steady):
    assert steady.hello["word"] == "hello"
    assert steady.hello["pid"] != os.getpid()
    assert call(steady, "echo", {"a": 1}, [b"abc", b"def"], reply_bytes=6) == ({"a": 1}, b"fedcba")
    large = os.urandom(40 << 20)
    assert call(steady, "echo", {}, [large], reply_bytes=len(large))[1] == large[::-1]
    assert call(steady, "echo", {}, [b"small again"], reply_bytes=11)[1] == b"niaga llams"


def test_threads_that_call_at_the_same_time_get_their_own_answers(steady):
    words = [str(number).encode() * 1000 for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        found = threads.map(lambda word: call(steady, "echo", {}, [word], reply_bytes=len(word))[1], words)
    assert list(found) == [word[::-1] for word in words]


def test_an_expected_failure_comes_over_as_what_it_is_and_the_child_goes_on(steady):
    with pytest.raises(PictureError) as caught:
        call(steady, "refuse", {}, [b"123"])
    assert (caught.value.id, caught.value.detail) == ("image.truncated", {"bytes": 3})
    with pytest.raises(SandboxBrokenError, match="KeyError: 'a defect'"):
        call(steady, "defect")
    with pytest.raises(SandboxMemoryError):
        call(steady, "grow", {"blocks": 40})
    assert call(steady, "grow", {"blocks": 4})[0] == {"blocks": 4}


@pytest.mark.parametrize("words", ["Exception: std::bad_alloc", "can't start new thread"])
def test_what_libraries_say_without_memory_is_told_as_that(steady, words):
    with pytest.raises(SandboxMemoryError):
        call(steady, "lack", {"words": words})


def test_an_answer_that_is_longer_than_was_allowed_is_not_taken(fragile):
    with pytest.raises(SandboxBrokenError):
        call(fragile, "overflow", {"bytes": 1 << 20}, reply_bytes=10)


@pytest.mark.parametrize(("method", "reason"), [("crash", "SIGSEGV"), ("leave", "exit code 7")])
def test_a_child_that_dies_says_how_and_takes_no_further_call(fragile, method, reason):
    with pytest.raises(SandboxDiedError) as caught:
        call(fragile, method)
    assert (caught.value.reason, fragile.alive) == (reason, False)
    with pytest.raises(SandboxDiedError):
        call(fragile, "echo")


def test_a_child_that_takes_too_long_is_ended(fragile):
    began = time.monotonic()
    with pytest.raises(SandboxTimeoutError):
        call(fragile, "stall", seconds=0.3)
    assert time.monotonic() - began < 10
    assert not fragile.alive


@pytest.fixture
def patient(request):
    process = SandboxProcess(replace(spec(), patience=request.param))
    yield process
    process.close()


@pytest.mark.parametrize("patient", [40], indirect=True)
def test_with_patience_it_is_processor_time_that_counts(patient):
    began = time.monotonic()
    assert call(patient, "rest", {"seconds": 1.5}, seconds=0.5)[0] == {"seconds": 1.5}
    assert time.monotonic() - began > 1
    with pytest.raises(SandboxTimeoutError):
        call(patient, "work", seconds=0.5)
    assert not patient.alive


@pytest.mark.parametrize("patient", [2], indirect=True)
def test_a_patient_caller_does_not_wait_for_ever_for_a_child_that_does_nothing(patient):
    with pytest.raises(SandboxTimeoutError):
        call(patient, "stall", seconds=0.2)
    assert not patient.alive


def test_what_making_the_handler_raises_is_raised_where_it_was_asked_for():
    with pytest.raises(PictureError) as caught:
        SandboxProcess(spec(word="refuse"))
    assert caught.value.id == "image.empty"
    with pytest.raises(SandboxDiedError):
        SandboxProcess(spec(word="crash"))


def test_the_child_reaches_neither_network_nor_files_and_holds_no_secret(steady, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    found = call(steady, "reach_out", {"file": str(secret)})[0]
    assert found == {"socket": False, "read": False, "write": False}
    assert "SECRET_KEY" not in psutil.Process(steady.pid).environ()
    assert steady.walls["is_tight"]
    assert steady.walls["user"] == (os.geteuid() == 0)


def test_the_child_cannot_shorten_the_memory_that_its_parent_reads(steady):
    assert call(steady, "echo", {}, [b"x" * 100], reply_bytes=100)[1] == b"x" * 100
    assert call(steady, "shrink")[0] == {"worked": []}


def test_children_end_with_the_process_that_started_them():
    code = (
        "import sys, time\n"
        "from tests.workers.inference.sandbox.test_process import spec\n"
        "from workers.inference.sandbox.process import SandboxProcess\n"
        "print(SandboxProcess(spec()).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    # Without pytest's plugins, so the import does not start services of its own.
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    wait_until(lambda: not _runs(pid), seconds=10, what="the child to end")


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_head_that_is_none_is_refused():
    ours, theirs = __import__("socket").socketpair()
    for data in (b"\xff\xff\xff\xff", b"\x02\x00\x00\x00[]", b"\x03\x00\x00\x00abc"):
        theirs.sendall(data)
        with pytest.raises((ValueError, TypeError)):
            wire.receive(ours)
    deep = b"[" * 100_000
    theirs.sendall(len(deep).to_bytes(4, "little"))
    with ThreadPoolExecutor(1) as threads:
        threads.submit(theirs.sendall, deep)
        with pytest.raises(ValueError):
            wire.receive(ours)
    theirs.close()
    assert wire.receive(ours) is None
    assert json.loads("{}") == {}


def test_a_payload_may_be_empty(steady):
    assert call(steady, "echo", {}, [b"", b""], reply_bytes=0)[1] == b""
