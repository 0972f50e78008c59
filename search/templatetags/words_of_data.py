"""Words that rows hold, such as the kind of a unit, as the pages write them."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext, gettext_noop

register = template.Library()

_KINDS = {"passage": gettext_noop("passages"), "image": gettext_noop("images")}
_QUERIES = {
    "image": gettext_noop("image queries"),
    "text": gettext_noop("text queries"),
    "document": gettext_noop("document queries"),
    "embedding": gettext_noop("embedding queries"),
    "composed": gettext_noop("composed queries"),
}


@register.filter
def kinds(kind: str) -> str:
    """Return the plural of a unit's kind."""
    return gettext(_KINDS.get(kind, f"{kind}s"))


@register.filter
def queries(modality: str) -> str:
    """Return what queries of a modality are called."""
    return gettext(_QUERIES.get(modality, f"{modality} queries"))
