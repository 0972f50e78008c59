"""Bodies of requests."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from retrieval_site.errors import AppError
from workers.inference.bounded_json import DEPTH_MAX, JsonError, JsonTooDeepError, load_json

if TYPE_CHECKING:
    from collections.abc import Mapping


class BoundedJSONParser(JSONParser):
    """JSON in UTF-8 whose depth and numbers are within bounds and whose keys are unique."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value; raises ParseError, or AppError `request.too_deep`."""
        try:
            return load_json(stream.read())
        except JsonTooDeepError as error:
            message = f"The JSON is nested more than {DEPTH_MAX} levels deep."
            raise AppError("request.too_deep", message, detail={"depth_max": DEPTH_MAX}) from error
        except JsonError as error:
            raise ParseError(f"The body is not JSON that is read here: {error}.") from error
