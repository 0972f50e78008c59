"""The programs of one installation: what is run, with which words."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval_site.supervisor.attach import PROJECT_FOLDER
from retrieval_site.supervisor.children import ChildSpec
from retrieval_site.supervisor.processes import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from retrieval_site.supervisor.postgres import EmbeddedPostgres
    from retrieval_site.supervisor.redis_server import EmbeddedRedis

SERVERS_STAGE, PROGRAMS_STAGE = 0, 1
QUERY_THREADS = 16
BULK_THREADS = 2
BULK_NICENESS = 10  # an import leaves the processor to whoever is searching
_WORKER_WORDS = (
    "--pool",
    "threads",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
    "-l",
    "INFO",
)


def postgres_spec(postgres: EmbeddedPostgres) -> ChildSpec:
    """PostgreSQL: SIGINT makes it roll back what is open, write a checkpoint and end."""
    return ChildSpec(
        "postgres",
        postgres.command(),
        stage=SERVERS_STAGE,
        stop_signal=signal.SIGINT,
        stop_timeout_seconds=60.0,
        prepare=postgres.prepare,
    )


def redis_spec(redis: EmbeddedRedis) -> ChildSpec:
    """Redis."""
    return ChildSpec("redis", redis.command(), stage=SERVERS_STAGE, prepare=redis.prepare)


@dataclass(frozen=True)
class Programs:
    """Our own programs in the environment that all of them share."""

    environment: Mapping[str, str]

    def bootstrap(self, *words: str, password: str) -> ChildSpec:
        """Migrations, static files, the first administrator."""
        command = self._python("manage.py", "bootstrap", *words, extra={"ADMIN_PASSWORD": password})
        return ChildSpec("bootstrap", command, once=True)

    def demo(self, then: Callable[[], None]) -> ChildSpec:
        """The demo's corpus and model."""
        return ChildSpec("demo", self._python("manage.py", "demo", "load"), once=True, then=then, tell=True)

    def web(self) -> ChildSpec:
        """The web server. Two arenas keep its sixteen threads from holding on to memory each for itself."""
        command = self._python("-m", "retrieval_site.web", extra={"MALLOC_ARENA_MAX": "2"})
        return ChildSpec("web", command)

    def query(self) -> ChildSpec:
        """The worker that encodes single queries at once."""
        words = ("-Q", "query", "-c", str(QUERY_THREADS), "-n", "query@%h")
        return ChildSpec("query", self._worker(*words), stop_timeout_seconds=8.0)

    def bulk(self) -> ChildSpec:
        """The worker that runs jobs; one that is killed in the middle goes on at the next start."""
        words = ("-Q", "bulk", "-c", str(BULK_THREADS), "-n", "bulk@%h")
        return ChildSpec("bulk", self._worker(*words, niceness=BULK_NICENESS), stop_timeout_seconds=8.0)

    def _worker(self, *words: str, niceness: int = 0) -> Command:
        celery = ("-m", "celery", "-A", "retrieval_site", "worker")
        return self._python(*celery, *words, *_WORKER_WORDS, niceness=niceness)

    def _python(self, *words: str, extra: Mapping[str, str] | None = None, niceness: int = 0) -> Command:
        return Command(
            [sys.executable, *words],
            environment={**self.environment, **(extra or {})},
            folder=PROJECT_FOLDER,
            niceness=niceness,
        )
