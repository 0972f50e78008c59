"""Cells of tables that hold values of any kind."""

from __future__ import annotations

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma

register = template.Library()


@register.filter
def separated(value: object) -> object:
    """Return a number with its thousands separated; anything else, such as a date in words, as it is."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return intcomma(value) if is_number else value  # type: ignore[arg-type]
