"""Shares as percentages."""

from __future__ import annotations

from django import template

from retrieval_site.languages.decimals import Decimals

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    """Return a share of 1 as a percentage with at most one digit behind the point, "" for none."""
    return "" if share is None else f"{Decimals(round(100 * share, 1)):g} %"
