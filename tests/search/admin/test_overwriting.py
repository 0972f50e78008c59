"""The admin does not overwrite what somebody else saved while its form was open, and shows both."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from retrieval_site.accounts.models import User
from search.models import Collection, Document, Membership
from search.services.document_fields import DocumentFields
from search.services.documents import document_save

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(client):
    user = User.objects.create_user("curator", password="x", is_staff=True)
    client.force_login(user)
    collection = Collection.objects.create(slug="own", name="Own")
    Membership.objects.create(collection=collection, user=user, role="curator")
    return collection


def save(collection: Collection, title: str, body: str = "The pump leaks.") -> Document:
    fields = DocumentFields(title=title, body=body, tags=("pump",), metadata={"kind": "pump"})
    return document_save(collection=collection, external_id="d", fields=fields)[0]


def version_in(page) -> str:
    return re.search(r'name="version" value="(\w+)"', page.content.decode())[1]


def form(**changes):
    stored = {"title": "First", "body": "The pump leaks.", "metadata": '{"kind": "pump"}', "tags": "pump"}
    return stored | changes


def test_a_document_that_somebody_else_saved_meanwhile_is_not_overwritten(client, own):
    url = reverse("admin:search_document_change", args=[save(own, "First").pk])
    version = version_in(client.get(url))
    save(own, "Theirs <b>", "Line one.\nLine two.")
    answer = client.post(url, form(title="Mine", version=version))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Somebody saved this while you edited it." in page
    assert "<pre dir=auto>Theirs &lt;b&gt;</pre></td><td><pre dir=auto>Mine</pre>" in page
    assert "Line one.\nLine two.</textarea>" in page  # nothing was typed there: what they saved is shown
    assert "Line one.\nLine two.</pre>" not in page
    assert 'value="Mine"' in page  # what was typed is still in the form
    assert Document.objects.get().title == "Theirs <b>"


def test_changes_of_different_fields_by_two_people_both_stay(client, own):
    url = reverse("admin:search_document_change", args=[save(own, "First").pk])
    version = version_in(client.get(url))
    save(own, "First", "Theirs.")
    assert client.post(url, form(title="Mine", version=version)).status_code == 302
    assert Document.objects.values_list("title", "body").get() == ("Mine", "Theirs.")


def test_what_nobody_typed_stays_as_others_saved_it_when_the_form_is_sent_again(client, own):
    url = reverse("admin:search_document_change", args=[save(own, "First").pk])
    version = version_in(client.get(url))
    save(own, "Theirs", "Their body.")
    page = client.post(url, form(title="Mine", version=version))
    shown = page.context["adminform"].form
    again = form(title="Mine", body=shown["body"].value(), version=version_in(page))
    assert client.post(url, again).status_code == 302
    assert Document.objects.values_list("title", "body").get() == ("Mine", "Their body.")


def test_whoever_has_seen_both_may_overwrite(client, own):
    url = reverse("admin:search_document_change", args=[save(own, "First").pk])
    version = version_in(client.get(url))
    save(own, "Theirs")
    again = version_in(client.post(url, form(title="Mine", version=version)))
    assert client.post(url, form(title="Mine", version=again)).status_code == 302
    assert Document.objects.get().title == "Mine"


def test_a_document_that_nobody_else_saved_is_saved(client, own):
    url = reverse("admin:search_document_change", args=[save(own, "First").pk])
    answer = client.post(url, form(title="Mine", version=version_in(client.get(url))))
    assert answer.status_code == 302
    assert Document.objects.get().title == "Mine"


def test_the_same_words_saved_by_two_are_no_conflict(client, own):
    url = reverse("admin:search_document_change", args=[save(own, "First").pk])
    version = version_in(client.get(url))
    save(own, "Same", "Line one.\nLine two.")
    same = form(title="Same", body="Line one.\r\nLine two.", version=version)
    assert client.post(url, same).status_code == 302


def test_a_collection_that_somebody_else_saved_meanwhile_is_not_overwritten(client, own):
    url = reverse("admin:search_collection_change", args=[own.pk])
    version = version_in(client.get(url))
    Collection.objects.update(description="Theirs", visibility="public")
    mine = {
        "name": "Own",
        "slug": "own",
        "description": "Mine",
        "visibility": "private",
        "language": "english",
        "character_recognition": "pages",
        "version": version,
        "membership_set-TOTAL_FORMS": 0,
        "membership_set-INITIAL_FORMS": 0,
    }
    answer = client.post(url, mine)
    page = answer.content.decode()
    assert "<pre dir=auto>Theirs</pre></td><td><pre dir=auto>Mine</pre>" in page
    assert '<option value="public" selected>' in page  # untouched here
    assert Collection.objects.get().visibility == "public"
    assert client.post(url, mine | {"visibility": "public", "version": version_in(answer)}).status_code == 302
    assert Collection.objects.values_list("description", "visibility").get() == ("Mine", "public")


def test_a_collection_whose_slug_is_taken_or_reserved_is_refused_in_the_same_words(client, own):
    Collection.objects.create(slug="hidden", name="Hidden")
    answers = []
    for slug in ("hidden", "admin"):
        new = {
            "name": "New",
            "slug": slug,
            "visibility": "private",
            "membership_set-TOTAL_FORMS": 0,
            "membership_set-INITIAL_FORMS": 0,
        }
        page = client.post(reverse("admin:search_collection_add"), new)
        answers.append(page.context["adminform"].form.errors["slug"])
    assert answers == [["This slug cannot be used. Choose another one."]] * 2
