"""Suggestions while somebody writes: from an index, of what the asker may see, and of their own searches."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.models import Document, Membership
from search.suggestions import IDENTIFIERS, TITLES, identifier_beginning, suggestions, title_words
from tests.support.corpus import make_collection
from tests.support.queries import make_query

pytestmark = pytest.mark.django_db
NOBODY = AnonymousUser()
PARTS = ("pump", "valve", "bearing", "gearbox", "coupling")
ROWS = 20_000


def add(collection, external_id: str, title: str) -> Document:
    return Document.objects.create(collection=collection, external_id=external_id, title=title)


def texts(typed: str, viewer=NOBODY, **options) -> list[tuple[str, str]]:
    return [(each.kind, each.text) for each in suggestions(typed, viewer, **options)]


def test_a_title_is_found_by_the_beginning_of_any_word_and_by_several() -> None:
    notes = make_collection("notes")
    add(notes, "a", "Leaking pump in the hall")
    add(notes, "b", "Pump")
    assert texts("pu") == [("title", "Pump"), ("title", "Leaking pump in the hall")]
    assert texts("Hall lea") == texts("LEAKING pump") == [("title", "Leaking pump in the hall")]
    assert texts("ump") == texts("p") == []


def test_many_documents_of_one_title_are_one_suggestion_and_what_was_typed_is_none() -> None:
    notes = make_collection("notes")
    for number in range(30):
        add(notes, f"a{number}", "Pump")
    add(notes, "b", "Pump shaft")
    assert texts("pum") == [("title", "Pump"), ("title", "Pump shaft")]
    assert texts("pump") == [("title", "Pump shaft")]


@pytest.mark.parametrize("typed", ["KX-204/B", "kx204", "kx 2", "K", "kx_204.b"])
def test_an_identifier_is_found_however_its_parts_are_separated(typed) -> None:
    document = add(make_collection("notes"), "KX-204/B", "Seal")
    (found,) = suggestions(typed, NOBODY)
    assert (found.kind, found.text, found.document, found.title) == (
        "identifier",
        "KX-204/B",
        document.pk,
        "Seal",
    )


@pytest.mark.parametrize(
    "typed", ["%", "_", "--", "\\", "'", "pump' | 'x", "a & !", ":*", "\0", "x" * 300, "🙂"]
)
def test_nothing_that_somebody_writes_is_taken_for_a_pattern(typed) -> None:
    add(make_collection("notes"), "a-1", "A leaking thing")
    assert texts(typed) == []


def test_only_what_the_asker_may_see_is_suggested() -> None:
    notes, vault = make_collection("notes"), make_collection("vault", visibility="private")
    add(vault, "secret-1", "Secret motor")
    add(notes, "n-1", "Motor")
    member = User.objects.create_user("ann")
    Membership.objects.create(collection=vault, user=member, role="reader")
    for viewer in (NOBODY, None, User.objects.create_user("ben")):
        assert texts("mot", viewer) == [("title", "Motor")]
        assert texts("secret", viewer) == []
        with pytest.raises(AppError) as refused:
            suggestions("mot", viewer, ["vault"])
        assert refused.value.id == "collection.not_found"
    assert ("title", "Secret motor") in texts("mot", member)
    assert ("identifier", "secret-1") in texts("secr", member)
    assert texts("mot", member, collections=["notes"]) == [("title", "Motor")]


def test_ones_own_recent_words_come_first_and_alone_where_nothing_is_typed() -> None:
    add(make_collection("notes"), "a", "Leaking pump")
    ann, ben = User.objects.create_user("ann"), User.objects.create_user("ben")
    for text in ("a leaking valve", "gears", "a leaking valve"):
        make_query(modality="text", text=text, user=ann)
    make_query(modality="text", text="leaking, said ben", user=ben)
    make_query(modality="text", text="leaking, said nobody", session="s")
    assert texts("leak", ann) == [("recent", "a leaking valve"), ("title", "Leaking pump")]
    assert texts("", ann) == [("recent", "a leaking valve"), ("recent", "gears")]
    assert texts("", NOBODY) == []
    assert texts("leak", NOBODY) == [("title", "Leaking pump")]


def test_what_is_suggested_is_no_longer_than_was_asked_for() -> None:
    notes = make_collection("notes")
    for number in range(30):
        add(notes, f"pump-{number}", f"Pump {number}")
    found = suggestions("pump", NOBODY, limit=8)
    assert [each.kind for each in found] == ["identifier"] * 3 + ["title"] * 5


@pytest.fixture
def many() -> list[int]:
    collection, private = make_collection("notes"), make_collection("vault", visibility="private")
    Document.objects.bulk_create(
        [
            Document(
                collection=private if row % 3 else collection,
                external_id=f"KX-{row:05}/B",
                title=f"{PARTS[row % 5].title()} number {row} of hall {row % 97}",
            )
            for row in range(ROWS)
        ],
        batch_size=2000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE search_document")
    return [collection.pk]


def plan(statement: str, **asked) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", asked)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_each_look_takes_its_index(many) -> None:
    asked = {"collections": many, "limit": 8}
    for typed in ("kx-123", "kx 00009/b"):
        found = plan(IDENTIFIERS, beginning=identifier_beginning(typed), **asked)
        assert "document_identifier_beginning" in found, found
    for typed in ("hall 96", "number 19999", "gearb number 77"):
        found = plan(TITLES, words=title_words(typed), typed=typed, looked_at=500, **asked)
        assert "document_title_words" in found, found
    assert "Seq Scan" not in found
    assert texts("number 19998") == [("title", "Gearbox number 19998 of hall 16")]
