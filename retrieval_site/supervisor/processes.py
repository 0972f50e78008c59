"""Starting child processes that cannot outlive us."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Protocol

from retrieval_site.supervisor.system_user import SystemUser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Loaded here and not in the child, where between fork and exec little is allowed.
_libc = ctypes.CDLL(None, use_errno=True)


class Pollable(Protocol):
    """Something that ends: a process, or what stands for it."""

    def poll(self) -> int | None:
        """Return the exit code once it has ended, else `None`."""


@dataclass(frozen=True)
class Command:
    """A program to run: its words, environment, user, the signal that it gets when we die, its niceness."""

    words: Sequence[str]
    environment: Mapping[str, str] | None = None
    user: SystemUser = field(default_factory=SystemUser)
    death_signal: signal.Signals = signal.SIGKILL
    folder: Path | None = None
    niceness: int = 0


def tied_to_parent(death_signal: int, niceness: int = 0, parent: int | None = None) -> Callable[[], None]:
    """Return a function to run in a new child: the kernel sends it `death_signal` when this process dies.

    The child checks its parent afterwards, because one that died just before would never be noticed. The kernel
    forgets the signal when the user changes, so it is set after that (subprocess changes the user first).
    """
    expected = parent or os.getpid()

    def tie() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != expected:
            os._exit(1)
        os.nice(niceness)

    return tie


def start(command: Command, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own (a Ctrl-C in the terminal reaches us alone), output to one file.

    Call it in the main thread: the death signal follows the thread that started the child.
    """
    user = command.user
    return subprocess.Popen(  # noqa: S603 — the words are ours
        list(command.words),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=None if command.environment is None else dict(command.environment),
        cwd=command.folder,
        user=user.uid,
        group=user.gid,
        extra_groups=None if user.uid is None else [],
        start_new_session=True,
        preexec_fn=tied_to_parent(command.death_signal, command.niceness),  # noqa: PLW1509 — the supervisor has no threads
    )
