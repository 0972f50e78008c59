"""Objects go and come whole, in parts, behind broken lines; what a service refuses is told by an id."""

from __future__ import annotations

import gzip
import io
import os
from dataclasses import replace

import pytest
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from retrieval_site.errors import AppError
from tests.support.web import free_port
from workers.s3 import client as client_module
from workers.s3 import writing
from workers.s3.client import NEW, S3Client, only_while
from workers.s3.places import s3_place
from workers.s3.reading import object_open
from workers.s3.writing import multipart, object_store, sha256_of

DATA = os.urandom(300_000)


@pytest.fixture(scope="module")
def client(buckets) -> S3Client:
    return S3Client(s3_place(buckets.config("client", "in/")))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(client_module, "WAIT_SECONDS", 0.001)


def _store(client, key, data=DATA):
    object_store(client, key, io.BytesIO(data), len(data))


def test_an_object_is_read_from_anywhere(client):
    _store(client, "ü b+/c")
    assert client.head("ü b+/c").size == len(DATA)
    with object_open(client, "ü b+/c", sha256_of(io.BytesIO(DATA))) as file:
        assert file.read(10) == DATA[:10]
        file.seek(-7, io.SEEK_END)
        assert file.read() == DATA[-7:]
        file.seek(150_000)
        assert file.read(200_000) == DATA[150_000:]
        file.seek(0)
        assert file.read() == DATA
    assert dict(client.objects("ü")) == {"ü b+/c": len(DATA)}
    client.delete("ü b+/c")
    client.delete("ü b+/c")
    assert client.head("ü b+/c") is None
    with pytest.raises(FileNotFoundError):
        object_open(client, "ü b+/c")


def test_a_large_file_goes_in_parts_and_is_there_only_when_all_of_it_is(client, monkeypatch):
    monkeypatch.setattr(writing, "PART_BYTES", 6 << 20)  # services take no smaller ones but the last
    data = DATA * 30
    _store(client, "large", data)
    with object_open(client, "large") as file:
        assert file.read() == data
    with pytest.raises(RuntimeError), multipart(client, "broken") as parts:
        parts.add(io.BytesIO(data), len(data), sha256_of(io.BytesIO(data)))
        assert client.head("broken") is None
        raise RuntimeError
    assert client.head("broken") is None


def test_a_list_comes_in_pages(client):
    for number in range(5):
        _store(client, f"page/{number}", b"x")
    assert [key for key, _ in client.objects("page/", most=2)] == [f"page/{number}" for number in range(5)]


def test_a_page_that_is_short_is_the_last_one_only_where_the_service_says_so(client, monkeypatch):
    for number in range(3):
        _store(client, f"short/{number}", b"x")
    page = S3Client._page
    monkeypatch.setattr(S3Client, "_page", lambda self, prefix, after, _most: page(self, prefix, after, 1))
    assert [key for key, _ in client.objects("short/")] == [f"short/{number}" for number in range(3)]


def test_the_last_bytes_of_what_is_not_what_its_name_says_are_never_given_out(client):
    _store(client, "damaged")
    with object_open(client, "damaged", "0" * 64) as file, pytest.raises(AppError, match=r"blob\.damaged"):
        while file.read(100_000):
            pass


def test_a_line_that_breaks_is_taken_up_where_it_was(client, monkeypatch):
    _store(client, "broken line")
    get, breaks = S3Client.get, [3]

    def breaking(self, key, start=0, tag=""):
        stream, known = get(self, key, start, tag)
        if breaks[0]:
            breaks[0] -= 1
            read = stream.read
            stream.read = lambda size: b"" if stream.tell() else read(min(size, 1000))
        return stream, known

    monkeypatch.setattr(S3Client, "get", breaking)
    with object_open(client, "broken line") as file:
        assert file.read() == DATA
    assert breaks == [0]


def test_what_says_nothing_of_its_length_or_breaks_off_is_refused(client, quick, monkeypatch):
    ask = S3Client.ask

    def without_length(self, request):
        response = ask(self, request)
        response.headers.pop("Content-Length", None)
        return response

    _store(client, "endless")
    with monkeypatch.context() as patched:
        patched.setattr(S3Client, "ask", without_length)
        with pytest.raises(AppError, match=r"storage\.refused: .*how long"):
            object_open(client, "endless")

    def broken(self, amount):
        raise ProtocolError

    monkeypatch.setattr("urllib3.HTTPResponse.read", broken)
    with pytest.raises(AppError, match=r"storage\.unreachable"):
        client.answers()


def test_a_file_that_was_stored_packed_comes_as_it_lies_there(client, buckets):
    packed = gzip.compress(DATA)
    buckets.boto.put_object(Bucket="client", Key="in/packed", Body=packed, ContentEncoding="gzip")
    with object_open(client, "packed") as file:
        assert file.read() == packed


def test_an_object_is_written_where_a_condition_holds(client):
    def put(words, condition):
        return client.put("lock", io.BytesIO(words), 1, sha256_of(io.BytesIO(words)), condition)

    with pytest.raises(FileNotFoundError):
        put(b"x", only_while('"none"'))
    first = put(b"x", NEW)
    assert first == client.head("lock").tag
    with pytest.raises(FileExistsError):
        put(b"x", NEW)
    second = put(b"y", only_while(first))
    with pytest.raises(FileExistsError):
        put(b"z", only_while(first))
    assert client.head("lock").tag == second


@pytest.mark.parametrize(("status", "raised"), [(409, FileExistsError), (501, NotImplementedError)])
def test_a_conflict_of_conditional_writes_and_a_service_without_conditions_are_told(
    client, status, raised, monkeypatch
):
    monkeypatch.setattr(
        client, "_tried", lambda _: (HTTPResponse(io.BytesIO(b""), status=status, preload_content=False), "")
    )
    with pytest.raises(raised):
        client.put("lock", io.BytesIO(b"x"), 1, sha256_of(io.BytesIO(b"x")), NEW)


def test_who_has_no_right_and_a_service_that_is_away_are_told(client, quick):
    place = client.place
    stranger = S3Client(replace(place, keys=replace(place.keys, secret="wrong")))
    with pytest.raises(AppError, match=r"storage\.refused: .*SignatureDoesNotMatch"):
        stranger.get("large")
    nowhere = S3Client(replace(place, bucket=replace(place.bucket, name="no-such-bucket")))
    with pytest.raises(AppError, match=r"storage\.refused"):
        nowhere.answers()
    with pytest.raises(AppError, match=r"storage\.refused: .*NoSuchBucket"):
        _store(nowhere, "x", b"x")
    with pytest.raises(AppError, match=r"storage\.refused: .*NoSuchBucket"):
        object_open(nowhere, "x")
    away = S3Client(replace(place, bucket=replace(place.bucket, endpoint=f"http://127.0.0.1:{free_port()}")))
    with pytest.raises(AppError, match=r"storage\.unreachable"):
        away.head("large")
