"""A kind of unit that no other file knows: encoded, indexed, searched, and presented by the API and the pages."""

from __future__ import annotations

import pytest
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from search.api import parameters
from search.indexing import encode as encode_module
from search.indexing.encoders import encoder_of
from search.job_rights import seen_units
from search.models import Query
from search.services.documents import encode_soon
from search.units import registry
from search.units.registry import unit_kind_register, unit_kinds
from search.vectors.coverage import coverage, missing_outside
from search.vectors.index import index_state
from search.vectors.tables import VectorTable, table_drop, table_names, tables_of
from tests.search.units.caption import CAPTION, Caption
from tests.support.corpus import kept_tiny_version, make_collection, make_documents, make_version
from tests.support.tiny_bundle import COLOURS
from workers.jobs.runner import run_job_inline
from workers.models import Job, JobItem

pytestmark = pytest.mark.django_db


@pytest.fixture
def captions(monkeypatch):
    """The kind is registered and its table is there, as behind its migration."""
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
    unit_kind_register(CAPTION)
    with connection.schema_editor() as editor:
        editor.create_model(Caption)
    parameters._reader.cache_clear()  # serializers that were made before do not know the kind
    yield
    parameters._reader.cache_clear()


def caption_documents(count: int = len(COLOURS), **fields: str) -> list[Caption]:
    """Documents with a caption each that names a colour."""
    rows = make_documents(make_collection(**fields), count)
    return Caption.objects.bulk_create(
        Caption(document=row.document, figure=figure, words=f"a {colour} gear")
        for figure, (row, colour) in enumerate(zip(rows, COLOURS, strict=False), 1)
    )


@pytest.fixture
def encoded(captions, tmp_path, monkeypatch):
    """A version whose real encoder has made the vectors of all captions, and an index over them."""
    version = kept_tiny_version(tmp_path)
    rows = caption_documents()
    Caption.objects.create(document=rows[0].document, figure=99, words="")
    monkeypatch.setattr(encode_module, "INDEX_ROWS_MIN", 10)
    return version, run_job_inline(encode_soon())


def ask(version, words: str, **more) -> dict:
    vector = encoder_of(version).encode_texts([words])[0]
    asked = {"embedding": [float(number) for number in vector], "model": version.key, "target": "captions"}
    response = APIClient().post("/api/v1/search/", asked | more, format="json")
    assert response.status_code == 200, response.content
    return response.json()


def test_its_units_are_encoded_and_indexed_beside_the_others(encoded):
    version, job = encoded
    assert job.state == "succeeded"
    complete = {"total": 12, "stored": 12, "broken": 0, "missing": 0}
    report = job.result["coverage"][version.key]
    assert (report["caption"], report["passage"]) == (complete, complete)  # the blank caption is no unit
    assert index_state(version, "caption").kind == "hnsw"


def test_a_search_for_it_finds_its_units_and_the_api_says_what_they_are(encoded):
    version, _ = encoded
    first, *others = ask(version, "a yellow gear", limit=3)["results"]
    found = Caption.objects.get(words="a yellow gear")
    assert first["caption"] == {"words": "a yellow gear", "figure": found.figure}
    assert first["document"]["id"] == found.document_id
    assert (first["passage"], first["image"], len(others)) == (None, None, 2)
    (passage, *_) = ask(version, "a yellow gear", target="passages")["results"]
    assert (passage["caption"], passage["passage"]["text"]) == (
        None,
        f"{passage['document']['title']}, part 0",
    )


def test_its_answer_is_kept_and_goes_on_behind_the_first_page(encoded):
    version, _ = encoded
    answer = ask(version, "a red gear", limit=8)
    kept = Query.objects.get(pk=answer["query"]["id"])
    assert {type(entry["caption"]) for entry in kept.answer} == {int}
    rest = APIClient().post("/api/v1/search/", {"next": answer["next"], "limit": 8}, format="json").json()
    seen = [hit["caption"]["words"] for hit in answer["results"] + rest["results"]]
    assert sorted(seen) == sorted(f"a {colour} gear" for colour in COLOURS)


def test_more_like_a_document_is_asked_with_its_own_units_first(encoded):
    version, _ = encoded
    red = Caption.objects.get(words="a red gear")
    asked = {"document": red.document_id, "target": "captions", "limit": 1}
    answer = APIClient().post("/api/v1/search/", asked, format="json").json()
    (nearest,) = ask(version, "a red gear", limit=2)["results"][1:]
    assert answer["results"][0]["document"]["id"] == nearest["document"]["id"]


def test_the_pages_offer_it_and_show_its_hits(encoded, client: Client):
    version, _ = encoded
    query = ask(version, "a yellow gear")["query"]["id"]
    page = client.get(f"/q/{query}/").content.decode()
    assert '<input type="radio" name="target" value="captions" checked>' in page
    assert "Matching captions" in page
    assert "a yellow gear" in page
    assert "by its best caption." in page
    opened = client.get(f"/documents/{Caption.objects.first().document_id}/?q={query}")
    assert opened.status_code == 200


def test_the_schema_knows_it(captions):
    schema = APIClient().get("/api/v1/schema/").json()["components"]["schemas"]
    assert set(schema["CaptionAnswer"]["properties"]) == {"words", "figure"}
    assert "caption" in schema["HitAnswer"]["required"]
    assert "captions" in schema["TargetEnum"]["enum"]


def test_a_version_that_was_ready_before_it_came_gets_its_table_with_the_migration(captions, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(registry, "_kinds", {k.name: k for k in unit_kinds() if k is not CAPTION})
        version = make_version()
    assert not VectorTable(version.pk, "caption").exists()
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert all(table.exists() for table in tables_of(version))
    caption_documents(3)
    assert coverage(version)["caption"].missing == 3
    assert missing_outside(version, "caption", [])


def test_its_tables_go_with_the_version(captions):
    version = make_version()
    assert VectorTable(version.pk, "caption") in table_names()
    table_drop(version)
    assert table_names() == ()


def test_only_who_may_see_a_document_sees_which_of_its_units_failed(captions, django_user_model):
    stranger, root = (
        django_user_model.objects.create_user("stranger"),
        django_user_model.objects.create_superuser("root"),
    )
    (hidden,) = caption_documents(1, slug="secret", visibility="private")
    job = Job.objects.create(type="encode")
    payload = {"version": 1, "kind": "caption", "unit": hidden.pk}
    JobItem.objects.create(job=job, key="a caption", error_id="x.y", reason="Z.", payload=payload)
    seen = [seen_units(JobItem.objects.all(), user).count() for user in (stranger, root)]
    assert seen == [0, 1]
