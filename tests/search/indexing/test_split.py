"""Long texts: stored at once, split by the job that makes their vectors; what they no longer say goes at once."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from search.models import Document, Passage
from search.services.collections import collection_create
from search.services.document_fields import DocumentFields
from search.services.document_units import SPLIT_AT_ONCE_CHARACTERS
from search.services.documents import document_delete, document_save, encode_soon
from search.splitting import passages
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db(transaction=True)


def sentences(count: int) -> list[str]:
    return [f"Sentence number {n} of this long note has exactly eleven short words." for n in range(count)]


@pytest.fixture
def save():
    collection = collection_create(name="Notes", slug="notes")

    def run(body: str) -> Document:
        document, _ = document_save(collection=collection, external_id="n", fields=DocumentFields(body=body))
        return document

    return run


def spans(document: Document) -> list[tuple[int, int]]:
    return list(document.passages.order_by("start").values_list("start", "end"))


def is_split_right(document: Document) -> bool:
    document.refresh_from_db()
    wanted = [(span.start, span.end) for span in passages(document.body)]
    texts_fit = all(document.body[p.start : p.end] == p.text for p in document.passages.all())
    return texts_fit and spans(document) == wanted and not document.split_pending


def test_a_short_text_is_split_at_once(save):
    assert is_split_right(save("x " * (SPLIT_AT_ONCE_CHARACTERS // 2)))


def test_a_long_text_is_stored_at_once_and_split_by_the_job(save):
    document = save(" ".join(sentences(2000)))
    assert (document.split_pending, spans(document)) == (True, [])
    job = run_job_inline(encode_soon())
    assert job.state == "succeeded"
    assert is_split_right(document)


def test_identifiers_of_a_long_text_are_read_by_the_job_too(save):
    def names() -> dict[str, str]:
        return dict(document.identifiers.values_list("value", "source"))

    document = save("The seal KX-204/B fits. " + " ".join(sentences(2000)))
    assert names() == {"n": "external"}
    run_job_inline(encode_soon())
    assert names() == {"n": "external", "kx204b": "text"}
    document = save("The seal KX-9 fits. " + " ".join(sentences(2000)))
    assert names() == {"n": "external"}  # what the text no longer says finds nothing
    run_job_inline(encode_soon())
    assert names() == {"n": "external", "kx9": "text"}


def test_of_a_long_text_that_changed_only_what_still_stands_in_it_can_be_found_meanwhile(save):
    words = sentences(2000)
    document = save(" ".join(words))
    run_job_inline(encode_soon())
    before = dict(document.passages.values_list("text", "pk"))
    changed = save(
        " ".join([*words[:500], "The secret of this note is gone for ever and a day.", *words[501:]])
    )
    assert changed.split_pending
    left = list(changed.passages.all())
    assert 0 < len(before) - len(left) <= 2
    assert not any("number 500 of" in passage.text for passage in left)
    assert all(changed.body[passage.start : passage.end] == passage.text for passage in left)
    run_job_inline(encode_soon())
    assert is_split_right(changed)
    kept = dict(changed.passages.values_list("text", "pk"))
    same = [text for text in kept if text in before]
    assert len(same) > 0.9 * len(before)
    assert all(kept[text] == before[text] for text in same)


def test_a_text_that_changes_while_it_is_being_split_is_split_as_it_is_last(save, monkeypatch):
    from search.indexing import split as split_module

    first = save(" ".join(sentences(2000)))
    real = split_module.passages_wanted

    def meanwhile(document: Document) -> list[Passage]:
        wanted = real(document)
        monkeypatch.setattr(split_module, "passages_wanted", real)
        save(" ".join(sentences(2100)))
        return wanted

    monkeypatch.setattr(split_module, "passages_wanted", meanwhile)
    run_job_inline(encode_soon())
    first.refresh_from_db()
    assert (first.split_pending, spans(first)) == (True, [])
    run_job_inline(encode_soon())
    assert is_split_right(first)


def test_deleting_waits_for_no_ring_with_a_split_in_progress(save):
    document = save(" ".join(sentences(2000)))
    locked, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Document.objects.select_for_update().get(pk=document.pk)
            locked.set()
            go_on.wait(10)
            list(Passage.objects.filter(document=document).select_for_update())
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    threading.Timer(0.3, go_on.set).start()
    document_delete(document=document)
    holder.join()
    assert not Document.objects.exists()
