"""How much memory a process may take, of any account: root may lack the right (CAP_SYS_RESOURCE), its owner has it."""

from __future__ import annotations

import resource
import subprocess
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence

UNLIMITED = "unlimited"
_COMMAND = "prlimit"
Limits = tuple[int, int]
"""The soft and the hard limit of a process's address space, in bytes."""


class NotPermittedError(Exception):
    """Neither this process nor one of the other's account may ask or set its limits."""


def limits_of(process: psutil.Process) -> Limits:
    """Return the limits; raises `NotPermittedError`, and `psutil.NoSuchProcess` for one that has ended."""
    try:
        return process.rlimit(resource.RLIMIT_AS)
    except psutil.AccessDenied:
        soft, hard = _by_its_account(process, ["--as", "--output=SOFT,HARD", "--noheadings", "--raw"]).split()
        return _read(soft), _read(hard)


def limits_set(process: psutil.Process, limits: Limits) -> None:
    """Set the limits; raises as `limits_of`."""
    try:
        process.rlimit(resource.RLIMIT_AS, limits)
    except psutil.AccessDenied:
        _by_its_account(process, [f"--as={_written(limits[0])}:{_written(limits[1])}"])


def _by_its_account(process: psutil.Process, words: Sequence[str]) -> str:
    """Ask `prlimit` of util-linux, which runs as the account of the process: that needs no right but root's."""
    command = [_COMMAND, "--pid", str(process.pid), *words]
    try:
        user, group = process.uids().real, process.gids().real
        done = subprocess.run(
            command, user=user, group=group, extra_groups=[], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        if not process.is_running():
            raise psutil.NoSuchProcess(process.pid) from error
        raise NotPermittedError from error
    return done.stdout


def _written(limit: int) -> str:
    return UNLIMITED if limit == resource.RLIM_INFINITY else str(limit)


def _read(limit: str) -> int:
    return resource.RLIM_INFINITY if limit == UNLIMITED else int(limit)
