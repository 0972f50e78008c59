"""However a guarded child ends, the caller learns what it means, and no process stays."""

import time

import psutil
import pytest

from workers.inference import guard
from workers.inference.errors import BundleError
from workers.inference.guard import ChildFailedError, ValidationLimits, run_guarded

LIMITS = ValidationLimits(seconds=200, memory_bytes=300 << 20)


@pytest.fixture
def end_of(tmp_path, monkeypatch):
    """Return a function that runs a child of the given behaviour."""
    monkeypatch.setattr(guard, "_CHILD", "tests.workers.inference.misbehaving_child")
    (tmp_path / "b.zip").write_bytes(b"")

    def run(task, limits=LIMITS, progress=lambda stage: None):
        return run_guarded(task, tmp_path / "b.zip", tmp_path, limits, progress)

    yield run
    left = [
        process for process in psutil.process_iter(["cmdline"]) if "misbehaving_child" in str(process.info)
    ]
    assert left == []


@pytest.mark.parametrize(
    ("task", "error_id"),
    [
        ("nonsense", "bundle.crashed"),
        ("endless_line", "bundle.crashed"),
        ("SIGSEGV", "bundle.crashed"),
        ("SIGABRT", "bundle.crashed"),
        ("bad_alloc", "bundle.memory"),
        ("SIGKILL", "bundle.memory"),
        ("grows", "bundle.memory"),
        ("SIGXCPU", "bundle.timeout"),
        ("sleeps_with_children", "bundle.timeout"),
    ],
)
def test_an_end_without_an_answer_has_a_reason(end_of, task, error_id):
    limits = ValidationLimits(seconds=2, memory_bytes=300 << 20) if task == "sleeps_with_children" else LIMITS
    with pytest.raises(BundleError) as caught:
        end_of(task, limits)
    assert caught.value.id == error_id
    assert caught.value.message.endswith(".")


def test_an_end_that_is_no_bundles_fault_stays_loud(end_of):
    with pytest.raises(ChildFailedError, match="something went wrong"):
        end_of("silent_end")


def test_the_child_sees_no_secret_of_its_parent(end_of, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    monkeypatch.setenv("DATABASE_URL", "postgres://…")
    stages = []
    seen = end_of("environment", progress=stages.append)
    assert not {"SECRET_KEY", "DATABASE_URL", "PATH"} & set(seen)
    assert stages[-1] == "look"


def test_a_daemon_that_left_the_session_is_killed_where_nothing_forbade_it(end_of):
    """The fixture looks for what is left."""
    assert end_of("daemon") == {}


def test_a_locked_in_child_cannot_start_a_daemon_at_all(end_of):
    assert end_of("locked_in_daemon") == {"refused": True}


def test_progress_may_stop_the_child(end_of):
    def stop(stage):
        raise KeyError(stage)

    started = time.monotonic()
    with pytest.raises(KeyError):
        end_of("sleeps_with_children", progress=stop)
    assert time.monotonic() - started < 30
