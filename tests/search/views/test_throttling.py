"""Pages and API count into one bucket for each caller, in the real Redis."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client, RequestFactory

from retrieval_site.accounts.models import User
from retrieval_site.throttling import address_of
from search import retrieval
from search.retrieval.types import Plan, SearchAnswer
from search.services.tokens import token_create
from tests.support.corpus import make_collection
from tests.support.pages import kept_query, picture_bytes, save_document

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _three_an_hour(settings, clean_redis, monkeypatch):
    settings.CONFIG = replace(
        settings.CONFIG, throttle=True, throttle_anonymous="3/hour", throttle_user="5/hour"
    )
    query = kept_query([])
    answer = SearchAnswer(query.pk, "text", "m@1", (), None, Plan("exact", 0), {})
    monkeypatch.setattr(retrieval, "search", lambda request: answer)


def search(client: Client, **headers: str) -> int:
    return client.post("/search/", {"text": "a pump"}, **headers).status_code


def test_searching_on_the_pages_is_refused_beyond_the_rate_with_an_id_and_a_time(client):
    assert [search(client) for _ in range(3)] == [302, 302, 302]
    response = client.post("/search/", {"text": "a pump"})
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 2 * 3600
    page = response.content.decode()
    assert "throttle.exceeded" in page
    assert f"try again in {response['Retry-After']} s" in page


def test_htmx_gets_the_notice_alone(client):
    for _ in range(3):
        search(client)
    response = client.post("/search/", {"text": "a pump"}, headers={"HX-Request": "true"})
    assert response.status_code == 429
    assert "<html" not in response.content.decode()
    assert "throttle.exceeded" in response.content.decode()


def test_the_api_and_the_pages_empty_one_bucket(client):
    assert client.get("/api/v1/collections/").status_code == 200
    assert [search(client), search(client), search(client)] == [302, 302, 429]
    assert client.get("/api/v1/collections/").status_code == 429


def test_a_new_session_is_no_new_caller():
    assert [search(Client()) for _ in range(4)] == [302, 302, 302, 429]


def test_a_signed_in_person_has_a_bucket_of_their_own_with_another_rate(client):
    for _ in range(4):
        search(client)
    client.force_login(User.objects.create_user("anna"))
    assert [search(client) for _ in range(6)] == [302] * 5 + [429]


def test_claiming_other_addresses_helps_nobody(client):
    for number in range(3):
        search(client, HTTP_X_FORWARDED_FOR=f"10.0.0.{number}")
    claims = [
        {"HTTP_X_FORWARDED_FOR": "10.9.9.9"}, {"HTTP_X_REAL_IP": "10.9.9.9"}, {"HTTP_FORWARDED": "for=10.9.9.9"},
        {"HTTP_CLIENT_IP": "10.9.9.9"}, {"HTTP_CF_CONNECTING_IP": "10.9.9.9"}, {"HTTP_AUTHORIZATION": "Basic eA=="},
    ]  # fmt: skip
    assert [search(client, **claim) for claim in claims] == [429] * len(claims)


@pytest.mark.parametrize(
    ("path", "share"), [("/", 5), ("/collections/", 5), ("/documents/1/", 5), ("/images/" + "a" * 64, 50)]
)
def test_other_addresses_cost_a_share_of_a_search(client, path, share):
    answers = [client.get(path).status_code for _ in range(3 * share + 1)]
    assert 429 not in answers[:-1]
    assert answers[-1] == 429


def test_going_on_in_an_answer_costs_a_whole_request(client):
    address = f"/q/{kept_query([]).pk}/?next=x"
    assert [client.get(address).status_code for _ in range(4)] == [400, 400, 400, 429]


def test_judging_costs_a_whole_request(client):
    document = save_document(make_collection(), "a", title="A", pictures=[picture_bytes()])
    address = f"/q/{kept_query([document]).pk}/judge/"
    answers = [client.post(address, {"document": document.pk, "verdict": "relevant"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [302, 302, 302, 429]


def test_a_token_stays_a_caller_of_its_own(client):
    for _ in range(4):
        search(client)
    _, key = token_create(user=User.objects.create_user("anna"), name="t", scopes=["read"])
    answers = [
        client.get("/api/v1/collections/", headers={"Authorization": f"Bearer {key}"}) for _ in range(6)
    ]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "1.1.1.1", "9.9.9.9"),
        (1, "1.1.1.1, 2.2.2.2", "2.2.2.2"),
        (2, "1.1.1.1, 2.2.2.2, 3.3.3.3", "2.2.2.2"),
        (1, "", "9.9.9.9"),
        (1, " , ", "9.9.9.9"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "::ffff:4.4.4.4", "4.4.4.4"),
        (1, "unknown", "unknown"),
    ],
)
def test_the_callers_address_is_what_the_trusted_proxies_wrote(settings, proxies, forwarded, seen):
    settings.CONFIG = replace(settings.CONFIG, trusted_proxies=proxies)
    given = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert address_of(RequestFactory().get("/", REMOTE_ADDR="9.9.9.9", **given)) == seen
