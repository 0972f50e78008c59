"""The Celery application of a bulk worker that writes down every batch that it has encoded, and takes its time.

One line per encoded half batch goes to `COUNT_FILE`: kind and number of units. Leases are short, so that a test of
killed workers waits seconds instead of half a minute.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from celery.signals import worker_init

from retrieval_site.celery import app

SECONDS_PER_BATCH = 0.12


@worker_init.connect
def count_and_slow_down(**_kwargs) -> None:
    from search.indexing import encode as encode_module
    from workers.jobs import lease, services, sweeper

    services.LEASE_SECONDS = 3
    lease.HEARTBEAT_SECONDS = 0.5
    sweeper.SWEEP_SECONDS = 0.5
    sweeper.OVERDUE_SECONDS = 1.0
    original = encode_module.encode

    def counted(encoder, kind, batch):
        encoded = original(encoder, kind, batch)
        time.sleep(SECONDS_PER_BATCH)
        with Path(os.environ["COUNT_FILE"]).open("a") as file:
            file.write(f"{kind} {len(encoded.ids)}\n")
        return encoded

    encode_module.encode = counted


__all__ = ["app"]
