"""Fields of the metadata in the tables of curators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from search.filters.values import METADATA
from search.views.cards import facts
from search.views.filtering import label_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.models import CollectionField

register = template.Library()


@register.filter
def field_label(field: CollectionField) -> str:
    """Return a field as people read it."""
    return field.label or label_of(field.name)


@register.filter
def field_value(metadata: Mapping[str, Any], field: CollectionField) -> str:
    """Return what a document's metadata say of a field, as people read it."""
    key = field.name.removeprefix(METADATA)
    return next((value for _, value in facts({key: metadata.get(key)})), "")
