"""The Celery application: queue `query` encodes single queries at once, queue `bulk` runs jobs."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retrieval_site.settings")
# Django's checks would load every page, the admin and the API into workers, which serve none of them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("sightline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workers"])
