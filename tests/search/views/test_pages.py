"""A page of a document's file with what was found marked on it, and the file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile

from search.api.presenting import hit_json
from search.models import Collection, Document, DocumentFile, Passage
from search.retrieval.present import hits_of
from search.retrieval.types import RankedDocument
from search.services.collections import collection_create
from search.services.imports import import_start
from tests.support.manuals import manual
from tests.support.pages import kept_query, shown_page
from workers.jobs.runner import run_job_inline

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def document() -> Document:
    corpus = collection_create(name="Manuals", visibility="public")
    run_job_inline(import_start(collection=corpus, file=ContentFile(manual(), name="manual.pdf")))
    return Document.objects.get()


def test_a_page_is_shown_with_the_passage_marked_at_its_place(client: Client, document: Document) -> None:
    passage = Passage.objects.get(page=2)
    page = shown_page(client.get(f"/documents/{document.pk}/pages/2/?passage={passage.pk}"))
    assert "Page 2 <span" in page
    assert f"/images/{document.pages.get(number=2).blob_id}" in page
    assert page.count("<rect") == 2
    assert "The pump hums and does not turn" in page
    assert f"/documents/{document.pk}/pages/1/" in page
    assert "pages/3/" not in page


def test_a_page_of_its_own_has_no_marks(client: Client, document: Document) -> None:
    for written in ("", "?passage=nonsense", f"?passage={10**18}"):
        assert "<rect" not in shown_page(client.get(f"/documents/{document.pk}/pages/1/{written}"))


def test_there_is_no_page_behind_the_last(client: Client, document: Document) -> None:
    response = client.get(f"/documents/{document.pk}/pages/3/")
    assert response.status_code == 404
    assert "document.page_not_found" in response.content.decode()


def test_the_document_shows_its_pages_and_offers_its_file(client: Client, document: Document) -> None:
    page = shown_page(client.get(f"/documents/{document.pk}/"))
    assert "2 pages" in page
    assert f"/documents/{document.pk}/pages/2/" in page
    assert f"/documents/{document.pk}/file" in page
    assert "manual.pdf" in page


def test_a_hit_says_its_page_and_leads_to_it(client: Client, document: Document) -> None:
    passage = Passage.objects.get(page=2)
    query = kept_query([document])
    query.answer[0]["passage"] = passage.pk
    query.save()
    address = f"/documents/{document.pk}/pages/2/?passage={passage.pk}&amp;q={query.pk}"
    results = client.get(f"/q/{query.pk}/").content.decode()
    assert address in results
    assert f"/images/{document.pages.get(number=2).blob_id}?w=320" in results
    assert address in client.get(f"/documents/{document.pk}/?q={query.pk}").content.decode()


def test_a_hit_of_the_api_gives_the_page_its_picture_and_the_boxes_that_are_marked(
    client: Client, document: Document
) -> None:
    passage, page = Passage.objects.get(page=2), document.pages.get(number=2)
    query = kept_query([document])
    query.answer[0]["passage"] = passage.pk
    query.save()
    (hit,) = client.get(f"/api/v1/search/{query.pk}/").json()["results"]
    place = hit["place"]
    assert (
        (place["page"], place["image"])
        == (hit["passage"]["page"], f"/images/{page.blob_id}")
        == (2, place["image"])
    )
    assert (place["width"], place["height"]) == (page.width, page.height)
    assert len(place["boxes"]) == 2
    marked = shown_page(client.get(place["url"]))
    assert marked.count("<rect") == 2
    assert all(0 <= side <= 1 for box in place["boxes"] for side in box)
    assert client.get(place["image"]).status_code == 200


def test_a_picture_found_on_a_page_says_where_it_stands(document: Document) -> None:
    image, page = document.images.get(), document.pages.get(number=1)
    (hit,) = hits_of([RankedDocument(document.pk, image.pk, 0.5)], "image", [document.collection_id])
    place = hit_json(hit)["place"]
    assert (place["page"], place["boxes"], place["image"]) == (1, [image.box], f"/images/{page.blob_id}")


def test_a_document_without_pages_has_no_place(document: Document) -> None:
    passage = Passage.objects.get(page=2)
    document.pages.all().delete()
    (hit,) = hits_of([RankedDocument(document.pk, passage.pk, 0.5)], "passage", [document.collection_id])
    assert hit_json(hit)["place"] is None


def test_the_file_is_sent_to_be_saved_and_never_opened_as_a_page(client: Client, document: Document) -> None:
    response = client.get(f"/documents/{document.pk}/file")
    assert b"".join(response.streaming_content) == manual_bytes(document)
    assert response["Content-Disposition"] == 'attachment; filename="manual.pdf"'
    assert response["Content-Type"] == "application/octet-stream"
    assert "sandbox" in response["Content-Security-Policy"]


def manual_bytes(document: Document) -> bytes:
    file = document.files.get()
    assert file.blob is not None
    from workers.storage.blobs import blob_open

    with blob_open(file.blob) as kept:
        return kept.read()


def test_who_may_not_see_the_collection_sees_neither_page_nor_file_nor_picture(
    client: Client, document: Document
) -> None:
    Collection.objects.update(visibility="private")
    blob = document.pages.get(number=1).blob_id
    for address in (
        f"/documents/{document.pk}/pages/1/",
        f"/documents/{document.pk}/file",
        f"/images/{blob}",
    ):
        assert client.get(address).status_code == 404


def test_a_file_that_is_not_kept_is_not_offered(client: Client, document: Document) -> None:
    DocumentFile.objects.update(blob=None)
    assert client.get(f"/documents/{document.pk}/file").status_code == 404
    assert f"/documents/{document.pk}/file" not in shown_page(client.get(f"/documents/{document.pk}/"))
