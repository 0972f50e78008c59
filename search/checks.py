"""Boot checks of what searching and the API need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.apps import AppConfig


@register()
def throttle_rates_can_be_read(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Find a rate that cannot be read now, not at the first request."""
    from retrieval_site.throttling import parse_rate

    found: list[CheckMessage] = []
    for name in ("throttle_anonymous", "throttle_user"):
        try:
            parse_rate(getattr(settings.CONFIG, name))
        except ValueError as failure:
            hint = "Write a number of requests per second, minute, hour or day; THROTTLE=off lifts both."
            found.append(Error(f"{name.upper()}: {failure}", hint=hint, id="sightline.E010"))
    return found
