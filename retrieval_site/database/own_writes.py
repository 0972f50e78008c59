"""People see their own writes: up to which position of the primary's log somebody has written, kept in the cache.

A request that changed rows which are read from the replica leaves its user's position behind, and so does a job at its
end for its owner. Until the replica has replayed that far, what this person reads comes from the primary.
"""

from __future__ import annotations

import logging
import re
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, Error, connections
from psycopg.sql import Composable
from redis import RedisError

from retrieval_site.acting import actor_now
from retrieval_site.database.replica import REPLICA, position_written
from retrieval_site.health.broker import broker

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

_KEY = "own-writes:{}"
_WRITES = re.compile(
    r"\s*(?:INSERT|UPDATE|DELETE)\b[^;]*?\b"
    r"(?:search_(?:collection|document|fieldvalue|membership|passage)|auth_user_groups)",
    re.IGNORECASE,
)

# Of two writes at once, whichever asked for its position first may keep it last.
_KEEP_GREATER = """
    local known = tonumber(redis.call('GET', KEYS[1]) or '0')
    if tonumber(ARGV[1]) > known then
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    else
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
    end
"""

log = logging.getLogger(__name__)


@dataclass
class _OfRequest:
    """Whether a request has written yet, and what is known of its user's position."""

    wrote: bool = False
    position: int | None = None


_request: ContextVar[_OfRequest | None] = ContextVar("own_writes_request", default=None)


def own_position() -> int | None:
    """Return the position that the replica must have for whoever asks: 0 where they wrote nothing of late.

    None where the primary alone will do: in a request that has written itself, and where the cache does not answer.
    """
    of_request = _request.get()
    if of_request is None:
        return 0
    if of_request.wrote:
        return None
    if of_request.position is None:
        of_request.position = _kept()
    return of_request.position


def _kept() -> int | None:
    user = actor_now().user
    if user is None:
        return 0
    try:
        return int(cache.get(_KEY.format(user.pk), 0))
    except RedisError:
        return None


def own_writes_note(user_id: int | None) -> None:
    """Remember that somebody has written up to now; for nobody, and without a replica, nothing."""
    if user_id is None or REPLICA not in connections.databases:
        return
    try:
        key, milliseconds = cache.make_key(_KEY.format(user_id)), int(_kept_seconds() * 1000)
        broker().eval(_KEEP_GREATER, 1, key, str(position_written()), str(milliseconds))
    except (RedisError, Error) as error:
        log.warning("what %s wrote may not be seen at once: %s", user_id, error)


def _kept_seconds() -> float:
    """Return for how long a position counts: a replica that is further behind is not read at all."""
    return 60 + 2 * float(settings.CONFIG.database_read_delay_seconds)


class OwnWritesMiddleware:
    """Notes the position of a signed-in user whose request wrote what others read from the replica."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if REPLICA not in connections.databases:
            return self.get_response(request)
        of_request = _OfRequest()
        token = _request.set(of_request)
        try:
            with ExitStack() as watching:
                watching.enter_context(connections[DEFAULT_DB_ALIAS].execute_wrapper(_watch))
                response = self.get_response(request)
            if of_request.wrote:
                own_writes_note(getattr(actor_now().user, "pk", None))
        finally:
            _request.reset(token)
        return response


def _watch(execute: Callable[..., Any], statement: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001  Django's
    of_request = _request.get()
    if of_request is not None and not of_request.wrote:
        written = statement.as_string() if isinstance(statement, Composable) else str(statement)
        of_request.wrote = bool(_WRITES.match(written))
    return execute(statement, params, many, context)
