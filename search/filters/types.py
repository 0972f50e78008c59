"""What a filter declares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Filter(ABC):
    """One filter, from the request to the page. Values are JSON, as they were sent and as a kept query has them."""

    name: ClassVar[str]
    """Its key in the request's `filters`."""
    schema: ClassVar[dict[str, Any]]
    """OpenAPI's schema of its value."""
    condition: ClassVar[str]
    """SQL about the row `document` of search_document, with `{}` where the parameter goes; an index must serve it."""

    @abstractmethod
    def check(self, asked: Any) -> None:
        """Raise `refused(…)` for a value that cannot be used."""

    @abstractmethod
    def parameter(self, asked: Any) -> Any:
        """Return what `{}` stands for in the condition, as psycopg takes it."""

    @abstractmethod
    def words(self, asked: Any) -> Iterable[str]:
        """Yield what it asks for, as a person reads it after “Only documents with”."""


def refused(sentence: str) -> AppError:
    """Return the refusal of a filter's value."""
    return AppError.of_parameter("filters", sentence)
