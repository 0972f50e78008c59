"""All filters, and what is read from them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from search.filters.dates import DATES, DateFilter
from search.filters.has_images import HasImagesFilter
from search.filters.language import LanguageFilter
from search.filters.metadata import MetadataFilter
from search.filters.tags import TagsFilter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.filters.types import Condition, Filter

FILTERS: dict[str, Filter] = {
    each.name: each
    for each in (
        TagsFilter(),
        MetadataFilter(),
        LanguageFilter(),
        HasImagesFilter(),
        *(DateFilter(name, word) for name, word in DATES.items()),
    )
}
"""By name; a search asks its conditions in this order."""

FILTERS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {name: each.schema for name, each in FILTERS.items()},
    "additionalProperties": False,
}


def check_filters(asked: Mapping[str, Any]) -> None:
    """Raise AppError `parameter.invalid` for a filter whose value cannot be used; all names are known ones."""
    for name, value in asked.items():
        FILTERS[name].check(value)


def filters_set(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters that ask for something: an empty one would read a whole index to allow everything.

    False is no empty value: a filter that takes it asks for what lacks something.
    """
    return {name: asked[name] for name in FILTERS if asked.get(name) or asked.get(name) is False}


def filters_conditions(asked: Mapping[str, Any]) -> list[Condition]:
    """Return what a document must have."""
    return [one for name, value in filters_set(asked).items() for one in FILTERS[name].conditions(value)]


def filters_described(asked: Mapping[str, Any]) -> str:
    """Return what the filters ask for in words, "" for nothing."""
    return gettext(" and ").join(
        words for name, value in filters_set(asked).items() for words in FILTERS[name].words(value)
    )
