"""The overview on the admin's first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from search.admin.overview import overview_for
from search.admin.recent import recent_actions

if TYPE_CHECKING:
    from django.contrib.admin.models import LogEntry
    from django.http import HttpRequest

    from search.admin.overview import Overview

register = template.Library()


@register.simple_tag
def overview(user: Any) -> Overview:
    """Return what this user sees at a glance."""
    return overview_for(user)


@register.simple_tag
def recent(request: HttpRequest) -> list[LogEntry]:
    """Return what this user did last, of what they still may see."""
    return recent_actions(request)
