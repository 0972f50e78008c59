"""What the server that forks jobs' processes imports once, so that each of them starts within milliseconds."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retrieval_site.settings")
django.setup()

from workers.jobs.registry import load_handlers  # noqa: E402  only once Django is set up

load_handlers()
