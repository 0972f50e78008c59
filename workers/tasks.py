"""Celery's entrance: what a worker imports. Jobs are a task (`job_task`); questions come to a step of the worker."""

from __future__ import annotations

from retrieval_site.celery import app
from workers.job_task import run_job_task
from workers.query_worker import QueryWorkerStep

app.steps["worker"].add(QueryWorkerStep)

__all__ = ["run_job_task"]
