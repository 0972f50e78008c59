"""Guest links: what they open, what they do not, and when they end."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.models import AuditEntry, Collection, Document, GuestLink, Judgement, Membership
from search.services.guest_links import DAYS_MAX, guest_link_create, guest_link_delete, guest_link_of_key
from tests.support.corpus import make_collection
from tests.support.pages import shown_page
from tests.support.queries import make_query

pytestmark = pytest.mark.django_db
MEMBERS = "/curate/in/vault/members/"


@pytest.fixture
def vault():
    return make_collection("vault", visibility="private")


@pytest.fixture
def other():
    """Another private collection."""
    return make_collection("crypt", visibility="private")


@pytest.fixture
def curator(vault) -> Client:
    user = User.objects.create_user("ann")
    Membership.objects.create(collection=vault, user=user, role="curator")
    client = Client()
    client.force_login(user)
    return client


def link_to(collection, days: float = 1) -> tuple[GuestLink, str]:
    return guest_link_create(
        collection=collection, by=maker(), ends_at=timezone.now() + timedelta(days=days), note="Press"
    )


def maker() -> User:
    """Somebody who may give links to everything."""
    return User.objects.get_or_create(username="chief", is_superuser=True)[0]


def document_of(collection) -> Document:
    return Document.objects.create(collection=collection, external_id="1", title=f"Pump of {collection.slug}")


def guest_by(*keys: str) -> Client:
    client = Client()
    for key in keys:
        answer = client.post("/guest/", {"key": key})
        assert (answer.status_code, answer["Referrer-Policy"]) == (302, "same-origin")
        assert key not in answer["Location"]
    return client


def test_a_link_opens_its_collection_and_no_other_for_pages_and_the_api(client, vault, other):
    mine, theirs = document_of(vault), document_of(other)
    guest = guest_by(link_to(vault)[1])
    assert "Pump of vault" in shown_page(guest.get("/collections/vault/"))
    assert guest.get(f"/documents/{mine.pk}/").status_code == 200
    api = APIClient()
    api.cookies = guest.cookies
    assert [one["slug"] for one in api.get("/api/v1/collections/").json()["results"]] == ["vault"]
    assert [one["id"] for one in api.get("/api/v1/documents/").json()["results"]] == [mine.pk]
    for visitor, address in ((guest, f"/documents/{theirs.pk}/"), (guest, "/collections/crypt/"),
                             (client, f"/documents/{mine.pk}/"), (client, "/collections/vault/")):  # fmt: skip
        assert visitor.get(address).status_code == 404


def test_several_links_open_several_collections_until_the_guest_leaves(vault, other):
    guest = guest_by(link_to(vault)[1], link_to(other)[1])
    assert [guest.get(f"/collections/{slug}/").status_code for slug in ("vault", "crypt")] == [200, 200]
    assert "crypt" in shown_page(guest.get("/guest/"))
    guest.post("/guest/", {"leave": "1"})
    assert [guest.get(f"/collections/{slug}/").status_code for slug in ("vault", "crypt")] == [404, 404]


@pytest.mark.parametrize("end", ["time", "taken back"])
def test_the_end_of_a_link_takes_effect_at_the_next_request(vault, end):
    link, key = link_to(vault)
    guest = guest_by(key)
    assert guest.get("/collections/vault/").status_code == 200
    if end == "time":
        GuestLink.objects.update(ends_at=timezone.now())
    else:
        guest_link_delete(link=link)
    assert guest.get("/collections/vault/").status_code == 404
    answer = guest.post("/guest/", {"key": key})
    assert (answer.status_code, "has ended" in shown_page(answer)) == (404, True)


@pytest.mark.parametrize("end", ["role", "group", "closed", "deleted"])
def test_a_link_opens_nothing_once_its_maker_may_not_give_one(curator, vault, end):
    ann = User.objects.get(username="ann")
    if end == "group":
        Membership.objects.all().delete()
        ann.groups.add(Group.objects.create(name="archive"))
        Membership.objects.create(collection=vault, group=ann.groups.get(), role="curator")
    _, key = guest_link_create(collection=vault, by=ann, ends_at=timezone.now() + timedelta(days=1))
    guest, chief = guest_by(key), Client()
    chief.force_login(maker())
    assert guest.get("/collections/vault/").status_code == 200
    assert "opens nothing now" not in shown_page(chief.get(MEMBERS))
    if end == "role":
        Membership.objects.update(role="judge")
    elif end == "group":
        ann.groups.clear()
    elif end == "closed":
        User.objects.filter(pk=ann.pk).update(is_active=False)
    else:
        ann.delete()
    assert guest.get("/collections/vault/").status_code == 404
    assert guest.post("/guest/", {"key": key}).status_code == 404
    assert "opens nothing now" in shown_page(chief.get(MEMBERS))


def test_a_link_that_gets_the_number_of_an_earlier_one_is_not_open_to_that_ones_guests(vault, other):
    """As after a restore, which sets the numbers back."""
    link, key = link_to(vault)
    guest = guest_by(key)
    number = link.pk
    link.delete()
    later, new_key = link_to(other)
    GuestLink.objects.filter(pk=later.pk).update(id=number)
    assert guest.get("/collections/crypt/").status_code == 404
    assert "crypt" not in shown_page(guest.get("/guest/"))
    _, _, token = new_key.partition("-")
    assert guest_by(f"{number}-{token}").get("/collections/crypt/").status_code == 200


def test_a_cookie_with_numbers_alone_opens_nothing(vault):
    link, _ = link_to(vault)
    guest, response = Client(), HttpResponse()
    response.set_signed_cookie("guest", str(link.pk), salt="search.guests")
    guest.cookies["guest"] = response.cookies["guest"].value
    assert guest.get("/collections/vault/").status_code == 404


@pytest.mark.parametrize("forged", ["1", "1:x", "1:1tX:x", "."])
def test_a_cookie_that_is_not_ours_opens_nothing(client, vault, forged):
    link, key = link_to(vault)
    client.cookies["guest"] = forged.replace("1", str(link.pk), 1)
    assert client.get("/collections/vault/").status_code == 404
    for wrong in (
        "",
        "x",
        "-",
        key[:-1],
        key + "x",
        f"{link.pk}-",
        f"0-{key.partition('-')[2]}",
        "9" * 400,
        "²-x",
    ):
        with pytest.raises(AppError, match=r"guest_link\.not_found"):
            guest_link_of_key(wrong)


def test_a_guest_neither_judges_nor_curates_nor_uses_what_members_have(vault):
    document = document_of(vault)
    query = make_query(modality="text", text="pump", answer=[{"document": document.pk, "score": 1.0}])
    guest = guest_by(link_to(vault)[1])
    form = {"document": str(document.pk), "verdict": "relevant"}
    assert guest.post(f"/q/{query.pk}/judge/", form).status_code == 403
    assert not Judgement.objects.exists()
    assert 'class="judge"' not in shown_page(guest.get(f"/documents/{document.pk}/?q={query.pk}"))
    for address in ("/curate/in/vault/", MEMBERS, "/searches/", "/judging/", "/photos/", "/admin/"):
        assert guest.get(address)["Location"].startswith(("/login/", "/admin/login/")), address
    api = APIClient()
    api.cookies = guest.cookies
    for method, address in (("patch", "collections/vault/"), ("delete", f"documents/{document.pk}/"),
                            ("get", "collections/vault/guest-links/"), ("get", "judgements/export.csv"),
                            ("get", "searches/"), ("get", "jobs/")):  # fmt: skip
        assert getattr(api, method)(f"/api/v1/{address}").status_code == 401, address
    assert api.get("/api/v1/collections/vault/").json()["role"] is None
    assert api.get("/api/v1/collections/vault/").json()["curators"] is None


def test_where_everybody_may_judge_a_guest_may_too(vault):
    document = document_of(vault)
    query = make_query(modality="text", text="pump", answer=[{"document": document.pk, "score": 1.0}])
    guest = guest_by(link_to(vault)[1])
    Collection.objects.update(visibility="public")
    assert 'class="judge"' in shown_page(guest.get(f"/documents/{document.pk}/?q={query.pk}"))
    guest.post(f"/q/{query.pk}/judge/", {"document": str(document.pk), "verdict": "relevant"})
    assert Judgement.objects.get().document_id == document.pk


def test_where_anonymous_search_is_closed_a_guest_reads_their_collection_and_nothing_else(vault, settings):
    settings.CONFIG = replace(settings.CONFIG, anonymous_search=False)
    make_collection("open", visibility="public")
    document = document_of(vault)
    link, key = link_to(vault)
    guest, api = guest_by(key), APIClient()
    assert guest.get("/collections/vault/").status_code == 200
    assert guest.get("/collections/open/").status_code == 404
    api.cookies = guest.cookies
    assert api.get(f"/api/v1/documents/{document.pk}/").status_code == 200
    assert api.get("/api/v1/models/").status_code == 401
    assert api.post("/api/v1/embeddings/", {"text": "x"}, format="json").status_code == 401
    guest_link_delete(link=link)
    assert guest.get("/collections/vault/")["Location"].startswith("/login/")
    assert api.get(f"/api/v1/documents/{document.pk}/").status_code == 401


def test_who_is_signed_in_is_no_guest(curator, other):
    key = link_to(other)[1]
    curator.post("/guest/", {"key": key})
    assert curator.get("/collections/crypt/").status_code == 404
    assert "signed in as" in shown_page(curator.get("/guest/"))


def test_a_key_is_kept_as_its_hash_and_stands_in_no_log(curator, vault, caplog):
    with caplog.at_level(logging.DEBUG):
        form = {"do": "link", "ends_on": (timezone.now() + timedelta(5)).date().isoformat(), "note": "Press"}
        page = shown_page(curator.post(MEMBERS, form))
        key = page.partition("/guest/#")[2].partition('"')[0]
        assert len(key.partition("-")[2]) == 43  # 256 bits
        guest_by(key)
        Client().post("/guest/", {"key": key[:-1]})
    token = key.partition("-")[2]
    row = GuestLink.objects.get()
    assert token not in caplog.text
    assert all(token not in str(value) for value in vars(row).values())
    assert all(token[:-1] not in str(entry) for entry in AuditEntry.objects.values())
    assert row.last_used_at is None
    guest_by(key).get("/collections/vault/")
    shown = shown_page(curator.get(MEMBERS))
    assert "last used now" in shown
    assert token not in shown


def test_curators_give_and_take_roles_and_links_on_one_page(curator, vault):
    Group.objects.create(name="crew")
    curator.post(MEMBERS, {"do": "give", "kind": "group", "name": "crew", "role": "judge"})
    made = Membership.objects.get(group__name="crew")
    assert made.role == "judge"
    assert (
        curator.post(MEMBERS, {"do": "give", "kind": "user", "name": "crew", "role": "judge"}).status_code
        == 400
    )
    curator.post(MEMBERS, {"do": "remove", "member": made.pk})
    assert not Membership.objects.filter(group__isnull=False).exists()
    link, _ = link_to(vault)
    curator.post(MEMBERS, {"do": "end", "link": link.pk})
    assert not GuestLink.objects.exists()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert actions >= {"members.changed", "guest_link.created", "guest_link.deleted"}
    own = Membership.objects.get()
    assert curator.post(MEMBERS, {"do": "remove", "member": own.pk})["Location"] == "/curate/"


@pytest.mark.parametrize("ends_on", ["", "tomorrow", "9999-12-31", "2020-01-01"])
def test_a_link_ends_within_the_limit(curator, ends_on):
    answer = curator.post(MEMBERS, {"do": "link", "ends_on": ends_on})
    assert answer.status_code == 400
    assert not GuestLink.objects.exists()
    with pytest.raises(AppError, match=r"parameter\.invalid"):
        link_to(Membership.objects.get().collection, DAYS_MAX + 1)


def test_readers_and_strangers_are_told_of_no_members_page(vault):
    for name, role in (("reader", "reader"), ("judge", "judge"), ("stranger", "")):
        user, client = User.objects.create_user(name), Client()
        if role:
            Membership.objects.create(collection=vault, user=user, role=role)
        client.force_login(user)
        assert client.get(MEMBERS).status_code == 404
