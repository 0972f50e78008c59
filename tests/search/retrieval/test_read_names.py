"""Searches by a photo whose text names documents."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval_site.errors import AppError
from search.api import photo_text
from search.models import Membership, Passage, Query
from search.retrieval import reopen
from search.retrieval.door import search_encoded
from search.retrieval.types import EncodedPart, EncodedQuery, ImagePart, SearchRequest
from tests.support.corpus import clustered, make_collection, store
from tests.support.words import write
from workers.inference.ocr.types import TextRead
from workers.reading.wire import PhotoReading

pytestmark = pytest.mark.django_db
DIM = 16


def read(*lines):
    return tuple(TextRead(line, (0.1, 0.1, 0.5, 0.1), "line", 0.9) for line in lines)


@pytest.fixture
def documents(version):
    """Twelve documents; the last is the farthest from what everybody searches with."""
    made = write(make_collection(), *(f"Pump {number}, 230 V." for number in range(9)))
    made += write(make_collection("b"), "The KX-204/A.", "The KX-204/B.", "About the ORY 32048.")
    vectors = clustered(1, DIM, seed=1)[0] + np.linspace(0, 1, 12)[:, None] * clustered(1, DIM, seed=2)[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    passages = [Passage.objects.get(document=one) for one in made]
    store(version, passages, vectors.astype(np.float32))
    return made


def ask(version, *lines, viewer=None, asks=True, **more):
    """Search by a photo with this text; what its vector is, everybody knows."""
    photo = ImagePart(b"photo", read=read(*lines) if asks else None)
    encoded = EncodedPart("image", clustered(1, DIM, seed=1))
    request = SearchRequest(viewer, parts=(photo,), model=version.key, **more)
    return search_encoded(EncodedQuery(version, (encoded,)), request)


def found(answer):
    return [hit.document for hit in answer.hits]


def test_a_document_that_the_photo_names_stands_first_and_the_reading_is_kept(version, documents):
    answer = ask(version, "NORDPUMP", "Type KX-204/B", "230 V 50 Hz")
    assert found(answer)[0] == documents[10]
    assert set(found(answer)[1:]) < set(documents)
    assert answer.plan.retrievers == ("identifiers", "dense")
    kept = reopen(answer.query_id, None)
    assert [one["text"] for one in kept.text_read] == ["NORDPUMP", "Type KX-204/B", "230 V 50 Hz"]
    assert found(kept) == found(answer)


def test_where_nothing_is_named_the_answer_is_that_of_the_photo_alone(version, documents):
    plain = ask(version, asks=False)
    answer = ask(version, "NORDPUMP", "230 V 50 Hz", "XY-999/Z")
    assert [(hit.document, hit.score) for hit in answer.hits] == [
        (hit.document, hit.score) for hit in plain.hits
    ]
    assert answer.plan == plain.plan
    assert plain.text_read is None


def test_an_o_that_was_read_as_a_nought_still_names_its_document(version, documents):
    assert found(ask(version, "P/N 0RY 32048"))[0] == documents[11]


def test_what_was_read_rightly_counts_before_what_looks_like_it(version, documents):
    write(make_collection("c"), "The K0X-11.", "The KOX-11.")
    passages = list(Passage.objects.filter(document__collection__slug="c").order_by("pk"))
    store(version, passages, clustered(2, DIM, seed=5))
    first = found(ask(version, "KOX-11"))[0]
    assert first.body == "The KOX-11."


def test_a_hidden_document_is_named_to_its_readers_only(version, documents, django_user_model):
    hidden = make_collection("hidden", visibility="private")
    secret = write(hidden, "The ZZ-900/X.")[0]
    store(version, [Passage.objects.get(document=secret)], clustered(1, DIM, seed=7))
    assert secret not in found(ask(version, "ZZ-900/X", limit=50))
    reader = django_user_model.objects.create(username="reader")
    Membership.objects.create(collection=hidden, user=reader, role="reader")
    assert found(ask(version, "ZZ-900/X", viewer=reader))[0] == secret


def test_what_is_on_very_many_documents_names_none(version, documents):
    crowd = write(
        make_collection("many"), *(f"Part {number}." for number in range(25)), metadata={"list": "L-77"}
    )
    passages = [Passage.objects.get(document=one) for one in crowd]
    store(version, passages, clustered(25, DIM, seed=8))
    assert ask(version, "L-77").plan.retrievers == ("dense",)


def test_reading_is_no_part_of_a_search_that_did_not_ask_for_it(version, documents):
    ask(version, asks=False)
    assert Query.objects.get().part.text_read is None


def test_only_a_photo_that_is_looked_for_is_read(monkeypatch):
    read = []
    monkeypatch.setattr(photo_text, "photo_read", lambda _, data: read.append(data) or PhotoReading())
    away, towards = ImagePart(b"away", -1.0), ImagePart(b"towards")
    asked, warnings = photo_text.photo_of_search_read(SearchRequest(None, (away, towards)))
    assert ([part.read for part in asked.parts], warnings, read) == ([None, ()], [], [b"towards"])
    with pytest.raises(AppError, match=r"parameter\.invalid"):
        photo_text.photo_of_search_read(SearchRequest(None, (away,)))
