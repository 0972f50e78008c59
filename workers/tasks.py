"""Celery's entrance: what a worker imports. Jobs are a task; questions come to a step of the worker."""

from __future__ import annotations

from retrieval_site.celery import app
from workers.encoding.worker import QueryWorkerStep
from workers.jobs.task import run_job_task
from workers.limits import limit_worker

app.steps["worker"].add(QueryWorkerStep)

__all__ = ["limit_worker", "run_job_task"]
