"""The Celery application of a bulk worker whose jobs write down what they encode, and take their time.

Leases are short, so that a test of killed workers waits seconds instead of half a minute.
"""

from __future__ import annotations

from celery.signals import worker_init

from retrieval_site.celery import app


@worker_init.connect
def count_and_slow_down(**_kwargs) -> None:
    from workers.jobs import apart, lease, services, sweeper

    services.LEASE_SECONDS = 3
    lease.RENEW_SECONDS = 0.5
    sweeper.SWEEP_SECONDS = 0.5
    sweeper.OVERDUE_SECONDS = 1.0
    apart.PRELOAD.append("tests.support.counting_jobs")


__all__ = ["app"]
