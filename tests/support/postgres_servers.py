"""Further PostgreSQL servers beside the one of the test run: standbys of it, and empty ones."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval_site.supervisor.paths import DataPaths, make_private_folder
from retrieval_site.supervisor.postgres import THROWAWAY_SETTINGS, EmbeddedPostgres
from retrieval_site.supervisor.processes import start

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = {**THROWAWAY_SETTINGS, "shared_buffers": "64MB"}


class PostgresServer:
    """One server in a folder of its own, that can be stopped, killed and started again."""

    def __init__(self, folder: Path, **overrides: str) -> None:
        self.paths = DataPaths(folder)
        folder.mkdir(mode=0o755)
        self.paths.log.mkdir()
        self.embedded = EmbeddedPostgres(self.paths, SMALL | overrides)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> str:
        """The folder of its socket: `host` of a connection."""
        return str(self.paths.run)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.embedded.prepare()
        with (self.paths.log / "postgres.log").open("ab") as log:
            self.process = start(self.embedded.command(), log)
        self.embedded.wait_ready(self.process)

    def end(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: by SIGQUIT at once and without a farewell, as a crash does."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop all of its processes where they are, as a machine that hangs: connections stay, and nothing answers."""
        assert self.process is not None
        parent = self.process.pid
        os.kill(parent, signal.SIGSTOP)  # first, so that there are no more of them
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        pids = [parent, *map(int, children.split())]
        for pid in pids[1:]:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


class Standby(PostgresServer):
    """A streaming replica of another server, cloned by pg_basebackup."""

    def __init__(self, folder: Path, primary_socket: str) -> None:
        as_primary = {"wal_level": "replica", "max_wal_senders": "4"}
        super().__init__(folder, hot_standby_feedback="on", wal_retrieve_retry_interval="100ms", **as_primary)
        user = self.embedded.user
        make_private_folder(self.paths.postgres, user.owner)
        words = [str(self.embedded.programs / "pg_basebackup"), "-h", primary_socket, "-U", "postgres"]
        words += ["-D", str(self.paths.postgres), "-R", "-X", "stream", "--checkpoint=fast", "--no-sync"]
        subprocess.run(
            words, check=True, capture_output=True, cwd=folder, user=user.uid, group=user.gid,
            extra_groups=None if user.uid is None else [],
        )  # fmt: skip
