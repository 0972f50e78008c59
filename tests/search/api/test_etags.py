"""Nobody overwrites what they did not read: ETags of documents, `If-Match` and `If-None-Match`."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from search.models import Document, DocumentImage
from tests.search.api.conftest import error_id

DOCUMENTS = "/api/v1/documents/"
NEW = {"collection": "secret", "external_id": "n", "title": "First"}


def refused(response) -> tuple[int, str]:
    return response.status_code, error_id(response)


@pytest.fixture
def client(world):
    return world.client("curator")


@pytest.fixture
def saved(client):
    return client.post(DOCUMENTS, NEW)


def address(saved) -> str:
    return f"{DOCUMENTS}{saved.json()['id']}/"


def test_a_document_carries_a_strong_etag_that_changes_with_it(client, saved):
    first = saved["ETag"]
    assert first.startswith('"')
    assert client.get(address(saved))["ETag"] == client.head(address(saved))["ETag"] == first
    assert client.post(DOCUMENTS, NEW)["ETag"] == first  # the same again changes nothing
    changed = client.patch(address(saved), {"title": "Second"})
    assert changed["ETag"] != first
    assert client.get(address(saved))["ETag"] == changed["ETag"]


def test_two_documents_of_the_same_words_have_different_etags(client, saved):
    assert client.post(DOCUMENTS, NEW | {"external_id": "m"})["ETag"] != saved["ETag"]


@pytest.mark.parametrize("tag", ["{}", "W/{}", '"other", {}', "*"])
def test_what_has_not_changed_is_not_sent_again(tag, client, saved):
    response = client.get(address(saved), HTTP_IF_NONE_MATCH=tag.format(saved["ETag"]))
    assert (response.status_code, response.content, response["ETag"]) == (304, b"", saved["ETag"])


def test_what_has_changed_is_sent(client, saved):
    client.patch(address(saved), {"title": "Second"})
    response = client.get(address(saved), HTTP_IF_NONE_MATCH=saved["ETag"])
    assert (response.status_code, response.json()["title"]) == (200, "Second")


def test_a_change_of_the_version_that_was_read_is_made(client, saved):
    response = client.patch(address(saved), {"title": "Second"}, HTTP_IF_MATCH=saved["ETag"])
    assert (response.status_code, response.json()["title"]) == (200, "Second")
    assert client.patch(address(saved), {"title": "Third"}, HTTP_IF_MATCH="*").status_code == 200
    assert client.delete(address(saved), HTTP_IF_MATCH=client.get(address(saved))["ETag"]).status_code == 204


@pytest.mark.parametrize("tag", ['"old"', "no quotes", "", 'W/"x"'])
def test_a_change_of_another_version_is_refused(tag, client, saved):
    for response in (
        client.patch(address(saved), {"title": "Mine"}, HTTP_IF_MATCH=tag),
        client.delete(address(saved), HTTP_IF_MATCH=tag),
        client.post(DOCUMENTS, NEW | {"title": "Mine"}, HTTP_IF_MATCH=tag),
    ):
        assert refused(response) == (412, "document.changed")
    assert client.get(address(saved)).json()["title"] == "First"


def test_the_version_before_is_refused(client, saved):
    client.patch(address(saved), {"title": "Theirs"})
    response = client.patch(address(saved), {"title": "Mine"}, HTTP_IF_MATCH=saved["ETag"])
    assert refused(response) == (412, "document.changed")
    assert client.get(address(saved)).json()["title"] == "Theirs"


def test_what_a_job_adds_is_a_new_answer_and_no_change_by_somebody(client, saved):
    pk = saved.json()["id"]
    Document.objects.filter(pk=pk).update(split_pending=True)
    assert client.get(address(saved), HTTP_IF_NONE_MATCH=saved["ETag"]).status_code == 200
    assert client.patch(address(saved), {"title": "Mine"}, HTTP_IF_MATCH=saved["ETag"]).status_code == 200


def test_a_picture_whose_size_is_found_later_is_a_new_answer(world, client):
    path = f"{DOCUMENTS}{world.secret_document.pk}/"
    tag = client.get(path)["ETag"]
    DocumentImage.objects.filter(document=world.secret_document).update(width=100)
    assert client.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 200


def test_a_document_is_made_only_where_there_is_none(client, saved):
    response = client.post(DOCUMENTS, NEW | {"title": "Mine"}, HTTP_IF_NONE_MATCH="*")
    assert refused(response) == (412, "document.exists")
    assert client.post(DOCUMENTS, NEW | {"external_id": "m"}, HTTP_IF_NONE_MATCH="*").status_code == 201


def test_a_document_is_saved_unless_it_is_the_version_that_is_not_wanted(client, saved):
    for tag in (saved["ETag"], f'"other", W/{saved["ETag"]}'):
        assert refused(client.post(DOCUMENTS, NEW | {"title": "M"}, HTTP_IF_NONE_MATCH=tag)) == (
            412,
            "document.exists",
        )
    assert client.post(DOCUMENTS, NEW | {"title": "M"}, HTTP_IF_NONE_MATCH='"other"').status_code == 200


def test_a_version_of_what_is_not_there_is_refused(client):
    assert refused(client.post(DOCUMENTS, NEW, HTTP_IF_MATCH="*")) == (412, "document.changed")


def test_somebody_without_the_right_learns_nothing_by_a_tag(world, saved):
    for who, expected in (("stranger", (404, "document.not_found")), ("reader", (403, "permission.denied"))):
        response = world.client(who).patch(address(saved), {"title": "x"}, HTTP_IF_MATCH='"old"')
        assert refused(response) == expected


@pytest.mark.django_db(transaction=True)
def test_of_many_changes_of_one_version_at_once_one_is_made(client, saved):
    answers: list[int] = []

    def change(number: int) -> None:
        response = client.patch(address(saved), {"title": f"T{number}"}, HTTP_IF_MATCH=saved["ETag"])
        answers.append(response.status_code)
        connection.close()

    changes = [threading.Thread(target=change, args=[number]) for number in range(6)]
    for thread in changes:
        thread.start()
    for thread in changes:
        thread.join()
    assert sorted(answers) == [200, 412, 412, 412, 412, 412]


@pytest.mark.django_db(transaction=True)
def test_changes_of_different_fields_at_once_are_all_kept(client, saved):
    def change(field: str) -> None:
        assert client.patch(address(saved), {field: field}).status_code == 200
        connection.close()

    changes = [threading.Thread(target=change, args=[field]) for field in ("title", "body") * 3]
    for thread in changes:
        thread.start()
    for thread in changes:
        thread.join()
    kept = client.get(address(saved)).json()
    assert (kept["title"], kept["body"]) == ("title", "body")
