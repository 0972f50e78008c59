"""How often a caller may ask: one Redis round trip, counted for the caller in a sliding window."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from redis import RedisError
from rest_framework.throttling import BaseThrottle

from workers import wire

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

LOG = logging.getLogger(__name__)
KEY_PREFIX = "sightline:throttle"
_RATE = re.compile(r"(?P<number>\d+)/(?P<period>second|minute|hour|day)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds."""

    limit: int
    seconds: int


@dataclass(frozen=True)
class Window:
    """What was counted in the current window and in the one before, and how far we are into the current (s)."""

    now: int
    before: int
    into: float

    def used(self, rate: Rate) -> float:
        """Return the requests in the last `rate.seconds`, those of the window before taken as evenly spread."""
        return self.now + self.before * (1 - self.into / rate.seconds)

    def seconds_until_free(self, rate: Rate) -> float:
        """Return how long to wait until one more request fits."""
        room = rate.limit - 1
        if self.now <= room:
            return max(0.0, rate.seconds * (1 - (room - self.now) / max(self.before, 1)) - self.into)
        return rate.seconds - self.into + rate.seconds * (1 - room / self.now)


@cache
def parse_rate(text: str) -> Rate:
    """Return the rate written as `120/minute`; raises ValueError for anything else."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no rate; write one as 120/minute (second, minute, hour or day).")
    return Rate(int(match["number"]), _SECONDS[match["period"]])


class CallerThrottle(BaseThrottle):
    """One rate for each token or signed-in person, another for each address of nobody known.

    Without Redis nothing is throttled: searching fails anyway then, and reading should still work.
    """

    _wait: float = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return whether this request is within the caller's rate; counts it if it is."""
        known = request.user.is_authenticated
        rate = parse_rate(settings.CONFIG.throttle_user if known else settings.CONFIG.throttle_anonymous)
        try:
            return self._within(self._caller(request), rate)
        except RedisError:
            LOG.warning("Requests are not throttled: Redis does not answer.", exc_info=True)
            return True

    def wait(self) -> float:
        """Return the seconds until the caller may ask again."""
        return self._wait

    def _caller(self, request: Request) -> str:
        if request.auth is not None:
            return f"token:{request.auth.pk}"
        return f"user:{request.user.pk}" if request.user.is_authenticated else f"ip:{self.get_ident(request)}"

    def _within(self, caller: str, rate: Rate) -> bool:
        slot, into = divmod(time.time(), rate.seconds)
        key = f"{KEY_PREFIX}:{caller}:{int(slot)}"
        with wire.client().pipeline(transaction=False) as pipe:
            pipe.incr(key)
            pipe.expire(key, 2 * rate.seconds)
            pipe.get(f"{KEY_PREFIX}:{caller}:{int(slot) - 1}")
            now, _, before = pipe.execute()
        window = Window(int(now) - 1, int(before or 0), into)
        if window.used(rate) + 1 <= rate.limit:
            return True
        wire.client().decr(key)  # a refused request does not push the next one further away
        self._wait = window.seconds_until_free(rate)
        return False
