"""Near-duplicates: which documents one stands for, whoever may see which of them, page by page."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval_site.accounts.models import User
from search.models import Document, Membership, Passage, Query
from search.retrieval import reopen, search
from search.retrieval.types import EmbeddingPart, SearchRequest
from tests.support.corpus import make_collection, store, unit_rows

pytestmark = pytest.mark.django_db
DIM = 16


@pytest.fixture
def rows(version, collection):
    """Passages by their texts: `rows([("text", angle, collection), …])`, the angle from the query in degrees."""

    def made(units):
        passages = []
        for number, (text, _, *where) in enumerate(units):
            document = Document.objects.create(
                collection=where[0] if where else collection, external_id=f"n{number}", title=f"n{number}"
            )
            passages.append(Passage.objects.create(document=document, ordinal=0, start=0, end=0, text=text))
        angles = np.radians([angle for _, angle, *_ in units])
        vectors = np.zeros((len(units), DIM))
        vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
        store(version, passages, unit_rows(vectors))
        return passages

    return made


@pytest.fixture
def shown(version):
    """Search from angle 0 and return the titles of hits with those of their near-duplicates."""

    def titles(viewer=None, **fields):
        vector = (1.0,) + (0.0,) * (DIM - 1)
        request = SearchRequest(viewer=viewer, parts=(EmbeddingPart(vector),), model=version.key, **fields)
        return answered(search(request))

    return titles


def answered(answer):
    return [(hit.document.title, [same.document.title for same in hit.same]) for hit in answer.hits]


def test_the_best_of_those_with_the_same_words_stands_for_the_others(rows, shown):
    rows([("The red pump.", 5), ("A blue valve.", 10), ("the  RED pump", 40), ("The red pump leaks.", 50)])
    assert shown(collapse=True) == [("n0", ["n2"]), ("n1", []), ("n3", [])]


def test_nearly_the_same_words_count_where_the_vectors_are_near_too(rows, shown):
    text = "The red pump in the hall leaks at the seal and must be mended soon"
    rows([(text, 5), (text + " enough", 8), (text + " indeed", 60)])
    assert shown(collapse=True) == [("n0", ["n1"]), ("n2", [])]


def test_texts_that_differ_in_a_number_are_never_the_same(rows, shown):
    text = "Order the seal with the part number {} for the red pump in the large hall"
    rows([(text.format("KX-204"), 5), (text.format("KX-205"), 5), (text.format("KX-204"), 6)])
    assert shown(collapse=True) == [("n0", ["n2"]), ("n1", [])]


def test_nothing_is_collapsed_unless_asked(rows, shown):
    rows([("The red pump.", 5), ("The red pump.", 6)])
    assert shown() == [("n0", []), ("n1", [])]
    assert Query.objects.get().answer[1].get("same_as") is None


def test_where_the_best_is_hidden_from_a_reader_the_next_one_stands_for_the_rest(rows, shown):
    member = User.objects.create_user("member")
    private = make_collection("vault", visibility="private")
    Membership.objects.create(collection=private, user=member)
    rows([("The red pump.", 5, private), ("The red pump.", 6), ("The red pump.", 7), ("A valve.", 30)])
    assert shown(member, collapse=True) == [("n0", ["n1", "n2"]), ("n3", [])]
    kept = Query.objects.get().pk
    assert answered(reopen(kept, None)) == [("n1", ["n2"]), ("n3", [])]
    assert answered(reopen(kept, member)) == [("n0", ["n1", "n2"]), ("n3", [])]


def test_pages_neither_repeat_nor_lose_a_document(rows, shown):
    rows([(f"Text of thing {chr(97 + number % 7)}.", 1 + number) for number in range(40)])
    first = shown(limit=3, collapse=True)
    assert [title for title, _ in first] == ["n0", "n1", "n2"]
    assert [len(same) for _, same in first] == [5, 5, 5]
    kept, seen, cursor = Query.objects.get().pk, [], None
    while True:
        answer = reopen(kept, None, 3, cursor)
        seen += answered(answer)
        if (cursor := answer.next) is None:
            break
    assert [title for title, _ in seen] == [f"n{number}" for number in range(7)]
    assert sorted(title for head, same in seen for title in (head, *same)) == sorted(
        f"n{n}" for n in range(40)
    )
    assert [hit.rank for hit in reopen(kept, None, 7).hits] == list(range(1, 8))


def test_what_was_collapsed_is_shown_apart_where_that_is_wanted(rows, shown):
    rows([("The red pump.", 5), ("A valve.", 6), ("The red pump.", 7)])
    shown(collapse=True)
    apart = reopen(Query.objects.get().pk, None, apart=True)
    assert answered(apart) == [("n0", []), ("n1", []), ("n2", [])]


def test_an_answer_full_of_one_text_is_followed_until_the_page_is_full(rows, shown, monkeypatch):
    monkeypatch.setattr("search.retrieval.keep.KEPT_FIRST", 20)
    rows([("The same text.", 1 + number / 10) for number in range(150)] + [("Another text.", 80)])
    shown(collapse=True)
    page = reopen(Query.objects.get().pk, None)
    assert [title for title, _ in answered(page)] == ["n0", "n150"]
    assert len(page.hits[0].same) == 149
    assert page.next is None


def test_the_first_page_is_full_where_duplicates_leave_room(rows, shown, monkeypatch):
    monkeypatch.setattr("search.retrieval.keep.KEPT_FIRST", 10)
    same = [("The same text.", 1 + number / 10) for number in range(30)]
    rows(same + [(f"Text of thing {number}.", 40 + 5 * number) for number in range(5)])
    assert [len(same) for _, same in shown(limit=4, collapse=True)] == [29, 0, 0, 0]
