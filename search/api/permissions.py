"""What a caller may do at all; what he may do with one row is asked of the querysets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import SAFE_METHODS, BasePermission

from retrieval_site.errors import AppError
from retrieval_site.people import anybody_searches, is_guest, manages_models

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from search.models import ApiToken


class ScopePermission(BasePermission):
    """A token needs the scope of the request; nobody at all may read where anonymous search is allowed."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return True, or raise `auth.required` or `scope.missing`."""
        scope = scope_needed(request, view)
        token = cast("ApiToken | None", request.auth)
        if token is not None and scope not in token.scopes:
            raise AppError("scope.missing", scope=scope)
        if not (request.user.is_authenticated or _open_without_account(request, view)):
            raise AppError("auth.required")
        return True


def scope_needed(request: Request, view: APIView) -> str:
    """Return `read` for looking and for what a view names in `read_methods` (searching is a POST)."""
    return "read" if _reads(view, str(request.method)) else "write"


def open_to_anybody(view: APIView, method: str) -> bool:
    """Return whether people who are not signed in may call this; some of it only in a session of theirs."""
    if not anybody_searches():
        return False
    return method in getattr(view, "anonymous_methods", ()) or _read_without_account(view, method)


def _open_without_account(request: Request, view: APIView) -> bool:
    method = str(request.method)
    if open_to_anybody(view, method):
        return True
    return (
        is_guest(request.user) and getattr(view, "for_guests", True) and _read_without_account(view, method)
    )


def _read_without_account(view: APIView, method: str) -> bool:
    return _reads(view, method) and not getattr(view, "members_only", False)


def _reads(view: APIView, method: str) -> bool:
    return method in SAFE_METHODS or method in getattr(view, "read_methods", ())


def require_operator(request: Request) -> None:
    """Raise `permission.denied` for anybody who may not switch models, as in the admin."""
    if not manages_models(request.user):
        raise AppError("permission.denied/operators")


def require_administrator(request: Request) -> None:
    """Raise `permission.denied` for anybody but superusers, who see everything."""
    if not request.user.is_superuser:
        raise AppError("permission.denied/administrators")


def require(allowed: bool) -> None:  # noqa: FBT001  (reads as a sentence: require(curates))
    """Raise `permission.denied` unless allowed."""
    if not allowed:
        raise AppError("permission.denied/look")


def signed_in(request: Request) -> AbstractBaseUser:
    """Return the caller as a user; raises `auth.required` for nobody."""
    if isinstance(request.user, AnonymousUser):
        raise AppError("auth.required")
    return request.user
