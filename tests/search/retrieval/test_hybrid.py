"""Searches by words: full text and identifiers beside the vectors, each mode, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrieval_site.errors import AppError
from search.models import Collection, DocumentImage, Membership, Passage, Query
from search.retrieval import reopen, search
from search.retrieval.encode import Known
from search.retrieval.types import EmbeddingPart, EncodedPart, EncodedQuery, SearchRequest, TextPart
from search.services.documents import documents_delete
from search.words.vocabulary import vocabularies_refresh
from tests.support.corpus import clustered, make_collection, store
from tests.support.words import write

pytestmark = pytest.mark.django_db
DIM = 16
AWAY = AppError("encoder.unavailable")


class Words(Known):
    """What the encoder says of words: a vector, or that it knows none of them."""

    def __init__(self, version, vector, *, unknown=(), error=None):
        part = EncodedPart("text", np.asarray(vector, np.float32)[None])
        warning = {
            "id": "text.nothing_known",
            "message": "It knows none.",
            "detail": {"unknown_words": list(unknown)},
        }
        query = EncodedQuery(
            version,
            (replace(part, nothing_known=bool(unknown)),),
            warnings=(warning,) if unknown else (),
        )
        super().__init__(query)
        self.error = error

    def finish(self):
        if self.error:
            raise self.error
        return super().finish()


@pytest.fixture
def encoder(version, monkeypatch):
    """The encoder: `encoder.vector`, `encoder.unknown`, `encoder.error`; `encoder.asked` are the texts it was sent."""

    class Encoder:
        vector, unknown, error, asked = clustered(1, DIM, seed=9)[0], (), None, []

        def start(self, request, preview_px):
            self.asked = [*self.asked, getattr(request.parts[0], "text", "")]
            return Words(version, self.vector, unknown=self.unknown, error=self.error)

    encoder = Encoder()
    monkeypatch.setattr("search.retrieval.unencoded.encode_start", encoder.start)
    return encoder


@pytest.fixture
def notes(version, collection, encoder):
    """Documents by name, whose vectors lie the closer to the question's the later they come."""
    bodies = {
        "valve": "A cracked valve. Seal KX-204/B fits.",
        "other": "The valve of the other line: KX-204.",
        "pump": "A leaking pump of the company Brögelmann.",
        "gear": "The gear is worn.",
    }
    documents = write(collection, *bodies.values())
    vectors = np.stack([encoder.vector + (4 - place) * 0.3 * np.eye(DIM)[place] for place in range(4)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    passages = [Passage.objects.get(document=document) for document in documents]
    store(version, passages, vectors.astype(np.float32))
    vocabularies_refresh()
    return dict(zip(bodies, documents, strict=True))


def ask(text, **fields):
    return search(SearchRequest(**{"viewer": None, "parts": (TextPart(text),), **fields}))


def names(answer, notes):
    by_id = {document.pk: name for name, document in notes.items()}
    return [by_id[hit.document.pk] for hit in answer.hits]


def warned(answer):
    return [warning["id"] for warning in answer.warnings]


@pytest.mark.parametrize("written", ["KX-204/B", "kx204b", "KX 204 B", "a seal kx-204.b for the gear"])
def test_an_exact_identifier_stands_first_however_it_is_written_and_among_words(notes, written):
    answer = ask(written)
    assert names(answer, notes)[0] == "valve"
    assert [hit.score > 1 for hit in answer.hits[:2]] == [True, False]


def test_a_longer_identifier_is_not_taken_for_the_shorter_one_in_it(notes):
    assert names(ask("KX 204"), notes)[0] == "other"
    assert names(ask("KX-204 B"), notes)[0] == "valve"


def test_ids_and_values_of_metadata_are_identifiers_too(notes, collection):
    first, second = write(
        collection, "About nothing.", "Nor this.", metadata={"ean": 4006381333931}, title="Plate"
    )
    assert {hit.document for hit in ask("4006381333931", limit=2).hits} == {first, second}
    (named,) = write(collection, "Anything.", external_id="note-7")
    assert ask("please find NOTE 7").hits[0].document == named


def test_a_rare_word_that_the_vectors_do_not_see_comes_to_the_top(notes):
    assert names(ask("brogelmann", mode="dense"), notes)[0] == "gear"
    answer = ask("brogelmann")
    assert names(answer, notes)[0] == "pump"
    assert len(answer.hits) == 4
    assert answer.plan.retrievers == ("identifiers", "lexical", "dense")


def test_by_words_alone_nothing_else_is_found_and_no_encoder_asked(notes, encoder):
    answer = ask("the valves", mode="lexical")
    assert set(names(answer, notes)) == {"valve", "other"}
    assert (answer.plan.kind, answer.plan.retrievers, answer.next) == (
        "lexical",
        ("identifiers", "lexical"),
        None,
    )
    assert encoder.asked == []


def test_words_that_the_model_does_not_know_are_served_by_full_text_alone(notes, encoder):
    encoder.unknown = ("Brögelmann",)
    answer = ask("Brögelmann")
    assert names(answer, notes) == ["pump"]
    assert warned(answer) == ["text.nothing_known"]


def test_an_encoder_that_does_not_answer_is_a_warning_for_words(notes, encoder):
    encoder.error = AWAY
    answer = ask("valve")
    assert set(names(answer, notes)) == {"valve", "other"}
    assert warned(answer) == ["encoder.words_only"]
    assert reopen(answer.query_id, None, 10).hits == answer.hits
    with pytest.raises(AppError, match="not possible"):
        ask("valve", mode="dense")


def test_misspelt_words_are_mended_said_kept_and_left_as_written_where_that_is_asked(notes, encoder):
    encoder.unknown = ("craked", "vlave")
    answer = ask("Craked vlave", mode="lexical")
    (warning,) = answer.warnings
    assert warning["id"] == "text.mended"
    assert answer.mended == {"asked": "Craked vlave", "searched": "Cracked valve"}
    assert warning["detail"] == {**answer.mended, "texts": {"0": "Craked vlave"}}
    assert names(answer, notes)[0] == "valve"
    assert Query.objects.get(pk=answer.query_id).text == "Cracked valve"
    as_written = ask("Craked vlave", mode="lexical", as_written=True)
    assert (as_written.hits, warned(as_written)) == ((), ["text.as_written"])
    assert as_written.as_written == {"asked": "Craked vlave", "searched": "Cracked valve"}


def test_mended_words_are_encoded_too(notes, encoder):
    ask("craked valve")
    assert encoder.asked == ["craked valve", "cracked valve"]


def test_words_for_vectors_alone_are_mended_too(notes, encoder):
    encoder.unknown = ("craked",)
    answer = ask("craked valve", mode="dense")
    assert encoder.asked == ["craked valve", "cracked valve"]
    assert answer.mended == {"asked": "craked valve", "searched": "cracked valve"}
    assert answer.plan.retrievers == ("dense",)
    assert warned(ask("craked valve", mode="dense", as_written=True)) == [
        "text.as_written",
        "text.nothing_known",
    ]


def test_what_is_no_words_is_searched_by_vectors_unless_words_are_demanded(notes, version, ask_by_vector):
    assert ask_by_vector().plan.retrievers == ("dense",)
    with pytest.raises(AppError, match="needs words"):
        ask_by_vector(mode="hybrid")


@pytest.fixture
def ask_by_vector(version, encoder):
    def by_vector(**fields):
        part = EmbeddingPart(tuple(map(float, encoder.vector)))
        return search(SearchRequest(viewer=None, parts=(part,), model=version.key, **fields))

    return by_vector


@pytest.mark.parametrize("mode", ["hybrid", "lexical"])
@pytest.mark.parametrize("text", ["zephyrion", "QX-77/1", "zephyrian"])
def test_a_private_collection_is_found_by_its_members_alone_and_lends_nobody_its_words(
    notes, django_user_model, mode, text
):
    private = make_collection("secret", visibility="private")
    (document,) = write(private, "Project Zephyrion, part QX-77/1.")
    vocabularies_refresh()
    member = django_user_model.objects.create_user("member")
    Membership.objects.create(collection=private, user=member)
    answer = ask(text, mode=mode)
    assert document not in [hit.document for hit in answer.hits]
    assert "text.mended" not in warned(answer)
    assert document in [hit.document for hit in ask(text, mode=mode, viewer=member).hits[:2]]
    assert document not in [
        hit.document for hit in ask(text, mode=mode, viewer=member, collections=("public",)).hits
    ]


@pytest.mark.parametrize("mode", ["hybrid", "lexical"])
def test_filters_hold_for_words_and_identifiers(notes, collection, mode):
    (tagged,) = write(collection, "A tagged valve KX-204/B.", tags=("spare",))
    for text in ("valve", "KX-204/B"):
        answer = ask(text, mode=mode, filters={"tags": ["spare"]})
        assert [hit.document for hit in answer.hits] == [tagged]


def test_every_document_comes_once_through_all_pages(notes, collection, version):
    documents = write(collection, *(f"valve number {place} of many" for place in range(130)))
    passages = list(Passage.objects.filter(document__in=documents).order_by("pk"))
    store(version, passages[:60], clustered(60, DIM, seed=3))
    for mode, expected in (("hybrid", 134), ("lexical", 132)):
        answer = ask("valve", mode=mode, limit=50)
        ids = [hit.document.pk for hit in answer.hits]
        while answer.next:
            answer = reopen(answer.query_id, None, 50, answer.next)
            ids += [hit.document.pk for hit in answer.hits]
        assert len(ids) == len(set(ids)) <= expected
        assert len(ids) >= 102


def test_frequent_words_find_what_rare_ones_leave_out(notes, collection, monkeypatch):
    monkeypatch.setattr("search.retrieval.lexical.FOUND_BY_MAX", 1)
    assert len(ask("cracked valve", mode="lexical").hits) == 2


def test_what_a_rare_word_found_stays_where_only_some_passages_of_a_frequent_one_are_looked_at(
    notes, collection, monkeypatch
):
    write(collection, *(f"a valve, number {place}" for place in range(5)), "The valve zephyrion.")
    vocabularies_refresh()
    for name, most in {"FOUND_BY_MAX": 1, "FILLING": (2,), "SCORED_MAX": 4}.items():
        monkeypatch.setattr(f"search.retrieval.lexical.{name}", most)
    found = [hit.document.body for hit in ask("valve zephyrion", mode="lexical").hits]
    assert found[0] == "The valve zephyrion."
    assert len(set(found)) == len(found) > 2


def test_pictures_are_found_by_their_documents_words(notes, version, image_of):
    first, _ = image_of(notes["valve"]), image_of(notes["valve"], ordinal=1)
    answer = ask("kx204b", target="images", mode="lexical")
    assert [hit.unit for hit in answer.hits] == [first]
    assert [hit.unit for hit in ask("cracked", target="images", mode="lexical").hits] == [first]


@pytest.fixture
def image_of():
    from workers.storage.blobs import blob_store

    def image(document, ordinal=0):
        return DocumentImage.objects.create(
            document=document, ordinal=ordinal, blob=blob_store(f"{ordinal}".encode(), "image/png")
        )

    return image


def test_two_languages_are_searched_at_once(notes, collection):
    german = Collection.objects.create(slug="de", name="de", visibility="public", language="german")
    (document,) = write(german, "Die Ventile sind undicht.")
    vocabularies_refresh()
    assert [hit.document for hit in ask("Ventilen", mode="lexical").hits] == [document]
    assert {hit.document for hit in ask("valves Ventil", mode="lexical").hits} == {
        document,
        notes["valve"],
        notes["other"],
    }


def test_odd_words_are_no_syntax(notes):
    for text in ("o'", "a\\", "a:* & !b | (c", "valve' | 'pump", "%s", "’’ “a", "\u0130"):
        assert warned(ask(text, mode="lexical", as_written=True)) in ([], ["text.nothing_known"])
    for text in ("'", "\\", " ", "’’ “"):
        with pytest.raises(AppError) as caught:
            ask(text, mode="lexical")
        assert caught.value.id == "text.empty"


def test_what_is_deleted_is_not_found(notes):
    documents_delete(documents=[notes["valve"].pk])
    assert names(ask("kx204b cracked", mode="lexical"), notes) == []
