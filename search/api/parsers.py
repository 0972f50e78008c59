"""Bodies of requests."""

from __future__ import annotations

import codecs
from typing import IO, TYPE_CHECKING, Any

from django.utils.http import parse_header_parameters
from rest_framework.parsers import JSONParser

from retrieval_site.errors import AppError
from workers.formats.bounded_json import DEPTH_MAX, JsonError, JsonTooDeepError, load_json

if TYPE_CHECKING:
    from collections.abc import Mapping


_UTF_8 = {"utf-8", "ascii"}
"""As Python calls them; ASCII is a part of UTF-8."""


def check_charset(content_type: str) -> None:
    """Raise AppError `charset.not_supported` for a body whose header names another charset than UTF-8."""
    named = parse_header_parameters(content_type)[1].get("charset")
    if named is None:
        return
    try:
        known = codecs.lookup(named).name
    except (LookupError, ValueError):
        known = ""
    if known not in _UTF_8:
        raise AppError("charset.not_supported", charset=named[:80])


class BoundedJSONParser(JSONParser):
    """JSON in UTF-8, with or without a byte order mark, of at most `most_bytes`; depth and numbers are bounded."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value; raises AppError `request.malformed`, `request.too_large`, `request.too_deep`."""
        data = stream.read(self._most_bytes + 1)
        if len(data) > self._most_bytes:
            raise AppError("request.too_large/json", max_bytes=self._most_bytes)
        try:
            return load_json(data.removeprefix(codecs.BOM_UTF8))
        except JsonTooDeepError as error:
            raise AppError("request.too_deep", depth_max=DEPTH_MAX) from error
        except JsonError as error:
            raise AppError("request.malformed/json", reason=str(error)) from error
