"""What a shared search shows and does for whoever opens its address: nothing that they may not know."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from retrieval_site.people import Guest
from search.models import Judgement, Membership, Query, QueryPart
from search.retrieval import keep
from search.services.guest_links import guest_link_create
from search.sessions import session_hash
from search.vectors.background import backgrounds_forget
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store
from tests.support.pages import shown_page
from tests.support.queries import make_query

pytestmark = pytest.mark.django_db
DIM = 16
READ = [{"text": "KX-204", "box": [0.1, 0.1, 0.2, 0.1], "kind": "line", "confidence": 0.9}]


@pytest.fixture
def version():
    backgrounds_forget()
    return make_version(dim=DIM)


@pytest.fixture
def vault():
    return make_collection("vault", visibility="private")


@pytest.fixture
def opened(version):
    """A public collection with thirty documents that have vectors."""
    collection = make_collection("open")
    store(version, make_documents(collection, 30), clustered(30, DIM, seed=1))
    return collection


def asked(version, **fields) -> Query:
    vector = np.asarray(clustered(1, DIM, seed=2), dtype="<f4").tobytes()
    return make_query(**{"version": version, "embedding": vector, "modality": "embedding", **fields})


def test_what_was_read_in_a_photo_names_no_hidden_collection(client, version, vault, opened) -> None:
    query = asked(version, modality="image", collections=["vault", "open"])
    QueryPart.objects.update(text_read=READ)
    for address in (f"/q/{query.pk}/", f"/q/{query.pk}/text/"):
        page = shown_page(client.get(address, headers={"HX-Request": "true"}))
        assert "KX-204" in page
        assert 'name="collections" value="open"' in page
        assert "vault" not in page


def test_marks_move_a_shared_search_among_the_collections_that_their_author_may_see(
    client, version, vault, opened, django_user_model
) -> None:
    document = opened.documents.first()
    query = asked(
        version,
        collections=["open", "vault"],
        answer=[{"document": document.pk, "passage": None, "score": 0.5}],
    )
    hidden = asked(
        version, collections=["vault"], answer=[{"document": document.pk, "passage": None, "score": 0.5}]
    )
    person = django_user_model.objects.create_user("ann")
    for one in (query, hidden):
        Judgement.objects.create(query=one, document=document, user=person, grade=3)
    client.force_login(person)
    moved = client.post(f"/q/{query.pk}/marks/")
    assert moved.status_code == 302
    assert moved["Location"].endswith("?collections=open")
    assert Query.objects.get(marked=query).collections == ["open"]
    refused = client.post(f"/q/{hidden.pk}/marks/")
    assert (refused.status_code, "vault" in shown_page(refused)) == (404, False)


@pytest.fixture
def guest(vault, django_user_model) -> Client:
    ends_at, chief = timezone.now() + timedelta(days=1), django_user_model.objects.create_superuser("maker")
    _, key = guest_link_create(collection=vault, by=chief, ends_at=ends_at, note="")
    client = Client()
    client.post("/guest/", {"key": key})
    return client


def of_guest(guest: Client, version, vault, *, in_session: bool) -> Query:
    """A guest's search for more like a document of theirs; another of theirs is found behind one kept."""
    rows = make_documents(vault, 3)
    store(version, rows, clustered(3, DIM, seed=2))
    session = guest.session if in_session else None
    named = session_hash(session.session_key) if session else keep._anonymous(Guest((vault.pk,)), "")
    first = rows[1]
    answer = [{"document": first.document_id, "passage": first.pk, "score": 0.5}]
    plan = {"kind": "exact", "candidates": 33, "more": True, "retrievers": ["dense"]}
    vectors = {"modality": "document", "document_id": rows[0].document_id}
    return asked(version, session=named, answer=answer, plan=plan, **vectors)


@pytest.mark.parametrize("in_session", [True, False])
def test_a_stranger_is_not_the_asker_of_a_guests_search(guest, version, vault, opened, in_session) -> None:
    query = of_guest(guest, version, vault, in_session=in_session)
    before = list(query.answer)
    stranger = APIClient()
    said = stranger.get(f"/api/v1/search/{query.pk}/").json()
    assert (said["query"]["parts"][0]["document"], said["plan"]["candidates"]) == (None, None)
    assert said["results"] == []
    assert Client().get(f"/q/{query.pk}/").status_code == 200
    stranger.get(f"/api/v1/search/{query.pk}/export.csv")
    query.refresh_from_db()
    assert (query.answer, query.plan["more"]) == (before, True)
    own = guest.get(f"/api/v1/search/{query.pk}/").json()
    assert own["query"]["parts"][0]["document"] == query.part.document_id
    assert own["plan"]["candidates"] == 33
    assert {hit["document"]["collection"] for hit in own["results"]} == {"vault", "open"}


def test_who_asked_without_an_account_or_a_session_reads_on(version, opened) -> None:
    query = asked(version, plan={"kind": "exact", "candidates": 30, "more": True, "retrievers": ["dense"]})
    assert len(APIClient().get(f"/api/v1/search/{query.pk}/").json()["results"]) == 10


def test_a_member_who_was_named_the_collections_of_their_search_keeps_them(
    client, version, vault, opened, django_user_model
):
    person = django_user_model.objects.create_user("ann")
    Membership.objects.create(collection=vault, user=person, role="reader")
    query = asked(version, modality="image", user=person, collections=["vault"])
    QueryPart.objects.update(text_read=READ)
    client.force_login(person)
    assert 'name="collections" value="vault"' in shown_page(client.get(f"/q/{query.pk}/"))


SPELLING = {
    "id": "text.mended",
    "message": "Showing “xenolith”: nobody wrote “xenolit” in these collections.",
    "detail": {"asked": "xenolit", "searched": "xenolith", "texts": {"0": "xenolit"}},
}


def told(query: Query, client: APIClient | None = None) -> tuple[str | None, list[str], bool]:
    """The match, the ids of the warnings, and whether the right spelling is said."""
    answer = (client or APIClient()).get(f"/api/v1/search/{query.pk}/").json()
    return answer["match"], [warning["id"] for warning in answer["warnings"]], answer["mended"] is not None


def test_a_kept_answer_tells_others_nothing_of_hidden_documents_and_their_words(
    version, vault, opened, django_user_model
) -> None:
    (hidden,) = make_documents(vault, 1)
    ann = django_user_model.objects.create_user("ann")
    Membership.objects.create(collection=vault, user=ann, role="reader")
    strong = {"document": hidden.document_id, "passage": hidden.pk, "score": 0.9, "strength": "strong"}
    weaker = {"document": opened.documents.first().pk, "passage": None, "score": 0.5, "strength": "fair"}
    about = {"modality": "text", "text": "xenolith", "user": ann, "match": "good"}
    alone = asked(version, **about, collections=["vault"], answer=[strong], warnings=[SPELLING])
    both = asked(version, **about, answer=[strong, weaker], warnings=[SPELLING])
    public = asked(version, **about, collections=["open"], answer=[weaker], warnings=[SPELLING])
    assert told(alone) == ("none", [], False)
    assert told(both) == ("weak", [], False)
    assert told(public)[1:] == (["text.mended"], True)
    insider = APIClient()
    insider.force_authenticate(ann)
    assert told(alone, insider) == told(both, insider) == ("good", ["text.mended"], True)
    chief = APIClient()
    chief.force_authenticate(django_user_model.objects.create_superuser("chief"))
    assert told(alone, chief) == ("good", ["text.mended"], True)
    vault.visibility = "public"
    vault.save()
    assert told(alone) == told(both) == ("good", ["text.mended"], True)
