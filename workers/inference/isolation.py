"""Lock this process in, for good, before it reads what may be hostile. Linux only; standard library only.

Each measure is taken where the kernel permits it, and `isolate` tells which of them hold when it tries them out.
Whoever wants to open something that nobody vouches for has to look at `Isolation.is_tight` first.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workers.inference.mounts import open_ways
from workers.inference.seccomp import forbid_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LIBC = ctypes.CDLL(None, use_errno=True)

_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x0800_0000, 0x1000_0000, 0x4000_0000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SIGKILL = 9
_NOBODY = 65534

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_VERSION_FLAG, _LANDLOCK_PATH_BENEATH, _LANDLOCK_NET_PORT = 1, 1, 2
_NET_CONNECT = 2
_FS_WRITE_FILE, _FS_READ_FILE, _FS_READ = 1 << 1, 1 << 2, (1 << 0) | (1 << 2) | (1 << 3)
_FS_ALL_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many kinds of file access each version of Landlock can forbid."""
_O_PATH = 0x20_0000
_READABLE = ("/usr", "/lib", "/lib64", "/etc", "/sys", "/proc/self")
_READABLE_FILES = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_CAPABILITY_VERSION_3 = 0x2008_0522


@dataclass(frozen=True)
class Resources:
    """What the process may use at most."""

    cpu_seconds: int | None
    """None: no limit, for a process that lives as long as its worker."""
    memory_bytes: int
    file_bytes: int
    open_files: int = 256
    ports: tuple[int, ...] = ()
    """TCP ports that it may connect to, which the kernel must be able to tell apart; none: no network at all."""


@dataclass(frozen=True)
class Isolation:
    """Which walls stand, each tried out from inside.

    No network; another user than root; no files but the needed; no sockets (with `Resources.ports`: none within this
    machine) and no new programs (`calls`); no new
    processes; no memory, semaphores or messages shared with others (`ipc`).
    """

    network: bool
    user: bool
    files: bool
    calls: bool
    processes: bool
    ipc: bool

    @property
    def is_tight(self) -> bool:
        """Whether even code that took the process over could neither reach out, touch files nor outlive it."""
        return (self.network or self.calls) and (self.user or self.files) and self.processes and self.ipc

    def to_json(self) -> dict[str, bool]:
        """Return the walls as plain JSON values."""
        return asdict(self) | {"is_tight": self.is_tight}


def isolate(
    scratch: Path,
    resources: Resources,
    readable: Sequence[Path],
    writable: Sequence[Path] = (),
    devices: Sequence[Path] = (),
) -> Isolation:
    """Limit this process to its resources, to reading `readable` and the system, to writing `scratch` and `writable`.

    `devices` are opened for reading and writing, such as those of a GPU. Call it while there is one thread only,
    before large libraries are imported.
    """
    _limit(resources)
    places = _Places((scratch, *writable), tuple(readable), tuple(devices))
    before = _namespaces()
    _leave_namespaces(_CLONE_NEWIPC if resources.ports else _CLONE_NEWIPC | _CLONE_NEWNET)
    _become_nobody(places)
    # Only now: changing the user would clear it again.
    _LIBC.prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _confine_files(places, resources.ports)
    _drop_capabilities()
    forbid_calls(network=bool(resources.ports))
    return _tried_out(before)


def _tried_out(before: dict[str, str]) -> Isolation:
    """Return the walls that hold when this process runs against them."""
    left = {name for name, room in _namespaces().items() if room and room != before[name]}
    return Isolation(
        network="net" in left,
        user=set(os.getresuid()) == {_NOBODY},
        files=_is_refused(lambda: os.scandir("/").close()),
        calls=_is_refused(lambda: socket.socket(socket.AF_UNIX).close()),
        processes=_is_refused(_start_process),
        ipc="ipc" in left or _is_refused(_share_memory),
    )


def _is_refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _start_process() -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _share_memory() -> None:
    private_key, read_only = 0, 0o400
    memory = _LIBC.shmget(private_key, ctypes.c_size_t(4096), read_only)
    if memory < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    _LIBC.shmctl(memory, 0, None)


def _namespaces() -> dict[str, str]:
    found = {}
    for name in ("net", "ipc"):
        try:
            found[name] = str(Path(f"/proc/self/ns/{name}").readlink())
        except OSError:
            found[name] = ""
    return found


@dataclass(frozen=True)
class _Places:
    """What stays within reach besides the system: folders to write, folders to read, devices to use."""

    writable: tuple[Path, ...]
    readable: tuple[Path, ...]
    devices: tuple[Path, ...]


def needed_folders() -> list[Path]:
    """Return the folders without which Python and this project's `workers` package cannot be imported."""
    project = Path(__file__).resolve().parents[1]
    places = {Path(sys.prefix), Path(sys.base_prefix), project}
    return sorted({place.resolve() for place in places})


