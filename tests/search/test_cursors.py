"""What a caller gets to go on with tells nothing, and opens for that caller only."""

from __future__ import annotations

import base64
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model

from retrieval_site.errors import AppError
from search import cursors
from search.cursors import VALID_SECONDS, cursor_open, cursor_seal
from search.models import Document
from search.retrieval import reopen
from search.retrieval.cursor import Cursor, cursor_read, cursor_write
from tests.search.api.conftest import World, error_id, world  # noqa: F401  the fixture
from tests.support.corpus import make_collection, make_documents
from tests.support.pages import kept_query

pytestmark = pytest.mark.django_db
PAGE = "/api/v1/documents/?limit=1"


@pytest.fixture
def hidden_and_seen():
    """A kept search of nobody: three hidden documents, one to see, thirty hidden, one to see, five hidden."""
    secret, public = make_collection("secret", visibility="private"), make_collection("public")
    numbers = {"secret": iter(range(38)), "public": iter(range(2))}
    order = ["secret"] * 3 + ["public"] + ["secret"] * 30 + ["public"] + ["secret"] * 5
    rows = {
        "secret": [passage.document for passage in make_documents(secret, 38)],
        "public": [passage.document for passage in make_documents(public, 2)],
    }
    return kept_query([rows[kind][next(numbers[kind])] for kind in order])


def refused(call, *arguments) -> str:
    with pytest.raises(AppError) as caught:
        call(*arguments)
    assert caught.value.status == 400
    return caught.value.id


def test_a_search_cursor_says_nothing_of_what_was_passed_over(hidden_and_seen):
    first = reopen(hidden_and_seen.pk, None, 1)
    assert first.next is not None
    raw = base64.urlsafe_b64decode(first.next)
    ids = [str(pk).encode() for pk in Document.objects.values_list("pk", flat=True)]
    for told in (
        hidden_and_seen.pk.bytes,
        hidden_and_seen.pk.hex.encode(),
        *[pk for pk in ids if len(pk) > 3],
    ):
        assert told not in raw
    lengths = {
        len(cursor_write(Cursor(hidden_and_seen.pk, passed, passed), None)) for passed in (0, 9, 99_999)
    }
    assert len(lengths) == 1


def test_there_is_no_next_page_of_hidden_hits_alone(hidden_and_seen):
    first = reopen(hidden_and_seen.pk, None, 1)
    last = reopen(hidden_and_seen.pk, None, 1, first.next)
    assert (len(first.hits), len(last.hits), last.next) == (1, 1, None)
    assert [hit.rank for hit in (*first.hits, *last.hits)] == [1, 2]


def test_how_many_candidates_the_asker_had_is_not_told_to_others(hidden_and_seen, client):
    member = get_user_model().objects.create_user("member")
    type(hidden_and_seen).objects.update(user=member, plan={"kind": "exact", "candidates": 987_654_321})
    answer = client.get(f"/api/v1/search/{hidden_and_seen.pk}/").json()
    assert answer["plan"] == {
        "kind": "exact",
        "ef_search": None,
        "candidates": None,
        "retrievers": ["dense"],
    }
    assert "987654321" not in client.get(f"/q/{hidden_and_seen.pk}/").content.decode().replace(",", "")
    client.force_login(member)
    assert client.get(f"/api/v1/search/{hidden_and_seen.pk}/").json()["plan"]["candidates"] == 987_654_321


def test_a_cursor_opens_for_its_viewer_and_its_purpose_only():
    users = get_user_model().objects
    anna, ben = users.create_user("anna"), users.create_user("ben")
    sealed = cursor_seal(b"here", "search", anna)
    assert cursor_open(sealed, "search", users.get(pk=anna.pk)) == b"here"
    for purpose, viewer in (("search", ben), ("search", None), ("list /api/v1/jobs/", anna)):
        assert refused(cursor_open, sealed, purpose, viewer) == "cursor.invalid"


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-2], lambda text: "A" + text[1:], lambda text: "", lambda _: "é"]
)
def test_a_spoilt_cursor_is_refused(spoil):
    sealed = cursor_write(Cursor(kept_query([]).pk, 3, 2), None)
    assert (
        cursor_read(sealed, None) == Cursor(kept_query([]).pk, 3, 2) or cursor_read(sealed, None).passed == 3
    )
    assert refused(cursor_read, spoil(sealed), None) == "cursor.invalid"


def test_a_cursor_that_only_looks_like_one_is_refused():
    foreign = Fernet(Fernet.generate_key()).encrypt(b"x" * 24).decode()
    assert refused(cursor_read, foreign, None) == "cursor.invalid"


def test_a_cursor_of_the_day_before_is_refused(monkeypatch):
    sealed = cursor_seal(b"here", "search", None)
    later = time.time() + VALID_SECONDS + 2
    monkeypatch.setattr(cursors.Fernet, "decrypt", _decrypt_at(later))
    assert refused(cursor_open, sealed, "search", None) == "cursor.invalid"


def _decrypt_at(now: float):
    plain = Fernet.decrypt_at_time
    return lambda self, token, ttl: plain(self, token, ttl, int(now))


def cursor_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["cursor"][0]


def test_a_lists_cursor_is_opaque_and_for_its_caller_and_its_list(world: World):  # noqa: F811
    reader, curator = world.client("reader"), world.client("curator")
    link = reader.get(PAGE).json()["next"]
    assert reader.get(link).json()["results"][0]["id"] == world.secret_document.pk
    assert str(world.open_document.pk).encode() not in base64.urlsafe_b64decode(cursor_of(link))
    for client, path in (
        (curator, PAGE),
        (world.client("anonymous"), PAGE),
        (reader, "/api/v1/collections/?limit=1"),
    ):
        response = client.get(f"{path}&cursor={cursor_of(link)}")
        assert (response.status_code, error_id(response)) == (400, "cursor.invalid")


def test_a_made_up_cursor_of_old_is_refused(world: World):  # noqa: F811
    old = base64.b64encode(f"p={world.open_document.pk}".encode()).decode()
    response = world.client("reader").get(f"{PAGE}&cursor={old}")
    assert (response.status_code, error_id(response)) == (400, "cursor.invalid")
