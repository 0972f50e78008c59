"""The system calls that a locked-in process may no longer make (seccomp). Linux on x86-64 and 64-bit ARM."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _KILL, _FAIL = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_X32_BIT = 0x4000_0000
_CLONE_THREAD = 0x1_0000

_ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_FORBIDDEN: dict[str, tuple[int, int]] = {
    # name: its number on x86-64 and on 64-bit ARM; -1 where it does not exist
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "move_pages": (279, 239), "migrate_pages": (256, 238),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197),
    "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_timedsend": (242, 182), "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184), "mq_getsetattr": (245, 185),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "unshare": (272, 97), "setns": (308, 268), "personality": (135, 92), "modify_ldt": (154, -1),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "userfaultfd": (323, 282), "perf_event_open": (298, 241), "bpf": (321, 280),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, -1), "ioperm": (173, -1),
}  # fmt: skip
_OUTWARD = frozenset({"socket", "connect"})
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_CLONE, _CLONE3 = (56, 220), (435, 435)
_KILL_CALLS = ((62, 129), (234, 131))
"""kill and tgkill, which take a process first."""
_PRLIMIT = (302, 261)


def forbid_calls(*, network: bool = False) -> bool:
    """Refuse sockets, new programs and processes, other processes' memory, shared memory, mounts and the like.

    With `network`, connections to other machines may be opened. Threads may still be started, and this process may
    signal itself. False where there is no such filter.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    program = _program(machine, network=network)
    code = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code))
    done: int = _LIBC.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(header), 0, 0)
    return done == 0


def _program(machine: str, *, network: bool) -> list[bytes]:
    """Return the filter: another architecture's calls kill, forbidden ones fail with EPERM, the rest pass."""
    at = list(_ARCHITECTURES).index(machine)
    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, _ARCHITECTURES[machine], if_true=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _X32_BIT, if_false=1),
        _step(_RETURN, _FAIL | errno.EPERM),
        # glibc then starts threads by clone, whose flags can be seen here.
        *_refused(_CLONE3[at], errno.ENOSYS),
        *_only_if(_CLONE[at], _HAS_BITS, _CLONE_THREAD),
        *(step for call in _KILL_CALLS for step in _only_if(call[at], _EQUAL, os.getpid())),
        *_only_if(_PRLIMIT[at], _EQUAL, 0),
    ]
    if network:
        program += _only_if_either(_FORBIDDEN["socket"][at], _INTERNET)
    for name, numbers in _FORBIDDEN.items():
        if numbers[at] >= 0 and not (network and name in _OUTWARD):
            program += _refused(numbers[at], errno.EPERM)
    return [*program, _step(_RETURN, _ALLOW)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _refused(call: int, error: int) -> list[bytes]:
    return [_step(_EQUAL, call, if_false=1), _step(_RETURN, _FAIL | error)]


def _only_if(call: int, test: int, value: int) -> list[bytes]:
    """Refuse a call unless its first argument passes the test."""
    return [
        _step(_EQUAL, call, if_false=4),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(test, value, if_true=1),
        _step(_RETURN, _FAIL | errno.EPERM),
        _step(_RETURN, _ALLOW),
    ]


def _only_if_either(call: int, values: tuple[int, int]) -> list[bytes]:
    """Refuse a call unless its first argument is one of two values."""
    return [
        _step(_EQUAL, call, if_false=5),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_EQUAL, values[0], if_true=2),
        _step(_EQUAL, values[1], if_true=1),
        _step(_RETURN, _FAIL | errno.EPERM),
        _step(_RETURN, _ALLOW),
    ]
