"""Bodies of requests."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

if TYPE_CHECKING:
    from collections.abc import Mapping


class ShallowJSONParser(JSONParser):
    """JSON, where thousands of opening brackets are the caller's fault and not a server error."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value; raises ParseError."""
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as failure:
            raise ParseError("The JSON is nested too deeply.") from failure
