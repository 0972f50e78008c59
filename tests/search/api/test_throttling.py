"""How often a caller may ask, counted in the real Redis."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import ConnectionError as RedisConnectionError
from rest_framework.test import APIClient

from retrieval_site.rates import Rate, parse_rate
from retrieval_site.throttling import Window
from tests.search.api.conftest import error_id
from workers.encoding import wire

COLLECTIONS = "/api/v1/collections/"


@pytest.fixture
def throttled(settings, clean_redis):
    settings.CONFIG = replace(
        settings.CONFIG, throttle=True, throttle_anonymous="3/hour", throttle_user="5/hour"
    )


def answers(client: APIClient, count: int, **headers: str) -> list[int]:
    return [client.get(COLLECTIONS, **headers).status_code for _ in range(count)]


def test_nobody_is_stopped_at_the_anonymous_rate_and_told_when_to_come_back(world, throttled):
    assert answers(APIClient(), 3) == [200, 200, 200]
    response = APIClient().get(COLLECTIONS)
    assert (response.status_code, error_id(response)) == (429, "throttle.exceeded")
    seconds = response.json()["error"]["detail"]["retry_after_seconds"]
    assert response["Retry-After"] == str(seconds)
    assert 0 < seconds <= 2 * 3600


def test_every_token_and_every_address_is_counted_alone(world, throttled):
    assert answers(APIClient(), 4)[-1] == 429
    assert answers(APIClient(), 1, REMOTE_ADDR="10.0.0.9") == [200]
    assert answers(world.client("reader"), 6) == [200] * 5 + [429]
    assert answers(world.client("reader"), 1) == [200]


def test_a_claimed_address_does_not_make_a_new_caller(world, throttled):
    answers(APIClient(), 3)
    assert answers(APIClient(), 1, HTTP_X_FORWARDED_FOR="1.2.3.4") == [429]


def test_refused_requests_do_not_count(world, throttled):
    answers(APIClient(), 30)
    (key,) = list(wire.client().scan_iter("sightline:throttle:*"))
    assert wire.client().get(key) == b"3"
    assert 0 < wire.client().ttl(key) <= 2 * 3600


def test_the_operator_can_lift_it(world, throttled, settings):
    settings.CONFIG = replace(settings.CONFIG, throttle=False)
    assert answers(APIClient(), 10) == [200] * 10


def test_without_redis_reading_still_works(world, throttled, monkeypatch):
    def away():
        raise RedisConnectionError("away")

    monkeypatch.setattr(wire, "client", away)
    assert answers(APIClient(), 5) == [200] * 5


@pytest.mark.parametrize("text", ["", "10", "10/fortnight", "-1/minute", "many/day"])
def test_a_rate_that_cannot_be_read_is_refused(text):
    with pytest.raises(ValueError, match="is no rate"):
        parse_rate(text)


@pytest.mark.parametrize(
    "window", [Window(3, 0, 10.0), Window(0, 30, 1.0), Window(2, 4, 30.0), Window(3, 3, 59.0)]
)
def test_after_the_wait_one_more_request_fits_and_just_before_it_does_not(window):
    rate = Rate(3, 60)
    wait = window.seconds_until_free(rate)
    assert later(window, wait + 0.01, rate).used(rate) + 1 <= rate.limit
    assert wait == 0 or later(window, wait - 0.01, rate).used(rate) + 1 > rate.limit


def later(window: Window, seconds: float, rate: Rate) -> Window:
    into = window.into + seconds
    if into < rate.seconds:
        return Window(window.now, window.before, into)
    return Window(0, window.now, into - rate.seconds)
