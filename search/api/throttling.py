"""How often a caller may ask the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rest_framework.throttling import BaseThrottle

from search.throttling import REQUEST, seconds_to_wait

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from search.models import ApiToken


class CallerThrottle(BaseThrottle):
    """One rate for each token or signed-in person, another for each address of nobody known."""

    _wait: float = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return whether this request is within the caller's rate; counts it if it is."""
        cost = getattr(view, "throttle_cost", REQUEST)
        self._wait = seconds_to_wait(request, cast("ApiToken | None", request.auth), cost)
        return not self._wait

    def wait(self) -> float:
        """Return the seconds until the caller may ask again."""
        return self._wait
