"""Hits as files: all that are kept, safe to open in a spreadsheet, and only what the reader may see."""

from __future__ import annotations

import csv
import uuid
from io import StringIO

import pytest
from rest_framework.test import APIClient

from search.models import Document, Membership, Passage
from tests.search.api.conftest import error_id
from tests.support.corpus import clustered, make_documents, make_version, store
from tests.support.pages import kept_query
from tests.support.queries import make_query

pytestmark = pytest.mark.django_db


@pytest.fixture
def documents(world):
    rows = Document.objects.bulk_create(
        Document(
            collection=world.open,
            external_id=f"n{number}",
            title="=HYPERLINK(1)" if number == 0 else f"Note {number}",
            body="A body.",
            tags=["pump", "old"],
            metadata={"kind": "+pump", "rebuilt": number == 0, f"only {number % 2}": number},
        )
        for number in range(60)
    )
    Passage.objects.bulk_create(
        Passage(document=row, ordinal=0, start=0, end=7, text="A body.") for row in rows
    )
    return rows


def table(client, query) -> list[dict[str, str]]:
    response = client.get(f"/api/v1/search/{query.pk}/export.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="hits-{query.pk}.csv"' in response["Content-Disposition"]
    return list(csv.DictReader(StringIO(response.getvalue().decode(), newline="")))


def test_the_table_has_every_kept_hit_with_its_passage_and_metadata_by_name(world, documents):
    rows = table(world.client("reader"), kept_query(documents))
    assert [row["external_id"] for row in rows] == [document.external_id for document in documents]
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, 61)]
    first = rows[0]
    assert (first["passage.text"], first["passage.start"], first["passage.end"]) == ("A body.", "0", "7")
    assert (first["tags"], first["metadata.rebuilt"], first["score"]) == ("pump; old", "yes", "0.9")
    assert (first["metadata.only 0"], first["metadata.only 1"], rows[1]["metadata.only 1"]) == ("0", "", "1")


def test_no_cell_of_the_table_starts_a_formula(world, documents):
    first = table(world.client("reader"), kept_query(documents))[0]
    assert first["title"] == "'=HYPERLINK(1)"
    assert first["metadata.kind"] == "'+pump"


def test_json_has_every_kept_hit_in_the_shape_of_one_page(world, documents):
    query, client = kept_query(documents), world.client("reader")
    exported = client.get(f"/api/v1/search/{query.pk}/export.json")
    assert f'filename="hits-{query.pk}.json"' in exported["Content-Disposition"]
    page = client.get(f"/api/v1/search/{query.pk}/", {"limit": 100}).json()
    assert exported.json()["results"] == page["results"]
    assert len(page["results"]) == 60
    assert exported.json()["next"] is None


def test_neither_file_tells_of_documents_that_the_reader_may_not_see(world):
    Document.objects.filter(pk=world.secret_document.pk).update(metadata={"safe": "yes"})
    both = (world.secret_document, world.open_document)
    Passage.objects.bulk_create(Passage(document=one, ordinal=0, start=0, end=4, text="Body") for one in both)
    query, strangers, members = kept_query(both), APIClient(), world.client("reader")
    assert [row["external_id"] for row in table(strangers, query)] == ["open-1"]
    assert "metadata.safe" not in table(strangers, query)[0]
    assert [row["external_id"] for row in table(members, query)] == ["secret-1", "open-1"]
    assert "metadata.safe" in table(members, query)[0]
    hidden = strangers.get(f"/api/v1/search/{query.pk}/export.json").json()
    assert [hit["document"]["external_id"] for hit in hidden["results"]] == ["open-1"]
    Membership.objects.all().delete()
    assert "metadata.safe" not in table(members, query)[0]


@pytest.mark.parametrize("name", ["csv", "json"])
def test_of_a_search_that_is_gone_there_is_no_file(name, world):
    response = APIClient().get(f"/api/v1/search/{uuid.uuid4()}/export.{name}")
    assert (response.status_code, error_id(response)) == (404, "query.not_found")


def test_the_table_has_the_metadata_of_documents_that_are_found_for_it(world):
    found = make_documents(world.open, 30, metadata={"found later": {"of": ["ä"]}})
    version = make_version(dim=4)
    store(version, found, clustered(30, 4, seed=1))
    plan = {"kind": "exact", "candidates": 30, "more": True, "retrievers": ["dense"]}
    vector = clustered(1, 4, seed=2).astype("<f4").tobytes()
    query = make_query(
        modality="embedding", embedding=vector, version=version, plan=plan, user=world.users["reader"]
    )
    rows = table(world.client("reader"), query)
    assert len(rows) == 30
    assert {row["metadata.found later"] for row in rows} == {'{"of": ["ä"]}'}
