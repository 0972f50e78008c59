from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from search.filters.operators import ANY, ANY_SCHEMA, check_operators, operators_words
from search.filters.types import Condition, Filter, of_document, refused

if TYPE_CHECKING:
    from collections.abc import Iterable

LANGUAGE = "language"


class LanguageFilter(Filter):
    """Documents of collections in any of these languages."""

    name = LANGUAGE
    schema = ANY_SCHEMA

    def check(self, asked: Any) -> None:
        """Refuse anything but an object with a list of strings."""
        if not isinstance(asked, dict) or set(asked) != {ANY}:
            raise refused(gettext("“language” is {“any”: a list of languages}."))
        check_operators(self.name, asked)
        if not all(isinstance(language, str) for language in asked[ANY]):
            raise refused(gettext("“language” is {“any”: a list of languages}."))

    def conditions(self, asked: dict[str, Any]) -> Iterable[Condition]:
        """Yield the one condition."""
        yield of_document(
            "document.collection_id IN (SELECT id FROM search_collection WHERE language = ANY({}::varchar[]))",
            asked[ANY],
        )

    def words(self, asked: dict[str, Any]) -> Iterable[str]:
        """Yield the languages."""
        yield gettext("the language {asked}").format(asked=operators_words(asked))
