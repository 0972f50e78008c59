from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.sessions.models import Session

from retrieval_site.accounts.models import User
from search.models import Document, Judgement, Query
from search.sessions import session_hash
from tests.support.corpus import make_collection
from tests.support.pages import kept_query, save_document, shown_page

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def document() -> Document:
    return save_document(make_collection(), "a", title="Pump", body="It leaks.")


@pytest.fixture
def query(document: Document) -> Query:
    return kept_query([document])


def _judge(client: Client, query: Query, document: Document, verdict: str, htmx: bool = False, **more: str):
    data = {"document": document.pk, "verdict": verdict, **more}
    return client.post(f"/q/{query.pk}/judge/", data, headers=HTMX if htmx else {})


@pytest.mark.parametrize(("verdict", "grade"), [("relevant", 2), ("not-relevant", 0)])
def test_a_click_is_kept_as_a_grade(
    client: Client, query: Query, document: Document, verdict: str, grade: int
) -> None:
    response = _judge(client, query, document, verdict)
    assert response["Location"] == f"/q/{query.pk}/#hit-{document.pk}"
    assert Judgement.objects.get().grade == grade


def test_htmx_gets_the_buttons_and_the_words_to_say(client: Client, query: Query, document: Document) -> None:
    response = _judge(client, query, document, "relevant", htmx=True)
    assert shown_page(response).lstrip().startswith(f'<form class="judge" id="judge-{document.pk}"')
    assert "Marked as relevant." in response["HX-Trigger"]


def test_it_can_be_changed_and_taken_back(client: Client, query: Query, document: Document) -> None:
    _judge(client, query, document, "relevant")
    _judge(client, query, document, "not-relevant", comment="Another pump.")
    kept = Judgement.objects.get()
    assert (kept.grade, kept.comment) == (0, "Another pump.")
    _judge(client, query, document, "undo")
    assert not Judgement.objects.exists()


def test_a_click_without_the_comment_field_keeps_the_comment(
    client: Client, query: Query, document: Document
) -> None:
    _judge(client, query, document, "relevant", comment="Nice.")
    _judge(client, query, document, "not-relevant")
    assert Judgement.objects.get().comment == "Nice."


def test_an_anonymous_rater_gets_a_session_which_only_looking_does_not_make(
    client: Client, query: Query, document: Document
) -> None:
    client.get("/")
    client.get(f"/documents/{document.pk}/?q={query.pk}")
    assert not Session.objects.exists()
    _judge(client, query, document, "relevant")
    assert Judgement.objects.get().session == session_hash(Session.objects.get().session_key)


def test_two_anonymous_raters_do_not_see_each_other(client: Client, query: Query, document: Document) -> None:
    from django.test import Client as Browser

    _judge(client, query, document, "relevant")
    other = Browser()
    _judge(other, query, document, "not-relevant")
    address = f"/documents/{document.pk}/?q={query.pk}"
    assert 'aria-pressed="true" title="Relevant"' in shown_page(client.get(address))
    assert 'aria-pressed="true" title="Not relevant"' in shown_page(other.get(address))


def test_it_leads_back_to_the_page_it_came_from_but_to_no_other_site(
    client: Client, query: Query, document: Document
) -> None:
    client.force_login(User.objects.create_user("one"))
    back = f"/documents/{document.pk}/?q={query.pk}"
    assert _judge(client, query, document, "relevant", back=back)["Location"] == back
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        assert _judge(client, query, document, "relevant", back=elsewhere)["Location"].startswith("/q/")


@pytest.mark.parametrize("verdict", ["", "perhaps", "2"])
def test_other_verdicts_are_refused(client: Client, query: Query, document: Document, verdict: str) -> None:
    response = _judge(client, query, document, verdict)
    assert response.status_code == 400
    assert not Judgement.objects.exists()


@pytest.mark.parametrize("named", ["", "x", "999999", "9" * 40])
def test_a_document_that_is_not_there_cannot_be_judged(client: Client, query: Query, named: str) -> None:
    response = client.post(f"/q/{query.pk}/judge/", {"document": named, "verdict": "relevant"}, headers=HTMX)
    assert response.status_code == 404
    assert "<html" not in shown_page(response)


def test_a_document_that_became_private_cannot_be_judged(
    client: Client, query: Query, document: Document
) -> None:
    document.collection.visibility = "private"
    document.collection.save()
    assert _judge(client, query, document, "relevant").status_code == 404


@pytest.mark.parametrize(
    "form", [{"verdict": "perhaps"}, {"verdict": "undo"}, {"verdict": "relevant", "comment": "x" * 2001}]
)
def test_a_judgement_that_is_refused_begins_no_session(
    client: Client, query: Query, document: Document, form: dict[str, str]
) -> None:
    assert _judge(client, query, document, **form).status_code >= 400
    assert not Session.objects.exists()
    assert "sessionid" not in client.cookies
