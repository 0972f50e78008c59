"""A picture's address on its way through Redis, a query worker, its fetching process and back."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from retrieval_site.errors import AppError
from tests.support.corpus import tiny_version
from tests.support.pages import picture_bytes
from tests.support.picture_server import sends, served
from tests.support.workers import PICTURE_PORT, wait_until
from workers.encoding.client import FETCHING_MAX, encode_text, picture_fetched

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("query_worker")]
PICTURE = picture_bytes(size=(64, 48))


@pytest.fixture
def server(settings):
    settings.CONFIG = dataclasses.replace(settings.CONFIG, picture_url_ports=[80, 443, PICTURE_PORT])
    with served({"/a.jpg": sends(PICTURE), "/page": sends(b"<html>" * 99)}, port=PICTURE_PORT) as running:
        yield running


def address(path: str) -> str:
    return f"http://localhost:{PICTURE_PORT}{path}"


def test_a_worker_fetches_a_picture(server):
    assert picture_fetched(address("/a.jpg")) == PICTURE
    assert [path for path, _ in server.asked] == ["/a.jpg"]


def test_what_the_worker_refuses_comes_back_with_its_id(server):
    with pytest.raises(AppError) as caught:
        picture_fetched(address("/page"))
    assert (caught.value.id, caught.value.status) == ("image_url.no_picture", 422)
    with pytest.raises(AppError) as caught:
        picture_fetched("http://10.0.0.1/a.jpg")
    assert (caught.value.id, caught.value.detail) == ("image_url.not_public", {"host": "10.0.0.1"})


def test_what_is_no_address_asks_no_worker(server, clean_redis):
    with pytest.raises(AppError) as caught:
        picture_fetched("http://me:word@localhost/a.jpg")
    assert caught.value.id == "image_url.invalid"
    assert server.asked == []


def test_slow_servers_hold_up_neither_searches_nor_more_than_a_few_threads(server, tmp_path):
    version, go = tiny_version(tmp_path), threading.Event()
    assert picture_fetched(address("/a.jpg")) == PICTURE  # the first one waits for processes to start

    def slow(request):
        go.wait(30)
        sends(PICTURE)(request)

    server.routes["/slow.jpg"] = slow
    with ThreadPoolExecutor(FETCHING_MAX) as threads:
        waiting = [threads.submit(picture_fetched, address("/slow.jpg")) for _ in range(FETCHING_MAX)]
        wait_until(lambda: [path for path, _ in server.asked].count("/slow.jpg") == 2)
        with pytest.raises(AppError) as caught:
            picture_fetched(address("/a.jpg"))
        assert caught.value.id == "image_url.busy"
        assert caught.value.headers == {"Retry-After": "10"}
        assert encode_text(version, "a red pump").vector.size
        go.set()
        assert [one.result() for one in waiting] == [PICTURE] * FETCHING_MAX