def bare_environment(threads: int | None = None) -> dict[str, str]:
    """Return what a locked-in child needs of an environment, without the secrets that the worker's own may hold."""
    return {
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
    } | ({"OMP_NUM_THREADS": str(threads)} if threads else {})


def _limit(resources: Resources) -> None:
    limits = {
        resource.RLIMIT_CPU: resources.cpu_seconds,
        # Private memory; libraries reserve far more addresses than they use, so that limit is wider.
        resource.RLIMIT_DATA: resources.memory_bytes + (1 << 30),
        resource.RLIMIT_AS: resources.memory_bytes + (8 << 30),
        resource.RLIMIT_FSIZE: resources.file_bytes,
        resource.RLIMIT_NOFILE: resources.open_files,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        if most is None:
            continue
        hard = resource.getrlimit(kind)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _leave_namespaces(rooms: int) -> None:
    """Leave the network and shared memory; without root this needs a user namespace, where the kernel permits one."""
    if _LIBC.unshare(rooms) == 0:
        return
    user, group = os.getuid(), os.getgid()
    if _LIBC.unshare(_CLONE_NEWUSER | rooms) != 0:
        return
    # Where it fails both are left all the same; files keep their checks by the real user.
    with suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _become_nobody(places: _Places) -> None:
    """Give up root for good, unless nobody could not read what has to be imported."""
    if os.geteuid() != 0 or not open_ways((*places.readable, *places.writable), _NOBODY):
        return
    if not _nobody_reads(places.readable):
        return
    for folder in places.writable:
        os.chown(folder, _NOBODY, _NOBODY)
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _nobody_reads(folders: Sequence[Path]) -> bool:
    """Return whether the sandbox's user and group, which `sandbox_grant` lets in, can list these folders."""
    os.setgroups([])
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    can_read = all(map(_is_listable, folders))
    os.seteuid(0)
    os.setegid(0)
    return can_read


def _drop_capabilities() -> None:
    """Take from root, where it had to stay root, everything that other users have not: its files apart, no power."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _LIBC.capset(header, bytes(24))


def _is_listable(place: Path) -> bool:
    try:
        return any(True for _ in place.iterdir())
    except OSError:
        return False


def sandbox_user() -> int:
    """Return the id of the user that a process locked in by this one has, where all walls stand."""
    return _NOBODY if os.geteuid() == 0 else os.geteuid()


def sandbox_grant(folder: Path, *, write: bool) -> None:
    """Open a folder and all in it to the sandbox's user: to read, or with `write` as its owner.

    Only root can, and only then a sandbox has another user: for others it does nothing.
    """
    if os.geteuid() != 0:
        return
    owner = _NOBODY if write else -1
    for parent, folders, files in os.walk(folder):
        os.chown(parent, owner, _NOBODY)
        Path(parent).chmod(0o750)
        for name in (*folders, *files):
            os.chown(Path(parent) / name, owner, _NOBODY, follow_symlinks=False)
        for file in (Path(parent) / name for name in files):
            if not file.is_symlink():
                file.chmod(0o640)


def _confine_files(places: _Places, ports: Sequence[int]) -> None:
    """Let Landlock, where the kernel has it, refuse every file and every port but those named."""
    version = _LIBC.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION_FLAG)
    if version < 1:
        return
    everything = (1 << _FS_ALL_BY_VERSION.get(version, 16)) - 1
    # Then TCP (bind, connect), then abstract sockets and signals to others; older kernels know fewer words.
    words = (everything, 3, 3)[: 1 + (version >= 4) + (version >= 6)]
    wanted = struct.pack(f"{len(words)}Q", *words)
    rules = _LIBC.syscall(_LANDLOCK_CREATE, wanted, ctypes.c_size_t(len(wanted)), 0)
    if rules < 0:
        return
    for place in (*_READABLE, *map(str, places.readable)):
        _permit(rules, place, _FS_READ)
    for file in _READABLE_FILES:
        _permit(rules, file, _FS_READ_FILE)
    for device in (*_DEVICES, *map(str, places.devices)):
        _permit(rules, device, _FS_READ_FILE | _FS_WRITE_FILE)
    for folder in places.writable:
        _permit(rules, str(folder), everything)
    for port in ports:
        rule = struct.pack("=QQ", _NET_CONNECT, port)
        _LIBC.syscall(_LANDLOCK_ADD, rules, _LANDLOCK_NET_PORT, rule, 0)
    _LIBC.syscall(_LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)


def _permit(rules: int, place: str, access: int) -> None:
    try:
        folder = os.open(place, _O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rule = struct.pack("=Qi", access, folder)
    _LIBC.syscall(_LANDLOCK_ADD, rules, _LANDLOCK_PATH_BENEATH, rule, 0)
    os.close(folder)
