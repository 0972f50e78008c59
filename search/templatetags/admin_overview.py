"""The overview on the admin's first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from search.admin.overview import overview_for

if TYPE_CHECKING:
    from search.admin.overview import Overview

register = template.Library()


@register.simple_tag
def overview(user: Any) -> Overview:
    """Return what this user sees at a glance."""
    return overview_for(user)
