"""Pictures for programs: a token in the `Authorization` header counts as in the API."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.utils.cache import patch_vary_headers

from retrieval_site.errors import AppError
from retrieval_site.handlers import error_answer
from retrieval_site.sign_in import count_failure
from search.services.tokens import check_scope, token_of_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase

    View = Callable[..., HttpResponseBase]


def tokens_count(view: View) -> View:
    """Let whoever sends a token be its user, who needs the scope `read`; what is refused then is told as JSON.

    Other schemes of the header are not ours: a proxy before the server may ask for them.
    """

    @wraps(view)
    def recognised(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        header = request.headers.get("Authorization", "").strip()
        if not header.lower().startswith("bearer"):
            response = view(request, *args, **kwargs)
        else:
            response = _by_token(view, request, header, *args, **kwargs)
        patch_vary_headers(response, ["Authorization"])
        return response

    return recognised


def _by_token(view: View, request: HttpRequest, header: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
    try:
        token = token_of_header(header, unknown=lambda: count_failure(request))
        check_scope(token, "read")
        request.user, request.api_token = token.user, token  # type: ignore[attr-defined]
        return view(request, *args, **kwargs)
    except AppError as error:
        return error_answer(error)
