"""Curators work on their own collections in the admin and see no others."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from retrieval_site.accounts.models import User
from search.job_types import IMPORT
from search.models import ApiToken, AuditEntry, Collection, Document, Membership, Passage
from search.services.document_fields import DocumentFields
from search.services.documents import document_save
from tests.support.corpus import picture
from tests.support.queries import make_query
from workers.models import Job

pytestmark = pytest.mark.django_db
PNG = picture((200, 30, 30), kind="PNG")


@pytest.fixture
def curator(client):
    user = User.objects.create_user("curator", password="x", is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def own(curator):
    collection = Collection.objects.create(slug="own", name="Own")
    Membership.objects.create(collection=collection, user=curator, role="curator")
    return collection


@pytest.fixture
def foreign():
    return Collection.objects.create(slug="foreign", name="Foreign secrets")


def _document(collection, external_id="a", body="The pump leaks."):
    return document_save(
        collection=collection, external_id=external_id, fields=DocumentFields(title=external_id, body=body)
    )[0]


def test_a_curator_sees_only_documents_of_own_collections(client, own, foreign):
    mine, theirs = _document(own, "mine"), _document(foreign, "theirs")
    page = client.get(reverse("admin:search_document_changelist")).content.decode()
    assert "mine" in page
    assert "theirs" not in page
    assert client.get(reverse("admin:search_document_change", args=[mine.pk])).status_code == 200
    assert client.get(reverse("admin:search_document_change", args=[theirs.pk])).status_code == 302


def test_staff_who_curate_nothing_see_no_collection_but_may_open_one(client, curator, foreign):
    page = client.get(reverse("admin:search_collection_changelist"))
    assert page.status_code == 200
    assert "Foreign secrets" not in page.content.decode()
    form = {
        "slug": "new",
        "name": "New",
        "visibility": "private",
        "language": "english",
        "character_recognition": "pages",
        "membership_set-TOTAL_FORMS": 0,
        "membership_set-INITIAL_FORMS": 0,
    }
    assert client.post(reverse("admin:search_collection_add"), form).status_code == 302
    assert Collection.objects.curated_by(curator).get().slug == "new"


def test_saving_a_document_splits_it_and_asks_for_its_vectors(
    client, own, django_capture_on_commit_callbacks
):
    form = {
        "collection": own.pk,
        "external_id": "n1",
        "title": "Note",
        "body": "One. Two.",
        "metadata": "{}",
        "tags": "pump,leak",
    }
    with django_capture_on_commit_callbacks():
        answer = client.post(reverse("admin:search_document_add"), form)
    assert answer.status_code == 302, answer.context["errors"]
    document = Document.objects.get(external_id="n1")
    assert document.tags == ["pump", "leak"]
    assert document.passages.count() == 1
    assert Job.objects.filter(type="encode", state="queued").count() == 1


def test_saving_a_document_unchanged_asks_for_nothing(client, own):
    document = _document(own)
    passages = set(Passage.objects.values_list("pk", flat=True))
    form = {"title": "a", "body": "The pump leaks.", "metadata": "{}", "tags": ""}
    assert client.post(reverse("admin:search_document_change", args=[document.pk]), form).status_code == 302
    assert set(Passage.objects.values_list("pk", flat=True)) == passages
    assert not Job.objects.exists()


def test_pictures_can_be_added_and_removed(client, own, query_worker):
    document = _document(own)
    url = reverse("admin:search_document_change", args=[document.pk])
    form = {"title": "a", "body": "The pump leaks.", "metadata": "{}", "tags": ""}
    client.post(url, {**form, "add_images": SimpleUploadedFile("p.png", PNG)})
    image = document.images.get()
    assert image.blob_id in client.get(url).content.decode()
    client.post(url, {**form, "remove_images": [image.pk]})
    assert not document.images.exists()


def test_a_file_that_is_no_picture_is_refused_with_its_name_and_id(client, own):
    document = _document(own)
    form = {
        "title": "a",
        "body": "b",
        "metadata": "{}",
        "tags": "",
        "add_images": SimpleUploadedFile("evil.png", b"MZ no picture"),
    }
    answer = client.post(reverse("admin:search_document_change", args=[document.pk]), form)
    assert "evil.png" in answer.content.decode()
    assert "image.unknown_format" in answer.content.decode()


def test_a_document_that_breaks_a_rule_is_shown_with_its_reason(client, own):
    form = {"collection": own.pk, "external_id": "n1", "title": "", "body": "", "metadata": "{}", "tags": ""}
    answer = client.post(reverse("admin:search_document_add"), form)
    assert answer.status_code == 200
    assert "A document needs a title, a body or a picture." in answer.content.decode()


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 1e999}', "[1]", "7", '"a"', "{", '{"a": "\\u0000"}'])
def test_metadata_that_cannot_be_kept_is_refused_in_words_of_ours(text, client, own):
    document = _document(own)
    form = {"title": "a", "body": "b", "tags": "", "metadata": text}
    answer = client.post(reverse("admin:search_document_change", args=[document.pk]), form)
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors.as_text()
    assert "JSON" in errors or "NUL" in errors
    assert not re.search("psycopg|jsonb|Token|DETAIL|SQL", errors)
    assert Document.objects.get().metadata == {}


def test_deleting_chosen_documents_takes_their_passages_along(client, own):
    document = _document(own)
    form = {"action": "delete_selected", "_selected_action": [document.pk], "post": "yes"}
    client.post(reverse("admin:search_document_changelist"), form)
    assert not Passage.objects.exists()


def _import(client, collection, button, lines):
    body = "\n".join(json.dumps(line) for line in lines).encode()
    form = {"file": SimpleUploadedFile("notes.jsonl", body), "format": "", "per": "caption", button: "1"}
    return client.post(reverse("admin:search_collection_import", args=[collection.pk]), form)


def test_a_dry_run_becomes_a_job_that_can_be_imported_with_one_click(client, own, curator):
    answer = _import(client, own, "check", [{"external_id": "a", "title": "A"}, {"title": "no id"}])
    check = Job.objects.get()
    assert answer.headers["Location"] == reverse("admin:workers_job_change", args=[check.pk])
    assert IMPORT.parameters_of(check).dry_run
    from workers.jobs.runner import run_job_inline

    run_job_inline(check)
    page = client.get(answer.headers["Location"]).content.decode()
    assert "line 2" in page
    assert "import.missing_external_id" in page
    assert not Document.objects.exists()
    client.post(reverse("admin:search_collection_import_checked", args=[check.pk]))
    again = Job.objects.exclude(pk=check.pk).get()
    assert not IMPORT.parameters_of(again).dry_run
    assert IMPORT.parameters_of(again).blob == IMPORT.parameters_of(check).blob


def test_nobody_imports_into_a_collection_of_others(client, curator, foreign):
    assert _import(client, foreign, "import", [{"external_id": "a", "title": "A"}]).status_code == 404
    assert not Job.objects.exists()


def test_an_empty_file_is_refused_with_a_sentence(client, own):
    answer = client.post(
        reverse("admin:search_collection_import", args=[own.pk]),
        {"file": SimpleUploadedFile("x.jsonl", b""), "per": "caption", "import": "1"},
    )
    assert "empty" in answer.content.decode()


def test_deleting_a_collection_says_how_much_goes_without_naming_it_all(client, own, foreign):
    for name in ("first", "listed"):
        _document(own, name)
    _document(foreign, "theirs")
    address = reverse("admin:search_collection_delete", args=[own.pk])
    page = client.get(address).content.decode()
    assert "Documents: 2" in page
    assert "listed" not in page
    client.post(address, {"post": "yes"})
    assert [document.external_id for document in Document.objects.all()] == ["theirs"]


def test_nobody_deletes_a_collection_they_do_not_curate(client, own, foreign):
    client.post(reverse("admin:search_collection_delete", args=[foreign.pk]), {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [foreign.pk], "post": "yes"}
    client.post(reverse("admin:search_collection_changelist"), chosen)
    assert Collection.objects.filter(pk=foreign.pk).exists()


def test_a_tokens_end_is_one_field(admin_client, admin_user):
    values = {"name": "nightly", "user": admin_user.pk, "scopes": ["read"], "expires_at": "2099-01-02T03:04"}
    admin_client.post(reverse("admin:search_apitoken_add"), values)
    assert ApiToken.objects.get().expires_at.isoformat() == "2099-01-02T03:04:00+00:00"


def test_lists_name_a_search_by_what_was_asked(admin_client, own):
    make_query(modality="text", text="a rusty pump")
    make_query(modality="image")
    page = admin_client.get(reverse("admin:search_query_changelist")).content.decode()
    assert "a rusty pump" in page
    assert "by image" in page


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a": ' + "9" * 100_000 + "}", '{"a": 1e999}', '{"a": NaN}', "{"]
)
def test_metadata_that_is_no_json_within_bounds_is_refused_by_the_form(client, own, text):
    document = _document(own)
    form = {"title": "a", "body": "The pump leaks.", "metadata": text, "tags": ""}
    answer = client.post(reverse("admin:search_document_change", args=[document.pk]), form)
    assert answer.status_code == 200
    assert "not JSON that is read here" in answer.content.decode()


def test_the_admin_gives_roles_to_users_and_groups(client, own, curator):
    crew = Group.objects.create(name="crew")
    mine = Membership.objects.get()
    url = reverse("admin:search_collection_change", args=[own.pk])
    fields = ("slug", "name", "visibility", "language", "character_recognition")
    rows = [
        {"id": mine.pk, "username": "curator", "role": "curator"},
        {"group_name": "crew", "role": "judge"},
    ]

    def sent(*members):
        form = {name: getattr(own, name) for name in fields}
        form |= {"membership_set-TOTAL_FORMS": len(members), "membership_set-INITIAL_FORMS": 1}
        for at, member in enumerate(members):
            values = {"collection": own.pk, **member}.items()
            form |= {f"membership_set-{at}-{name}": value for name, value in values}
        return client.post(url, form)

    assert sent(*rows).status_code == 302
    assert Membership.objects.get(group=crew).role == "judge"
    assert AuditEntry.objects.get(action="members.changed").detail == {"judge_group_added": ["crew"]}
    for wrong, said in (
        ({"role": "judge"}, "Name a user or a group."),
        ({"username": "curator", "group_name": "crew", "role": "judge"}, "Name a user or a group."),
        ({"group_name": "curator", "role": "judge"}, "There is no group"),
        ({"username": "curator", "role": "reader"}, "Name each user and each group once."),
    ):
        answer = sent(rows[0], wrong)
        assert answer.status_code == 200
        assert said in answer.content.decode(), wrong
    assert Membership.objects.count() == 2


def test_deleting_a_group_counts_its_roles_without_naming_collections(client, foreign):
    client.force_login(User.objects.create_superuser("root"))
    crew = Group.objects.create(name="crew")
    Membership.objects.create(collection=foreign, group=crew)
    url = reverse("admin:auth_group_delete", args=[crew.pk])
    page = client.get(url).content.decode()
    assert "memberships: 1" in page.casefold()
    assert "Foreign secrets" not in page
    client.post(url, {"post": "yes"})
    assert not Membership.objects.exists()
    assert AuditEntry.objects.filter(action="group.deleted").count() == 1
