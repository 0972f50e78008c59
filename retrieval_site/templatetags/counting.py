"""Numbers of rows in templates."""

from __future__ import annotations

from django import template

from retrieval_site.database import counting

register = template.Library()


@register.filter
def about(number: int) -> str:
    """Return a number of rows in words: exact where it is, "about 1,000,000" or "more than 20,000" where it is not."""
    return counting.about(number)
