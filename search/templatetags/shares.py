"""Shares as percentages."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    """Return a share of 1 as a percentage with at most one digit behind the point, "" for none."""
    return "" if share is None else f"{100 * share:.1f}".removesuffix(".0") + " %"
