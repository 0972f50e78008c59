"""How often a caller may do something: counted in a sliding window in Redis, for everything that is limited here."""

from __future__ import annotations

import ipaddress
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from redis import RedisError

from retrieval_site.callers import caller_address
from retrieval_site.errors import AppError
from workers.encoding import wire

if TYPE_CHECKING:
    from django.http import HttpRequest

    from retrieval_site.rates import Rate

LOG = logging.getLogger(__name__)
KEY_PREFIX = "sightline:throttle"
IPV6_PREFIX_BITS = 64
"""What one customer of a provider has at least: counting its addresses one by one would count nothing."""


@dataclass(frozen=True)
class Window:
    """What was counted in the current window and in the one before, and how far we are into the current (s)."""

    now: float
    before: float
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


def take(name: str, rate: Rate, cost: float = 1.0) -> float:
    """Count one request of this caller and return 0.0, or return the seconds to wait and count nothing.

    A negative cost takes back what was counted. A rate of 0 limits nothing.

    Without Redis nothing is limited: searching fails anyway then, and reading should still work.
    """
    if not rate.limit:
        return 0.0
    slot, into = divmod(time.time(), rate.seconds)
    key = _key(name, int(slot))
    try:
        with wire.client().pipeline(transaction=False) as pipe:
            pipe.incrbyfloat(key, cost)
            pipe.expire(key, 2 * rate.seconds)
            pipe.get(_key(name, int(slot) - 1))
            now, _, before = pipe.execute()
        window = Window(float(now) - cost, float(before or 0), into)
        if cost <= 0 or window.used(rate) + cost <= rate.limit:
            return 0.0
        wire.client().incrbyfloat(key, -cost)  # a refused request does not push the next one further away
    except RedisError:
        LOG.warning("Requests are not throttled: Redis does not answer.", exc_info=True)
        return 0.0
    return max(window.seconds_until_free(rate), 0.001)


def take_or_refuse(name: str, rate: Rate) -> None:
    """Count one request of this caller; raises AppError `throttle.exceeded` and counts nothing where it is too many."""
    if wait := take(name, rate):
        raise too_often(wait)


def forget(name: str, rate: Rate) -> None:
    """Take back all that was counted of this caller."""
    slot = int(time.time() // rate.seconds)
    try:
        wire.client().delete(_key(name, slot), _key(name, slot - 1))
    except RedisError:
        LOG.warning("What was counted of a caller stays counted: Redis does not answer.", exc_info=True)


def forget_all(prefix: str) -> int:
    """Take back all that was counted under names that start with `prefix`; return how many counters went."""
    try:
        keys = list(wire.client().scan_iter(f"{KEY_PREFIX}:{prefix}*"))
        return int(wire.client().delete(*keys)) if keys else 0
    except RedisError:
        LOG.warning("What was counted stays counted: Redis does not answer.", exc_info=True)
        return 0


def whole_seconds(wait: float) -> int:
    """Return the wait as `Retry-After` says it."""
    return int(wait) + 1


def too_often(wait: float) -> AppError:
    """Return the refusal of a request that comes too soon."""
    return AppError("throttle.exceeded", retry_after_seconds=whole_seconds(wait))


def address_of(request: HttpRequest) -> str:
    """Return the caller's address; of IPv6 the network, of which one caller has very many addresses.

    `X-Forwarded-For` counts only where TRUSTED_PROXIES says that proxies wrote it, and then their entries alone.
    """
    direct, forwarded = (str(request.META.get(name, "")) for name in ("REMOTE_ADDR", "HTTP_X_FORWARDED_FOR"))
    return _network(caller_address(direct, forwarded, settings.CONFIG.trusted_proxies))


def _network(written: str) -> str:
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return written[:64]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX_BITS), strict=False))


def _key(name: str, slot: int) -> str:
    return f"{KEY_PREFIX}:{name}:{slot}"
