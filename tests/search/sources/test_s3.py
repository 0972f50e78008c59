"""A bucket as a source, against a server of this machine: followed, resumed, not believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest

from retrieval_site.errors import AppError
from search.models import Document, Source, SourceItem
from search.services.sources import NewSource, source_create, source_update
from search.services.undoing import import_undo
from search.sources import fetching, s3
from search.sources.s3_requests import S3Bucket, S3Keys, signed_headers
from tests.support.corpus import picture
from tests.support.s3_server import S3Server
from tests.support.sources import report

pytestmark = pytest.mark.django_db
KEYS = S3Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
RED, BLUE, GREEN = ((200, 30, 30), (30, 30, 200), (30, 200, 30))


@pytest.fixture
def bucket(web, monkeypatch) -> S3Server:
    monkeypatch.setattr(fetching, "WAIT_SECONDS", 0.01)
    server = S3Server({"in/a b.jpg": picture(RED), "in/c/ü+.jpg": picture(BLUE), "elsewhere.jpg": b"?"})
    web.routes = server
    return server


@pytest.fixture
def source(bucket, rounds, web) -> Source:
    return rounds.source("s3", "s3://photos/in/", endpoint=f"http://127.0.0.1:{web.port}")


@pytest.mark.parametrize(
    ("address", "more", "signature"),
    [  # the examples of the documentation, for virtual hosts: the bucket is a part of the host there
        (
            "https://examplebucket.s3.amazonaws.com/test.txt",
            {"Range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_requests_are_signed_as_documented(address, more, signature):
    now = datetime(2013, 5, 24, tzinfo=UTC)
    headers = signed_headers(address, "us-east-1", KEYS, more, now)
    assert headers["Authorization"].endswith(f"Signature={signature}")


def test_a_bucket_is_followed(source, bucket, rounds, names):
    dry = rounds.first_dry_run(source)
    assert report(dry) == {"new": 2}
    assert names() == []
    assert report(rounds.take(source)) == {"new": 2}
    assert names() == ["a b.jpg", "c/ü+.jpg"]
    fetched = len([path for path, _ in bucket.asked if "list-type" not in path])
    assert report(rounds.take(source)) == {"unchanged": 2}
    assert len([path for path, _ in bucket.asked if "list-type" not in path]) == fetched
    before = Document.objects.get(external_id="a b.jpg").pk
    bucket.objects["in/moved.jpg"] = bucket.objects.pop("in/a b.jpg")
    bucket.objects["in/c/ü+.jpg"] = picture(GREEN)
    bucket.objects["in/notes.bin"] = b"no document"
    assert report(rounds.take(source)) == {"moved": 1, "changed": 1}
    assert Document.objects.get(external_id="moved.jpg").pk == before
    bucket.objects["in/new.jpg"] = picture((1, 2, 3))
    job = rounds.take(source)
    assert report(job) == {"new": 1, "unchanged": 2}
    import_undo(job=job, by=rounds.anna)
    del bucket.objects["in/moved.jpg"]
    assert report(rounds.take(source)) == {"unchanged": 2, "deleted": 1}


def test_a_bucket_comes_in_pages_and_objects_in_pieces(source, bucket, rounds, monkeypatch):
    monkeypatch.setattr(s3, "RANGE_BYTES", 1000)
    bucket.most = 2
    bucket.objects |= {f"in/{number}.jpg": picture((number * 20, 0, 0)) for number in range(5)}
    assert report(rounds.take(source)) == {"new": 7}
    assert sum("list-type" in path for path, _ in bucket.asked) == 5


def test_a_line_that_breaks_is_asked_again_from_where_it_was(source, bucket, rounds, monkeypatch):
    monkeypatch.setattr(s3, "RANGE_BYTES", 700)
    bucket.breaks = 3
    assert report(rounds.take(source)) == {"new": 2}
    assert bucket.breaks == 0


def test_a_busy_server_is_asked_again_and_a_refusal_is_said(source, bucket, rounds):
    bucket.statuses = [503]
    assert report(rounds.take(source)) == {"new": 2}
    bucket.statuses = [403]
    job = rounds.take(source)
    assert (job.state, job.error_id) == ("failed", "source.status")
    assert SourceItem.objects.count() == 2


def test_an_object_that_changes_meanwhile_waits(source, bucket, rounds, monkeypatch):
    tag = bucket._tag
    monkeypatch.setattr(bucket, "_tag", lambda key: tag(key) if len(bucket.asked) < 2 else '"other"')
    assert report(rounds.take(source)) == {"waiting": 2}


@pytest.mark.parametrize(
    "answer",
    [
        b"<html/>",
        b"<ListBucketResult><Contents><Key>in/x.jpg</Key><Size>-1</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>../x.jpg</Key><Size>1</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>in/x.jpg</Key><Size>0</Size></Contents></ListBucketResult>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult>&a;</ListBucketResult>',
    ],
)
def test_a_server_that_lies_or_never_ends_ends_the_round(answer, source, bucket, rounds, names):
    bucket.listing = answer
    job = rounds.take(source)
    assert job.state == "failed"
    assert job.error_id in ("source.not_s3", "source.no_end", "source.not_xml")
    assert names() == []


def test_private_endpoints_are_refused_unless_their_network_is_allowed(source, bucket, rounds, settings):
    settings.CONFIG = replace(settings.CONFIG, source_networks=[])
    job = rounds.take(source)
    assert job.error_id == "source.not_public"
    assert bucket.asked == []


def test_keys_sign_requests_and_are_shown_nowhere(source, bucket, rounds, client, corpus):
    source_update(source=source, by=rounds.anna, keys=KEYS)
    assert KEYS.secret not in Source.objects.get().secret
    assert report(rounds.take(source)) == {"new": 2}
    assert all(KEYS.key_id in headers["Authorization"] for _, headers in bucket.asked)
    assert not any(KEYS.secret in str(headers) + unquote(path) for path, headers in bucket.asked)
    client.force_login(rounds.anna)
    page = client.get(f"/collections/{corpus.slug}/sources/{source.pk}/")
    assert page.status_code == 200
    assert KEYS.secret not in page.content.decode()
    assert KEYS.key_id not in page.content.decode()


def test_another_secret_key_of_the_site_asks_for_the_keys_again(source, bucket, rounds, settings):
    source_update(source=source, by=rounds.anna, keys=KEYS)
    settings.SECRET_KEY = "another"
    assert rounds.take(source).error_id == "source.keys_unreadable"


def test_the_operators_keys_are_for_staff_alone(source, bucket, rounds, corpus, settings, django_user_model):
    settings.CONFIG = replace(settings.CONFIG, source_s3_key_id="OPERATOR", source_s3_secret="s")
    options = {**source.options, "server_keys": True}
    new = NewSource(kind="s3", address="s3://photos/in/", options=options)
    with pytest.raises(AppError, match=r"permission\.denied"):
        source_create(collection=corpus, new=new, owner=django_user_model.objects.create_user("ben"))
    own = rounds.take(source_create(collection=corpus, new=new, owner=rounds.anna))
    assert report(own) == {"new": 2}
    assert "OPERATOR" in bucket.asked[-1][1]["Authorization"]
    rounds.take(source)
    assert "Authorization" not in bucket.asked[-1][1]


@pytest.mark.parametrize(
    ("address", "options"),
    [
        ("https://photos/in", {}),
        ("s3://", {}),
        ("s3://UPPER/in", {}),
        ("s3://photos/a\nb", {}),
        ("s3://photos/", {"endpoint": "https://s3.example.org/path"}),
        ("s3://photos/", {"endpoint": "file:///etc"}),
        ("s3://photos/", {"endpoint": "https://me:you@s3.example.org"}),
        ("s3://photos/", {"region": "a/b"}),
    ],
)
def test_what_is_no_bucket_is_refused(address, options, rounds):
    with pytest.raises(AppError, match=r"source\.(address|options)_invalid"):
        rounds.source("s3", address, **options)


def test_half_of_the_keys_is_refused(source, rounds):
    with pytest.raises(AppError, match=r"source\.keys_invalid"):
        source_update(source=source, by=rounds.anna, keys=S3Keys("only", ""))


def test_odd_keys_are_written_as_they_are_signed():
    bucket = S3Bucket("https://s3.example.org", "x", "b")
    assert bucket.address("a b/ü+?#%.jpg") == "https://s3.example.org/b/a%20b/%C3%BC%2B%3F%23%25.jpg"
