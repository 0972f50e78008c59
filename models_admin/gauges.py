"""The registry as numbers for `/metrics`: whether a model answers, and whose encoder ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_admin.deaths import deaths_of_last_day
from models_admin.services import champion
from retrieval_site.health.gauges import Gauge

if TYPE_CHECKING:
    from collections.abc import Iterable


def registry_gauges() -> Iterable[Gauge]:
    """Return whether there is a champion, and how often within a day an encoder's process was ended by an input."""
    yield Gauge(
        "champion", "1 where a model version answers searches, else 0.", (), {(): champion() is not None}
    )
    yield Gauge(
        "encoder_deaths_last_day",
        "How often within 24 hours an input ended the process of a version's encoder.",
        ("model",),
        {(version.key,): deaths for version, deaths in deaths_of_last_day()},
    )
