"""The Celery application: queue `query` encodes single queries at once, queue `bulk` runs jobs."""

from __future__ import annotations

import os
import sys

from celery import Celery
from celery.signals import celeryd_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retrieval_site.settings")
# Django's checks would load every page, the admin and the API into workers, which serve none of them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("sightline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workers"])


@celeryd_init.connect(weak=False)
def check_settings(**_: object) -> None:
    """End in words where the operator forgot something that the checks left out above would find."""
    from retrieval_site.checks import faults

    if found := faults():
        sys.exit("\n".join(found))
