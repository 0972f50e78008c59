from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.filters.types import Filter, refused

if TYPE_CHECKING:
    from collections.abc import Iterable


class TagsFilter(Filter):
    """Documents that have all of these tags."""

    name = "tags"
    schema = {"type": "array", "items": {"type": "string"}}
    condition = "document.tags @> {}::varchar[]"

    def check(self, asked: Any) -> None:
        """Refuse anything but a list of strings."""
        if not isinstance(asked, list) or not all(isinstance(tag, str) for tag in asked):
            raise refused("“tags” is a list of strings.")

    def parameter(self, asked: list[str]) -> list[str]:
        """Return the tags."""
        return asked

    def words(self, asked: list[str]) -> Iterable[str]:
        """Yield each tag."""
        return (f"the tag “{tag}”" for tag in asked)
