"""The fetchers of this worker process: started when the first picture's address comes, shared by all its threads."""

from __future__ import annotations

from django.conf import settings

from workers.encoding.running import Running
from workers.fetching.fetch import FetchLimits
from workers.fetching.pool import Fetchers

_fetchers = Running(Fetchers)


def fetchers() -> Fetchers:
    """Return the fetchers under the limits that the operator set."""
    config = settings.CONFIG
    limits = FetchLimits(
        config.picture_max_bytes,
        config.picture_url_seconds,
        tuple(config.picture_url_ports),
        tuple(config.picture_url_networks),
    )
    return _fetchers.under(limits)
