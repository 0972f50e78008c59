"""Announcements on pages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django import template
from django.db import Error

from search.announcement_cookie import closed_in
from search.services.announcements import announcements_open

if TYPE_CHECKING:
    from search.models import Announcement

LOG = logging.getLogger(__name__)
register = template.Library()


@register.simple_tag(takes_context=True)
def announcements(context: Any) -> list[Announcement]:
    """Return what is announced to whoever reads the page, without what they closed; nothing where that is not known."""
    request = context.get("request")
    if request is None:
        return []
    try:
        return announcements_open(getattr(request, "user", None), closed_in(request))
    except Error:
        LOG.warning("a page is shown without announcements: the database does not answer", exc_info=True)
        return []
