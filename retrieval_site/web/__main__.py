"""`python -m retrieval_site.web`: one process that answers, and its probes."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING

from retrieval_site.log_lines import JsonFormatter
from retrieval_site.web.config import read_web_config

if TYPE_CHECKING:
    from types import FrameType

    from retrieval_site.web.server import Server

GARBAGE_OBJECTS = 50_000
"""How many objects arise before the collector looks: those of a search go by themselves, and 700 is soon reached."""
DESCRIPTORS_FOR_EACH = 4


def main() -> None:
    """Load everything that a first request would wait for, then answer until a signal says stop."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retrieval_site.settings")
    config = read_web_config()
    _allow_descriptors(config.connections_max)
    _check_settings()

    from retrieval_site.wsgi import application  # isort: skip  (loads Django)
    from django.conf import settings

    from retrieval_site.bodies import rule_of_path
    from retrieval_site.memory import keep_within
    from retrieval_site.own_folder import use_own_folder
    from retrieval_site.tracing import flush
    from retrieval_site.web.parser import Front
    from retrieval_site.web.probes import start_probes
    from retrieval_site.web.server import Server, adjustments
    from retrieval_site.web.spool import Spool

    _access_log_to_stdout(settings.CONFIG.log_format)
    lock = use_own_folder(config.spool_dir or settings.DATA_DIR / "spool")
    _warm_up()
    shared = Front(config, Spool(config.uploads_max_bytes), rule_of_path)
    try:
        server = Server(application, shared, adjustments(config.host, config.port, config.threads))
        if config.probe_port:
            start_probes(server, shared)
    except OSError as error:
        sys.exit(f"Port {config.port} or PROBE_PORT {config.probe_port} cannot be used ({error.strerror}).")
    _stop_on_signals(server)
    keep_within(settings.CONFIG.web_memory_bytes)
    server.serve()
    flush()
    os.close(lock)
    sys.stdout.flush()
    os._exit(0)  # a thread that is still at work after its time ends here


def _check_settings() -> None:
    """End in words where the operator forgot something: no command of Django ran its checks for this process."""
    from retrieval_site.checks import faults

    if found := faults():
        sys.exit("\n".join(found))


def _warm_up() -> None:
    """Load every page's code (200 ms) and open the connections to the broker."""
    from django.urls import resolve

    from workers.encoding.client import connections_warm

    resolve("/api/v1/search/")
    connections_warm()
    # What stands now stays for ever: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)


def _allow_descriptors(connections: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections * DESCRIPTORS_FOR_EACH
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))


def _access_log_to_stdout(log_format: str) -> None:
    log, handler = logging.getLogger("sightline.access"), logging.StreamHandler(sys.stdout)
    if log_format == "json":
        handler.setFormatter(JsonFormatter())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def _stop_on_signals(server: Server) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)


if __name__ == "__main__":
    main()
