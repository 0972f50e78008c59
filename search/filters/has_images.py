from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from search.filters.types import Condition, Filter, of_document, refused

if TYPE_CHECKING:
    from collections.abc import Iterable

_PICTURE = "EXISTS (SELECT FROM search_documentimage picture WHERE picture.document_id = document.id)"


class HasImagesFilter(Filter):
    """Documents that have a picture at least, or documents that have none."""

    name = "has_images"
    schema = {"description": "true: at least one picture; false: none", "type": "boolean"}

    def check(self, asked: Any) -> None:
        """Refuse anything but true and false."""
        if not isinstance(asked, bool):
            raise refused(gettext("“has_images” is true or false."))

    def conditions(self, asked: Any) -> Iterable[Condition]:
        """Yield the one condition."""
        yield of_document(_PICTURE if asked else f"NOT {_PICTURE}")

    def words(self, asked: Any) -> Iterable[str]:
        """Yield the pictures, or their absence."""
        yield gettext("pictures") if asked else gettext("no pictures")
