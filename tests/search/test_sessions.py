"""Raters are kept as keyed hashes: what is stored, shown or exported is not enough to act as somebody."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from retrieval_site.accounts.models import User
from search.exports import csv_lines
from search.models import Judgement, Query
from search.sessions import pseudonym, session_hash
from tests.support.corpus import make_collection
from tests.support.pages import kept_query, save_document

pytestmark = pytest.mark.django_db


@pytest.fixture
def judged(client: Client) -> Judgement:
    """An anonymous person's judgement, made on the page."""
    document = save_document(make_collection(), "a", title="A")
    query = kept_query([document])
    client.post(f"/q/{query.pk}/judge/", {"document": document.pk, "verdict": "relevant"})
    return Judgement.objects.get()


def test_what_is_stored_does_not_act_as_the_rater(client, judged):
    key = client.cookies["sessionid"].value
    assert judged.session == session_hash(key)
    thief = Client()
    thief.cookies["sessionid"] = judged.session
    thief.post(f"/q/{judged.query_id}/judge/", {"document": judged.document_id, "verdict": "not-relevant"})
    assert Judgement.objects.get(pk=judged.pk).grade == 2
    client.post(f"/q/{judged.query_id}/judge/", {"document": judged.document_id, "verdict": "not-relevant"})
    assert Judgement.objects.get(pk=judged.pk).grade == 0


def test_the_hash_needs_the_installations_key(settings):
    before = session_hash("a-session")
    settings.SECRET_KEY = "another"
    assert session_hash("a-session") != before
    assert session_hash("") == ""


def test_admin_and_exports_show_one_stable_pseudonym_and_never_the_key(client, judged):
    key, shown_as = Session.objects.get().session_key, pseudonym(judged.session)
    chief = Client()
    chief.force_login(User.objects.create_superuser("chief"))
    Query.objects.update(session=judged.session)
    pages = [
        chief.get(reverse("admin:search_judgement_changelist")),
        chief.get(reverse("admin:search_judgement_change", args=[judged.pk])),
        chief.get(reverse("admin:search_query_change", args=[judged.query_id])),
        chief.get("/api/v1/judgements/export.csv"),
    ]
    texts = [(b"".join(page) if page.streaming else page.content).decode() for page in pages]
    for text in texts:
        assert shown_as in text
        assert key not in text
        assert judged.session not in text
    assert shown_as in "".join(csv_lines(Judgement.objects.all()))


def test_the_admin_cannot_be_asked_for_sessions_by_their_beginnings(judged):
    chief = Client()
    chief.force_login(User.objects.create_superuser("chief"))
    for start in (judged.session[:3], "nothing"):
        response = chief.get(reverse("admin:search_judgement_changelist"), {"session__startswith": start})
        assert response.status_code in (302, 400)


def test_the_migration_keeps_raters_apart_and_the_same_and_their_pseudonyms():
    document = save_document(make_collection(), "a", title="A")
    one, two = kept_query([document], session="key-one"), kept_query([document])
    for query, key, grade in ((one, "key-one", 2), (one, "key-two", 0), (two, "key-one", 3)):
        Judgement.objects.create(query=query, document=document, session=key, grade=grade)
    Judgement.objects.create(query=two, document=document, user=User.objects.create_user("anna"), grade=1)
    import_module("search.migrations.0005_session_hashes").hash_sessions(apps, None)
    stored = dict(Judgement.objects.exclude(session="").values_list("grade", "session"))
    assert stored == {2: session_hash("key-one"), 0: session_hash("key-two"), 3: session_hash("key-one")}
    assert Judgement.objects.get(grade=1).session == ""
    one.refresh_from_db()
    assert one.session == session_hash("key-one")
    # The pseudonym of earlier exports: the start of Django's salted HMAC of the key.
    assert pseudonym(session_hash("key-one")).startswith("anonymous:")
