from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from search.filters.operators import ANY, ANY_MAX, ANY_SCHEMA, any_of, check_operators, operators_words
from search.filters.types import Condition, Filter, refused
from search.filters.values import TAGS

if TYPE_CHECKING:
    from collections.abc import Iterable


class TagsFilter(Filter):
    """Documents that have all of these tags, or any of them."""

    name = "tags"
    schema = {
        "description": 'a list: all of these tags; `{"any": […]}`: one of these at least',
        "oneOf": [{"type": "array", "items": {"type": "string"}, "maxItems": ANY_MAX}, ANY_SCHEMA],
    }

    def check(self, asked: Any) -> None:
        """Refuse anything but a list of strings, and an object with such a list."""
        if isinstance(asked, dict) and set(asked) == {ANY}:
            check_operators(self.name, asked)
            asked = asked[ANY]
        if not isinstance(asked, list) or not all(isinstance(tag, str) for tag in asked):
            raise refused(gettext("“tags” is a list of strings, or {“any”: a list of strings}."))
        if len(asked) > ANY_MAX:  # each is a condition of its own
            raise refused(gettext("“tags” is a list of {any_max} tags at most.").format(any_max=ANY_MAX))

    def conditions(self, asked: Any) -> Iterable[Condition]:
        """Yield one condition for any of them, or one for each."""
        if isinstance(asked, dict):
            yield any_of(TAGS, asked[ANY])
        else:
            yield from (any_of(TAGS, [tag]) for tag in dict.fromkeys(asked))

    def words(self, asked: Any) -> Iterable[str]:
        """Yield each tag, or all of which one is enough."""
        if isinstance(asked, dict):
            yield gettext("the tag {asked}").format(asked=operators_words(asked))
        else:
            yield from (gettext("the tag “{tag}”").format(tag=tag) for tag in asked)
