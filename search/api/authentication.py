"""Who is asking: a program by its token, a person by the session of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.authentication import SessionAuthentication as DrfSessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from retrieval_site.errors import AppError
from retrieval_site.people import is_guest
from retrieval_site.sign_in import count_failure
from search.services.tokens import token_of_header

if TYPE_CHECKING:
    from rest_framework.request import Request

    from search.models import ApiToken


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer sl_…`; one query for the token and its user."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """Return the token's user and the token, None where the header is not there.

        Raises AuthenticationFailed with the id as its code: a wrong key is never taken for nobody.
        """
        header = get_authorization_header(request).decode("latin-1").strip()
        if not header:
            return None
        try:
            token = token_of_header(header, unknown=lambda: count_failure(request))
        except AppError as error:
            if error.status != 401:
                raise
            raise AuthenticationFailed(error.message, error.id) from error
        user: Any = token.user
        user.acts_by_token = token.pk  # for jobs, which end with the token that asked for them
        return user, token

    def authenticate_header(self, request: Request) -> str:
        """Make refusals 401 with this scheme."""
        return "Bearer"


class SessionAuthentication(DrfSessionAuthentication):
    """The session of a signed-in person; what changes something needs the CSRF token as on the pages."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """Return the signed-in person, or the guest of a link, who only reads."""
        user = request._request.user
        return (user, None) if is_guest(user) else super().authenticate(request)

    def enforce_csrf(self, request: Any) -> None:
        """Raise `csrf.failed` where the CSRF token is missing or wrong."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as failure:
            raise PermissionDenied(str(failure.detail), "csrf.failed") from failure


def enforce_csrf_for_session(request: Request) -> None:
    """Check CSRF for an anonymous person whose session is about to change something."""
    SessionAuthentication().enforce_csrf(request)
