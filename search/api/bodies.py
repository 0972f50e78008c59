"""Which endpoints take more than a small form, from whom; asked before the body is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from rest_framework.exceptions import APIException

from retrieval_site.bodies import BodyRule, has_small_body
from retrieval_site.errors import AppError
from retrieval_site.people import anybody_searches
from search.api.permissions import require_operator
from search.models import Collection
from search.services.document_fields import DOCUMENT_TEXT_BYTES, IMAGES_MAX
from search.services.upload_pieces import PIECE_BYTES_MAX
from search.services.uploads import picture_too_large

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, HttpResponseBase
    from rest_framework.request import Request

    from search.api.base import ApiView


def _no_more(request: Request) -> None:
    """Ask nothing beyond who it is and the token's scope."""


def _curates(request: Request) -> None:
    """Raise `permission.denied` for somebody who curates nothing and sends much.

    Of a small body the view says more: that there is no such collection, or that it may not be changed.
    """
    if not has_small_body(request._request) and not Collection.objects.curated_by(request.user).exists():
        raise AppError("permission.denied/curators")


def refusal_by(
    check: Callable[[Request], None],
) -> Callable[[HttpRequest, Mapping[str, Any]], HttpResponseBase | None]:
    """Return what answers a caller whom the view would refuse: by sign-in, scope, CSRF, and `check`."""

    def refusal(request: HttpRequest, kwargs: Mapping[str, Any]) -> HttpResponseBase | None:
        view: ApiView = request.resolver_match.func.cls()  # type: ignore[union-attr]
        view.setup(request, **kwargs)
        asked = view.request = view.initialize_request(request, **kwargs)
        view.headers = view.default_response_headers
        try:
            view.perform_authentication(asked)
            view.check_permissions(asked)
            if request.method not in {"GET", "HEAD", "OPTIONS"}:
                check(asked)
        except (APIException, Http404, AppError) as error:
            refused: HttpResponseBase = view.finalize_response(asked, view.handle_exception(error))
            return refused
        return None

    return refusal


ONE_PICTURE = BodyRule(
    "picture_max_bytes",
    too_large=picture_too_large,
    refusal=refusal_by(_no_more),
    open_to_all=anybody_searches,
)
DOCUMENT = BodyRule(
    "picture_max_bytes", files=IMAGES_MAX, text_bytes=DOCUMENT_TEXT_BYTES, refusal=refusal_by(_curates)
)
IMPORT = BodyRule("import_max_bytes", refusal=refusal_by(_curates))
UPLOAD_PIECE = BodyRule(text_bytes=PIECE_BYTES_MAX, refusal=refusal_by(_curates))
BUNDLE = BodyRule("bundle_max_bytes", refusal=refusal_by(require_operator))
PHOTOS = BodyRule("photos_max_bytes", refusal=refusal_by(_no_more))
PAIRS = BodyRule(refusal=refusal_by(_no_more))
EVALUATION = BodyRule("photos_max_bytes", refusal=refusal_by(require_operator))
ONE_PICTURE_OF_MEMBERS = BodyRule(
    "picture_max_bytes", too_large=picture_too_large, refusal=refusal_by(_no_more)
)
