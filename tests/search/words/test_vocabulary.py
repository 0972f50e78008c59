"""Full text is kept by the database, whoever writes; the vocabulary is counted anew where enough has changed."""

from __future__ import annotations

import pytest
from django.db import connection

from search.models import Document, DocumentIdentifier, Passage
from search.services.collections import collection_delete
from search.services.documents import documents_delete
from search.words.terms import look_up
from search.words.vocabulary import vocabularies_refresh
from tests.support.corpus import make_collection, make_documents
from tests.support.words import write

pytestmark = pytest.mark.django_db


def rows(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def words_of(document):
    found = rows(
        "SELECT array_to_string(tsvector_to_array(words), ' ') FROM lexical_passage WHERE document_id = %s",
        document.pk,
    )
    return [row[0] for row in found]


def test_a_passage_has_the_stems_of_its_words_and_of_the_title_without_accents_and_signs():
    (document,) = write(make_collection(), "Rüttelt: KX-204/B „oft“.", title="Pumps")
    assert words_of(document) == ["204 b kx oft pump ruttelt"]


def test_another_title_and_another_collection_are_written_anew():
    document = make_documents(make_collection(), 1)[0].document
    other = make_collection("other")
    Document.objects.filter(pk=document.pk).update(title="A gear", collection=other)
    assert words_of(document) == ["0 document gear part"]
    assert rows("SELECT collection_id FROM lexical_passage") == [(other.pk,)]


def test_what_is_deleted_is_gone_with_its_words_identifiers_and_vocabulary():
    collection = make_collection()
    documents = write(collection, "one A-100", "two B-200")
    vocabularies_refresh()
    documents_delete(documents=[documents[0].pk])
    assert [words_of(document) for document in documents] == [[], ["200 b two"]]
    assert set(DocumentIdentifier.objects.values_list("value", flat=True)) == {"b200", "n1"}
    collection_delete(collection=collection)
    assert rows("SELECT word FROM lexical_word UNION ALL SELECT 'passage' FROM lexical_passage") == []


def test_a_changed_document_names_what_it_says_now():
    collection = make_collection()
    (document,) = write(collection, "Fits A-100 and B-200.", external_id="one")
    write(collection, "Fits B-200 and C-300.", external_id="one")
    values = DocumentIdentifier.objects.filter(document=document).values_list("value", "source")
    assert sorted(values) == [("b200", "text"), ("c300", "text"), ("one", "external")]


def test_words_are_counted_by_passages_in_the_forms_that_people_write():
    collection = make_collection()
    write(collection, "Valves, valves.", "The valve.", "für den Öler")
    vocabularies_refresh()
    found = rows("SELECT word, lexeme, passages FROM lexical_word ORDER BY word")
    assert found == [
        ("den", "den", 1),
        ("für", "fur", 1),
        ("the", None, 1),
        ("valve", "valv", 1),
        ("valves", "valv", 1),
        ("öler", "oler", 1),
    ]
    (each,) = look_up("The valves Oler", [collection.pk]).languages
    assert [(term.word, term.passages) for term in each.terms] == [("valves", 2), ("oler", 1)]
    assert each.passages == 3


def test_a_collection_is_counted_anew_once_a_twentieth_has_changed():
    collection = make_collection()
    make_documents(collection, 60)
    vocabularies_refresh()
    write(collection, "first", "second")
    vocabularies_refresh()
    assert look_up("first", [collection.pk]).not_counted == ("first",)
    write(collection, "third", "fourth")
    vocabularies_refresh()
    assert look_up("first", [collection.pk]).not_counted == ()
    Passage.objects.filter(document__external_id__startswith="d").delete()
    vocabularies_refresh()
    assert look_up("document", [collection.pk]).not_counted == ("document",)


def test_another_language_is_written_by_the_next_refresh_and_finds_its_forms():
    collection = make_collection()
    (document,) = write(collection, "Die Ventile sind undicht.")
    assert words_of(document) == ["die sind undicht ventil"]
    collection.language = "german"
    collection.save()
    vocabularies_refresh()
    assert words_of(document) == ["undicht ventil"]
    assert [term.lexeme for term in look_up("Ventilen", [collection.pk]).languages[0].terms] == ["ventil"]
