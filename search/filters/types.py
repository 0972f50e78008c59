"""What a filter declares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterable

_HELD = "held.field_id = ANY(ARRAY(SELECT id FROM search_collectionfield WHERE name = {}::varchar)) AND "


@dataclass(frozen=True)
class Condition:
    """What a document must have, in SQL: a row of `rows` whose `document` is its id and for which `where` holds.

    `where` has `{}` where each of the parameters goes, as psycopg takes them. An index must serve it both ways: for all
    documents, and for one.
    """

    rows: str
    document: str
    where: str
    parameters: tuple[Any, ...]


def of_document(where: str, *parameters: Any) -> Condition:
    """Return a condition about the row `document` of search_document."""
    return Condition("search_document document", "document.id", where, parameters)


def of_field(name: str, where: str, *parameters: Any) -> Condition:
    """Return a condition about the row `held` of search_fieldvalue, where it is a value of the field of this name."""
    return Condition("search_fieldvalue held", "held.document_id", _HELD + where, (name, *parameters))


class Filter(ABC):
    """One filter, from the request to the page. Values are JSON, as they were sent and as a kept query has them."""

    name: ClassVar[str]
    """Its key in the request's `filters`."""
    schema: ClassVar[dict[str, Any]]
    """OpenAPI's schema of its value."""

    @abstractmethod
    def check(self, asked: Any) -> None:
        """Raise `refused(…)` for a value that cannot be used."""

    @abstractmethod
    def conditions(self, asked: Any) -> Iterable[Condition]:
        """Yield what a document must have; all of it."""

    @abstractmethod
    def words(self, asked: Any) -> Iterable[str]:
        """Yield what it asks for, as a person reads it after “Only documents with”."""


def refused(sentence: str) -> AppError:
    """Return the refusal of a filter's value."""
    return AppError.of_parameter("filters", sentence)
