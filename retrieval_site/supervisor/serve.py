"""The whole start, in order: servers, database, programs, demo; then watching until somebody says stop."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from retrieval_site.supervisor.attach import PROJECT_FOLDER, attach_environment, data_paths, ensure_secret_key
from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.lock import check_port_free, hold_lock
from retrieval_site.supervisor.options import ServeOptions, read_options
from retrieval_site.supervisor.postgres import EmbeddedPostgres
from retrieval_site.supervisor.programs import Programs, postgres_spec, redis_spec
from retrieval_site.supervisor.redis_server import EmbeddedRedis
from retrieval_site.supervisor.remember import end_leftovers
from retrieval_site.supervisor.supervise import Awaited, StopRequested, Supervisor, say
from retrieval_site.supervisor.up_to_date import Bootstrapped

if TYPE_CHECKING:
    from retrieval_site.supervisor.paths import DataPaths

READY_TIMEOUT_SECONDS = 240.0  # a large model on a small machine
TELL_EVERY_SECONDS = 20.0
PASSWORD_BYTES = 12


def main(words: list[str]) -> int:
    """Serve until stopped; return 0 after Ctrl-C, 1 with a sentence on the terminal after a failure."""
    os.umask(0o077)  # logs, pictures and models are nobody else's business
    attach_environment()
    paths = data_paths()
    try:
        options = read_options(words)
        _make_data_folder(paths)
        with hold_lock(paths.lock, options.address):
            end_leftovers(paths.children)
            check_port_free(options.host, options.port)
            check_port_free(options.probe_host, options.probe_port, "PROBE_PORT")
            Installation(paths, options).serve()
    except SupervisorError as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    return 0


def _make_data_folder(paths: DataPaths) -> None:
    """Make the data folder; raises `SupervisorError` where nothing can be written."""
    try:
        paths.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SupervisorError(f"DATA_DIR={paths.root} cannot be made ({error.strerror}).") from error
    if not os.access(paths.root, os.W_OK | os.X_OK):
        raise SupervisorError(f"DATA_DIR={paths.root} cannot be written to. Choose a folder of your own.")


@dataclass
class Installation:
    """One data folder being served."""

    paths: DataPaths
    options: ServeOptions

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.paths, log_keep_days=self.options.log_keep_days)
        self.embedded_postgres = os.environ["DATABASE_URL"] == self.paths.database_url
        self.embedded_redis = os.environ["REDIS_URL"] == self.paths.redis_url
        self.programs = Programs(self._environment())

    def serve(self) -> None:
        """Start everything, watch it, and stop it again in order whatever ends the watching."""
        self.supervisor.listen()
        try:
            self._start_servers()
            password = self._bootstrap()
            self._start_programs()
            self._announce(password, ready=self._wait_until_ready())
            self._load_demo()
            self.supervisor.run()
        except StopRequested:
            say("sightline", "stopping")
        finally:
            self.supervisor.stop()
            say("sightline", "stopped")

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "SECRET_KEY": os.environ.get("SECRET_KEY") or ensure_secret_key(self.paths),
            "HOST": self.options.host,
            "PORT": str(self.options.port),
            "PROBE_HOST": self.options.probe_host,
            "PROBE_PORT": str(self.options.probe_port),
            "DJANGO_SETTINGS_MODULE": "retrieval_site.settings",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT_FOLDER), os.environ.get("PYTHONPATH")])),
        }

    def _start_servers(self) -> None:
        if self.embedded_postgres:
            self._start_postgres(EmbeddedPostgres(self.paths))
        if self.embedded_redis:
            self._start_redis(EmbeddedRedis(self.paths))

    def _start_postgres(self, postgres: EmbeddedPostgres) -> None:
        first = not self.paths.postgres.exists()
        child = self.supervisor.start(postgres_spec(postgres))
        postgres.wait_ready(Awaited(self.supervisor, child), partial(say, "postgres"))
        postgres.ensure_database()
        say("postgres", "made its data folder and started" if first else "started")

    def _start_redis(self, redis: EmbeddedRedis) -> None:
        child = self.supervisor.start(redis_spec(redis))
        redis.wait_ready(Awaited(self.supervisor, child))
        say("redis", "started")

    def _bootstrap(self) -> str | None:
        """Run migrations and the like; return the administrator's new password, if one was set.

        With an embedded database it is skipped when nothing changed since the last time: half of a later start.
        """
        bootstrapped = Bootstrapped(self.paths)
        if self.embedded_postgres and not self.options.reset_admin_password and bootstrapped.is_current():
            return None
        password = self._run_bootstrap()
        if self.embedded_postgres:
            bootstrapped.note()
        return password

    def _run_bootstrap(self) -> str | None:
        password = os.environ.get("ADMIN_PASSWORD") or secrets.token_urlsafe(PASSWORD_BYTES)
        note = self.paths.root / "admin_password_set"
        note.unlink(missing_ok=True)
        words = ["--note", str(note)]
        if self.options.reset_admin_password:
            words.append("--reset-admin-password")
        say("database", "bringing tables and static files up to date")
        self.supervisor.run_once(self.programs.bootstrap(*words, password=password))
        was_set = note.exists()
        note.unlink(missing_ok=True)
        return password if was_set else None

    def _start_programs(self) -> None:
        for spec in (self.programs.query(), self.programs.bulk(), self.programs.web()):
            self.supervisor.start(spec)
            say(spec.name, "starting")

    def _wait_until_ready(self) -> bool:
        """Wait until every part answers, and say now and then which does not; give up waiting, not serving."""
        began = told_at = time.monotonic()
        while missing := self._missing():
            self.supervisor.pause()
            if time.monotonic() - began > READY_TIMEOUT_SECONDS:
                return False
            if time.monotonic() - told_at > TELL_EVERY_SECONDS:
                told_at = time.monotonic()
                say("sightline", f"waiting for {missing}")
        return True

    def _missing(self) -> str:
        """Return which parts do not answer yet; nothing when all do."""
        host, port = self.options.local_probe_host, self.options.probe_port
        connection = http.client.HTTPConnection(host, port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            answer = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return "web"
        finally:
            connection.close()
        return ", ".join(name for name, check in answer["checks"].items() if not check["ok"])

    def _announce(self, password: str | None, *, ready: bool) -> None:
        lines = ["", f"  Sightline {'answers' if ready else 'will answer'} at {self.options.address}"]
        if password:
            lines += [f"  Admin: {self.options.address}admin/  user `admin`, password `{password}`"]
            lines += ["  (shown this once; `manage.py serve --reset-admin-password` makes a new one)"]
        probes = f"http://{self.options.local_probe_host}:{self.options.probe_port}/readyz"
        lines += [f"  Logs: {self.paths.log}   Probes: {probes}   Stop: Ctrl-C", "", ""]
        sys.stdout.write("\n".join(lines))
        sys.stdout.flush()

    def _load_demo(self) -> None:
        if not self.options.demo or self.paths.demo_loaded.exists():
            return
        say("demo", "loading in the background")
        self.supervisor.start(self.programs.demo(self._note_demo))

    def _note_demo(self) -> None:
        self.paths.demo_loaded.touch()
        say("demo", "loaded")
