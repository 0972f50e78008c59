"""A process that locked itself in, and then tries to get out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workers.inference.isolation import Isolation, sandbox_grant

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")

ESCAPES = """
import ctypes, errno, json, os, platform, socket, subprocess, sys
from pathlib import Path
from workers.inference.isolation import Resources, isolate, needed_folders

scratch, outside, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
# What the walls must not break: the libraries are imported afterwards, but the package's own path is known before.
walls = isolate(scratch, Resources(30, limit, 1 << 20), needed_folders())

libc = ctypes.CDLL(None, use_errno=True)

def attempt(action):
    try:
        action()
    except MemoryError:
        return "MemoryError"
    except OSError as error:
        return type(error).__name__
    return "done"

# name: its number on x86-64 and on 64-bit ARM
CALLS = {
    "mount": (165, 40), "unshare": (272, 97), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "keyctl": (250, 219), "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282), "perf_event_open": (298, 241), "personality": (135, 92), "open_by_handle_at": (304, 265),
    "pidfd_open": (434, 434), "setns": (308, 268),
}

def call(name):
    number = CALLS[name][platform.machine() == "aarch64"]
    return errno.errorcode.get(ctypes.get_errno()) if libc.syscall(number, 0, 0, 0, 0, 0, 0) < 0 else "done"

def local_server():
    socket.socket(socket.AF_UNIX).connect(str(outside / "server"))

print(json.dumps({
    "walls": walls.to_json(),
    "own file": attempt(lambda: (scratch / "mine").write_text("x")),
    "read": attempt(lambda: (outside / "secret").read_text()),
    "write": attempt(lambda: (outside / "secret").write_text("changed")),
    "list": attempt(lambda: os.listdir(outside)),
    "internet": attempt(lambda: socket.create_connection(("192.0.2.1", 80), 1)),
    "local server": attempt(local_server),
    "program": attempt(lambda: subprocess.run(["/bin/true"])),
    "environment of parent": attempt(lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes()),
    "signal to parent": attempt(lambda: os.kill(os.getppid(), 0)),
    "memory": attempt(lambda: bytearray(limit + (3 << 30))),
    "user": os.getresuid(),
    "thread": attempt(lambda: __import__("threading").Thread(target=print).start()),
    "process": attempt(os.fork),
    "other signals": attempt(lambda: os.kill(1, 0)),
    "home of root": attempt(lambda: os.listdir("/root")),
    "mount": call("mount"), "unshare": call("unshare"), "shmget": call("shmget"), "semget": call("semget"),
    "msgget": call("msgget"), "mq_open": call("mq_open"), "keyctl": call("keyctl"),
    "io_uring_setup": call("io_uring_setup"),
    "userfaultfd": call("userfaultfd"), "perf_event_open": call("perf_event_open"), "personality": call("personality"),
    "open_by_handle_at": call("open_by_handle_at"), "pidfd_open": call("pidfd_open"), "setns": call("setns"),
    "import": attempt(lambda: __import__("workers.inference.openvino_runtime")),
}))
"""


@pytest.fixture(scope="module")
def attempts(tmp_path_factory):
    room = tmp_path_factory.mktemp("walls")
    scratch, outside = room / "scratch", room / "outside"
    scratch.mkdir()
    outside.mkdir(mode=0o700)
    (outside / "secret").write_text("secret")
    command = [sys.executable, "-P", "-c", ESCAPES, str(scratch), str(outside), str(1 << 30)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "HOME": str(scratch)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert (outside / "secret").read_text() == "secret"
    return json.loads(done.stdout)


def test_its_own_work_goes_on(attempts):
    assert (attempts["own file"], attempts["import"]) == ("done", "done")


def test_memory_is_limited(attempts):
    assert attempts["memory"] == "MemoryError"


@pytest.mark.parametrize("name", ["read", "write", "list"])
def test_no_files_but_its_own_are_open_to_it(attempts, name):
    if not (attempts["walls"]["files"] or attempts["walls"]["user"]):
        pytest.skip("this kernel has no Landlock, and the test is not run by root")
    assert attempts[name] in {"PermissionError", "FileNotFoundError"}


@pytest.mark.parametrize("name", ["internet", "local server", "program"])
def test_no_sockets_and_no_programs_are_open_to_it(attempts, name):
    assert attempts["walls"]["calls"]
    assert attempts[name] == "PermissionError"


FORBIDDEN = """
    mount unshare setns shmget semget msgget mq_open keyctl io_uring_setup userfaultfd perf_event_open personality
    open_by_handle_at pidfd_open
"""


@pytest.mark.parametrize("name", FORBIDDEN.split())
def test_calls_that_reach_others_or_change_the_machine_are_refused(attempts, name):
    assert attempts["walls"]["calls"]
    assert attempts[name] == "EPERM"


def test_it_starts_threads_but_no_processes_and_signals_nobody(attempts):
    assert attempts["thread"] == "done"
    assert (attempts["process"], attempts["other signals"]) == ("PermissionError", "PermissionError")
    assert attempts["walls"]["processes"]
    assert attempts["walls"]["ipc"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_is_given_up_even_where_python_lies_in_a_folder_of_roots(attempts):
    assert set(attempts["user"]) == {65534}
    assert attempts["walls"]["user"]
    assert attempts["home of root"] == "PermissionError"


def test_its_parent_is_out_of_reach(attempts):
    if not attempts["walls"]["files"]:
        pytest.skip("this kernel has no Landlock")
    assert attempts["environment of parent"] == "PermissionError"


@pytest.mark.parametrize(
    ("walls", "tight"),
    [
        ((True, True, True, True, True, True), True),
        ((False, False, True, True, True, True), True),
        ((True, True, False, False, True, True), True),
        ((True, True, True, True, False, True), False),
        ((True, True, True, True, True, False), False),
        ((False, True, True, False, True, True), False),
        ((True, False, False, True, True, True), False),
        ((False, False, False, False, False, False), False),
    ],
)
def test_walls_are_tight_when_neither_network_nor_files_are_left(walls, tight):
    assert Isolation(*walls).is_tight is tight


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("write", [False, True])
def test_a_folder_is_opened_to_the_sandboxes_user_and_to_nobody_else(tmp_path, write):
    folder = tmp_path / "bundle"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").write_text("x")
    (tmp_path / "outside").write_text("x")
    (folder / "link").symlink_to(tmp_path / "outside")
    sandbox_grant(folder, write=write)
    owner = 65534 if write else 0
    for path, mode in ((folder, 0o750), (folder / "inner", 0o750), (folder / "inner" / "file", 0o640)):
        found = path.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (owner, 65534, mode)
    assert (tmp_path / "outside").stat().st_uid == 0


def test_this_process_was_not_locked_in():
    """The fixtures work in a process of their own; this one must still be free."""
    assert os.access(Path(__file__), os.R_OK)
    assert subprocess.run(["true"]).returncode == 0
