"""Celery's entrance: what a worker imports. The tasks themselves live in `query_task` and `job_task`."""

from __future__ import annotations

from retrieval_site.celery import app
from workers.job_task import run_job_task
from workers.query_task import encode_query
from workers.query_worker import QueryWorkerStep

app.steps["worker"].add(QueryWorkerStep)

__all__ = ["encode_query", "run_job_task"]
