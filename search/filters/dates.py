from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext, gettext_noop

from search.filters.operators import RANGE_SCHEMA, check_range, moments, operators_words
from search.filters.types import Condition, Filter, of_document, refused

if TYPE_CHECKING:
    from collections.abc import Iterable


DATES = {"created_at": gettext_noop("created"), "updated_at": gettext_noop("changed")}
"""A document's own dates, and what happened to it then."""


class DateFilter(Filter):
    """Documents that were created, or last changed, in a range of dates."""

    schema = RANGE_SCHEMA

    def __init__(self, name: str, word: str) -> None:
        self.name = name  # type: ignore[misc]  # a filter for each of two columns
        self._word = word

    def check(self, asked: Any) -> None:
        """Refuse anything but a range of dates."""
        check_range(self.name, asked)
        if not list(moments(self.name, asked)):
            raise refused(
                gettext("“{name}” is an object with some of gte, gt, lte and lt.").format(name=self.name)
            )

    def conditions(self, asked: dict[str, Any]) -> Iterable[Condition]:
        """Yield the range."""
        bounds = list(moments(self.name, asked))
        where = " AND ".join(f"document.{self.name} {operator} {{}}::timestamptz" for operator, _ in bounds)
        yield of_document(where, *(moment for _, moment in bounds))

    def words(self, asked: dict[str, Any]) -> Iterable[str]:
        """Yield the range."""
        yield gettext("the date when it was {word} {asked}").format(
            word=gettext(self._word), asked=operators_words(asked)
        )
