"""Pages as units: encoded for models that know them, found by words and photos, each hit at its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from rest_framework.test import APIClient

from search.curating.quality import quality_condition
from search.indexing import encode as encode_module
from search.indexing.encoders import encoder_of
from search.indexing.hooks import SearchVectors, coverage_panel
from search.models import Document, DocumentPage, Query
from search.outline import Outline
from search.pictures import picture_prepared
from search.retrieval.types import Hit
from search.services.document_fields import DocumentFields
from search.services.document_files import FileContent, PageInput
from search.services.documents import DocumentRecord, documents_delete, documents_save, encode_soon
from search.vectors.index import index_state
from search.vectors.read import unit_vectors
from search.vectors.tables import VectorTable
from search.views.cards import hit_address
from search.words.vocabulary import vocabularies_refresh
from tests.support.corpus import kept_tiny_version, make_collection, picture, tiny_version
from tests.support.pages import shown_page
from tests.support.tiny_bundle import COLOURS
from workers.jobs.runner import run_job_inline
from workers.storage.blobs import blob_of, blob_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from django.test import Client

    from models_admin.models import ModelVersion
    from search.models import Collection

pytestmark = pytest.mark.django_db
SIZE = (48, 68)


def page_input(colour: str, seed: int = 0) -> PageInput:
    """A page of one colour, as a reader of files draws it."""
    blob = blob_store(picture(COLOURS[colour], size=SIZE, seed=seed), "image/jpeg")
    return PageInput(blob.sha256, *SIZE)


def save(
    collection: Collection, external_id: str, colours: Sequence[str], texts: Sequence[str] = (), seed: int = 0
) -> Document:
    """A document made of a file whose pages have these colours, and these words."""
    texts = texts or [f"Sheet {number} of {external_id}." for number, _ in enumerate(colours, 1)]
    starts = [sum(len(text) + 2 for text in texts[:place]) for place in range(len(texts))]
    outline = Outline(pages=tuple(starts), breaks=tuple(starts)).to_json()
    pages = tuple(page_input(colour, seed) for colour in colours)
    file = FileContent(
        "m.pdf", "pdf", sha256="".join(colours).encode().hex()[:64], outline=outline, pages=pages
    )
    record = DocumentRecord(external_id, DocumentFields(external_id, "\n\n".join(texts)), file=file)
    documents_save(collection=collection, records=[record])
    return Document.objects.get(collection=collection, external_id=external_id)


@pytest.fixture
def version(tmp_path: Path) -> ModelVersion:
    """A version whose model knows pages."""
    return kept_tiny_version(tmp_path, units=["page"])


@pytest.fixture
def manuals(version: ModelVersion) -> dict[str, Document]:
    """Two manuals, encoded."""
    collection = make_collection()
    found = {
        "pump": save(collection, "pump", ["white", "red", "grey"], ["Cover.", "The gland leaks.", "Parts."]),
        "valve": save(collection, "valve", ["black", "blue"]),
    }
    assert run_job_inline(encode_soon()).state == "succeeded"
    return found


def ask(vector: Any, version: ModelVersion, client: APIClient | None = None, **more: Any) -> dict[str, Any]:
    asked = {"embedding": [float(number) for number in vector], "model": version.key, "target": "pages"}
    response = (client or APIClient()).post("/api/v1/search/", asked | more, format="json")
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def by_words(version: ModelVersion, words: str, **more: Any) -> dict[str, Any]:
    return ask(encoder_of(version).encode_texts([words])[0], version, **more)


def by_photo(version: ModelVersion, colour: str, **more: Any) -> dict[str, Any]:
    encoder = encoder_of(version)
    assert encoder.manifest.image
    prepared = picture_prepared(picture(COLOURS[colour], seed=9), encoder.manifest.image)
    return ask(encoder.encode_pixels(prepared.pixels[None])[0], version, **more)


@pytest.mark.parametrize("asked", [by_words, by_photo], ids=["words", "photo"])
def test_words_and_photos_find_the_page_once_a_document(version, manuals, asked):
    answer = asked(version, "red", limit=5)
    first, second = answer["results"]
    page = manuals["pump"].pages.get(number=2)
    assert first["page"] == {
        "number": 2,
        "url": f"/documents/{manuals['pump'].pk}/pages/2/",
        "image": f"/images/{page.blob_id}",
        "thumbnail": f"/images/{page.blob_id}?w=320",
        "width": 48,
        "height": 68,
    }
    assert (first["passage"], first["image"]) == (None, None)
    assert first["score"] > second["score"]
    assert second["document"]["external_id"] == "valve"
    (blue, _) = asked(version, "blue")["results"]
    assert (blue["document"]["external_id"], blue["page"]["number"]) == ("valve", 2)
    kept = Query.objects.get(pk=answer["query"]["id"])
    assert (kept.target, kept.answer[0]["page"]) == ("pages", page.pk)


@pytest.mark.parametrize("text", ["gland leaks", "KX-204/B"], ids=["words", "identifier"])
def test_words_and_identifiers_of_a_passage_find_the_page_that_it_stands_on(tmp_path, text):
    tiny_version(tmp_path, units=["page"])
    collection = make_collection()
    save(collection, "pump", ["white", "red"], ["Cover.", "The gland of KX-204/B leaks."])
    save(collection, "valve", ["blue"])
    vocabularies_refresh()
    asked = {"text": text, "mode": "lexical", "target": "pages"}
    (hit,) = APIClient().post("/api/v1/search/", asked, format="json").json()["results"]
    assert (hit["document"]["external_id"], hit["page"]["number"]) == ("pump", 2)


def test_they_are_covered_indexed_and_deleted_like_other_units(version, manuals, monkeypatch):
    DocumentPage.objects.create(document=manuals["pump"], number=4)  # without a picture it is no unit
    assert SearchVectors().stored(version) == {"passage": 5, "image": 0, "page": 5}
    assert SearchVectors().missing(version) == {}
    assert coverage_panel(version).rows[-1][:5] == ("pages", 5, 5, 0, 0)
    monkeypatch.setattr(encode_module, "INDEX_ROWS_MIN", 5)
    save(make_collection("more"), "hose", ["green"])
    run_job_inline(encode_soon())
    assert index_state(version, "page").kind == "hnsw"
    documents_delete(documents=[manuals["pump"].pk])
    assert SearchVectors().stored(version)["page"] == 3


def test_a_private_collections_pages_are_found_by_its_readers_alone(version, manuals, django_user_model):
    secret = save(make_collection("secret", visibility="private"), "secret", ["red"], ["The gland."], seed=3)
    run_job_inline(encode_soon())
    vocabularies_refresh()
    root = APIClient()
    root.force_authenticate(django_user_model.objects.create_superuser("root"))
    words = {"text": "gland", "mode": "lexical", "target": "pages"}
    for ask_as in (
        lambda client: by_words(version, "red", client=client),
        lambda client: client.post("/api/v1/search/", words, format="json").json(),
    ):
        seen = [[hit["document"]["id"] for hit in ask_as(one)["results"]] for one in (APIClient(), root)]
        assert (secret.pk in seen[0], secret.pk in seen[1]) == (False, True)


def test_a_model_that_does_not_know_pages_has_none_of_them(tmp_path, client: Client):
    version = kept_tiny_version(tmp_path)
    save(make_collection(), "pump", ["red"])
    run_job_inline(encode_soon())
    assert not VectorTable(version.pk, "page").exists()
    assert set(SearchVectors().stored(version)) == {"passage", "image"}
    refused = APIClient().post("/api/v1/search/", {"text": "red", "target": "pages"}, format="json")
    assert (refused.status_code, refused.json()["error"]["id"]) == (422, "target.not_supported")
    assert 'value="pages"' not in client.get("/").content.decode()
    assert APIClient().get("/api/v1/models/champion/").json()["targets"] == ["passages", "images"]


def test_the_chooser_offers_pages_while_the_model_that_answers_knows_them(version, client: Client, tmp_path):
    save(make_collection(), "pump", ["red"])
    session = client.session
    session["target"] = "pages"
    session.save()
    assert '<input type="radio" name="target" value="pages" checked>' in client.get("/").content.decode()
    assert APIClient().get("/api/v1/models/champion/").json()["targets"][-1] == "pages"
    tiny_version(tmp_path, name="other", seed=1)
    home = client.get("/").content.decode()
    assert 'value="pages"' not in home
    assert '<input type="radio" name="target" value="passages" checked>' in home


def test_a_hit_shows_the_page_and_opens_there(version, manuals, client: Client):
    query = by_words(version, "red")["query"]["id"]
    results = shown_page(client.get(f"/q/{query}/"))
    address = f"/documents/{manuals['pump'].pk}/pages/2/?q={query}"
    assert f'<a href="{address}" data-hit-link>pump</a>' in results
    assert f"/images/{manuals['pump'].pages.get(number=2).blob_id}?w=320" in results
    assert "Matching pages" in results
    assert "Page 2</a>" in results
    opened = shown_page(client.get(address))
    assert "Page 2 <span" in opened
    assert f"/documents/{manuals['pump'].pk}/?q={query}" in opened
    assert client.get(f"/documents/{manuals['pump'].pk}/?q={query}").status_code == 200
    table = client.get(f"/api/v1/search/{query}/export.csv").getvalue().decode().splitlines()
    assert dict(zip(table[0].split(","), table[1].split(","), strict=True))["page.number"] == "2"


def test_pages_that_stay_the_same_keep_their_vectors_when_their_file_is_replaced(version, manuals):
    pump = manuals["pump"]
    before = {page.blob_id: page.pk for page in pump.pages.all()}
    cover, leak, parts = pump.pages.all()
    save(pump.collection, "pump", ["red", "yellow", "white"], seed=0)
    after = list(pump.pages.all())
    assert [page.number for page in after] == [1, 2, 3]
    assert [page.pk for page in after][::2] == [leak.pk, cover.pk]
    assert after[1].blob_id not in before
    assert sorted(unit_vectors(version, "page", [cover.pk, leak.pk, parts.pk])) == [cover.pk, leak.pk]
    assert SearchVectors().missing(version)["page"] == 1


def test_the_same_picture_on_several_pages_is_a_unit_each():
    twice = save(make_collection("blank"), "blank", ["white", "white", "red"])
    first, second, _ = twice.pages.all()
    save(twice.collection, "blank", ["red", "white"])
    assert [page.pk for page in twice.pages.all()][1] == first.pk
    assert not DocumentPage.objects.filter(pk=second.pk).exists()


def test_a_former_champion_gets_the_pages_too_and_lacks_none_at_a_rollback(version, manuals, tmp_path):
    tiny_version(tmp_path, name="next", seed=1, units=["page"])
    save(make_collection("new"), "hose", ["green", "pink"])
    assert SearchVectors().missing(version) == {"passage": 2, "page": 2}
    run_job_inline(encode_soon())
    assert SearchVectors().missing(version) == {}


def test_a_page_that_cannot_be_decoded_is_one_failed_item_and_counts_in_the_quality(version, manuals):
    damaged = blob_of(b"no picture", "image/jpeg")
    blob_store(b"no picture", "image/jpeg")
    page = DocumentPage.objects.create(document=manuals["valve"], number=3, blob=damaged, width=9, height=9)
    job = run_job_inline(encode_soon())
    assert (job.state, job.result["coverage"][version.key]["page"]["broken"]) == ("succeeded", 1)
    assert job.items.get().payload == {"version": version.pk, "kind": "page", "unit": page.pk}
    failed = Document.objects.filter(quality_condition("failed", manuals["valve"].collection))
    assert list(failed) == [manuals["valve"]]


def test_more_like_a_document_goes_by_its_pages(version, manuals):
    like = save(make_collection("copies"), "copy", ["red", "white"], seed=4)
    run_job_inline(encode_soon())
    asked = {"document": like.pk, "target": "pages", "limit": 1}
    (hit,) = APIClient().post("/api/v1/search/", asked, format="json").json()["results"]
    assert hit["document"]["external_id"] == "pump"


def test_a_page_that_is_gone_leads_to_its_document():
    pump = save(make_collection(), "pump", ["white"])
    assert hit_address(Hit(1, 0.5, pump, kind="page"), None) == f"/documents/{pump.pk}/"
