from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

import pytest

from retrieval_site.accounts.models import User
from search.models import Judgement, Membership
from tests.support.corpus import make_collection
from tests.support.pages import kept_query, picture_bytes, save_document, shown_page

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

LONG = " ".join(f"Sentence number {n} says something about the pump in hall {n}." for n in range(60))


def _text(response) -> str:
    return shown_page(response)


def test_the_page_shows_what_is_stored_of_the_document(client: Client) -> None:
    document = save_document(
        make_collection(), "x-1", title="Old pump", body="It leaks.", url="https://example.org/1",
        tags=("leaking",), metadata={"part_number": "P-7"}, pictures=[picture_bytes()],
    )  # fmt: skip
    page = _text(client.get(f"/documents/{document.pk}/"))
    blob = document.images.get().blob_id
    expected = ["Old pump", "It leaks.", "https://example.org/1", "leaking", "Part number", "P-7", "x-1"]
    assert all(words in page for words in [*expected, f"/images/{blob}?w=960"])
    assert "<mark" not in page


def test_the_passage_that_was_found_is_marked_in_the_whole_text(client: Client) -> None:
    document = save_document(make_collection(), "a", title="Long", body=LONG)
    query = kept_query([document])
    passage = document.passages.last()
    query.answer[0]["passage"] = passage.pk
    query.save()
    page = _text(client.get(f"/documents/{document.pk}/?q={query.pk}"))
    assert f'<mark id="passage">{passage.text}</mark>' in page
    assert "Sentence number 0 says" in page
    assert f"/q/{query.pk}/#hit-{document.pk}" in page


@pytest.mark.parametrize("written", ["", "nonsense", str(uuid.uuid4())])
def test_a_query_that_does_not_exist_changes_nothing(client: Client, written: str) -> None:
    document = save_document(make_collection(), "a", title="T", body=LONG)
    response = client.get(f"/documents/{document.pk}/", {"q": written})
    assert response.status_code == 200
    assert "<mark" not in _text(response)


def test_a_query_that_did_not_find_the_document_is_not_named_on_it(client: Client) -> None:
    collection = make_collection()
    one, other = (save_document(collection, name, title=name, body=LONG) for name in "ab")
    query = kept_query([other])
    assert str(query.pk) not in _text(client.get(f"/documents/{one.pk}/?q={query.pk}"))


def test_a_private_document_looks_like_one_that_does_not_exist(client: Client) -> None:
    document = save_document(make_collection("secret", visibility="private"), "a", title="Hidden")
    hidden, missing = client.get(f"/documents/{document.pk}/"), client.get("/documents/999999/")
    assert hidden.status_code == missing.status_code == 404
    pages = [
        re.sub(
            rf'documents/{pk}/|value="\w{{64}}"', "", shown_page(answer)
        )  # without the id and the form's token
        for pk, answer in ((document.pk, hidden), ("999999", missing))
    ]
    assert pages[0] == pages[1]


def test_only_curators_with_access_to_the_admin_are_offered_to_edit(client: Client) -> None:
    collection = make_collection()
    document = save_document(collection, "a", title="T")
    edit = f"/admin/search/document/{document.pk}/change/"
    reader, curator = (User.objects.create_user(name, is_staff=True) for name in ("reader", "curator"))
    Membership.objects.create(collection=collection, user=curator, role="curator")
    offered = []
    for user in (None, reader, curator):
        if user:
            client.force_login(user)
        offered.append(edit in _text(client.get(f"/documents/{document.pk}/")))
    assert offered == [False, False, True]


def test_the_viewers_own_judgement_is_shown_pressed(client: Client) -> None:
    document = save_document(make_collection(), "a", title="T", body=LONG)
    query = kept_query([document])
    user = User.objects.create_user("one")
    Judgement.objects.create(query=query, document=document, user=user, grade=2, comment="Just it.")
    client.force_login(user)
    page = _text(client.get(f"/documents/{document.pk}/?q={query.pk}"))
    assert 'aria-pressed="true" title="Relevant"' in page
    assert "Just it." in page
