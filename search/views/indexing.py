"""Pages that no search engine may list: whoever has the address of a kept search can open it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase

    View = Callable[..., HttpResponseBase]

NO_INDEX = "noindex, nofollow, noarchive"


def unindexed(view: View) -> View:
    """Answer with `X-Robots-Tag`."""

    @wraps(view)
    def marked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["X-Robots-Tag"] = NO_INDEX
        return response

    return marked
