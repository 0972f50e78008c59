from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from search.filters.types import Filter, refused

if TYPE_CHECKING:
    from collections.abc import Iterable


class MetadataFilter(Filter):
    """Documents whose metadata has all of these values."""

    name = "metadata"
    schema = {"type": "object", "additionalProperties": True}
    condition = "document.metadata @> {}::jsonb"

    def check(self, asked: Any) -> None:
        """Refuse anything but an object."""
        if not isinstance(asked, dict):
            raise refused("“metadata” is an object.")

    def parameter(self, asked: dict[str, Any]) -> str:
        """Return the object as JSON."""
        return json.dumps(asked)

    def words(self, asked: dict[str, Any]) -> Iterable[str]:
        """Yield each key with its value."""
        return (f"{key} “{value}”" for key, value in asked.items())
