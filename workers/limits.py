"""Every worker keeps within its memory: jobs have processes of their own, so a bulk worker itself needs little."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_ready
from django.conf import settings

from retrieval_site.config import GIB
from retrieval_site.memory import keep_within
from workers.encoding import wire

BULK_WORKER_BYTES = GIB


@worker_ready.connect
def limit_worker(sender: Any = None, **_kwargs: Any) -> None:
    """Set the limit of the kind of worker that this process is."""
    is_query = wire.QUEUE in sender.app.amqp.queues.consume_from
    keep_within(settings.CONFIG.query_memory_bytes if is_query else BULK_WORKER_BYTES)
