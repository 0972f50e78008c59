"""What curators' pages do, for programs: changes and the way back, the trash, fields, sources, quality, duplicates."""

from __future__ import annotations

import re

import pytest

from search.models import Document, Source, TrashedDocument
from search.sources.keys import keys_opened
from search.sources.s3_requests import S3Keys
from tests.search.api.conftest import World, error_id, make_document
from workers.models import Job

SECRET = "/api/v1/collections/secret/"


@pytest.fixture
def curator(world):
    return world.client("curator")


def asked(client, address: str, body=None, method: str = "post"):
    return getattr(client, method)(SECRET + address, body, format="json")


def test_documents_are_tagged_by_id_and_the_change_is_taken_back(world, curator):
    pk = world.secret_document.pk
    done = asked(curator, "changes/", {"action": "add_tags", "documents": [pk], "tags": ["old, worn"]})
    assert done.status_code == 201
    body = done.json()
    assert (body["by"], body["tags"], body["documents"]["done"]) == ("curator", ["old, worn"], 1)
    assert Document.objects.get(pk=pk).tags == ["pump", "old, worn"]
    (one,) = curator.get(f"{done['Location']}documents/").json()["results"]
    assert one["before"] == {"tags": ["pump"]}
    undo = asked(curator, f"changes/{body['id']}/undo/")
    assert (undo.status_code, undo.json()["undoes"]) == (201, body["id"])
    assert Document.objects.get(pk=pk).tags == ["pump"]
    assert error_id(asked(curator, f"changes/{body['id']}/undo/")) == "curating.undone_already"


def test_values_keep_their_type_and_filters_pick_the_documents(world, curator):
    make_document(world.secret, "secret-2", url="https://example.com/")
    wanted = {"q": "", "filters": {"metadata": {"kind": "pump"}}}
    for value in (3, "3", True):
        asked(curator, "changes/", {"action": "set_field", "key": "n", "value": value, "matching": wanted})
        assert [one.metadata["n"] for one in Document.objects.filter(collection=world.secret)] == [value] * 2
    none = {"filters": {"metadata": {"kind": "valve"}}}
    refused = asked(curator, "changes/", {"action": "trash", "matching": none})
    assert error_id(refused) == "curating.nothing_selected"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"action": "trash"}, "parameter.invalid"),
        ({"action": "trash", "documents": [1], "matching": {}}, "parameter.invalid"),
        ({"action": "undo", "documents": [1]}, "parameter.invalid"),
        ({"action": "add_tags", "documents": [1]}, "curating.tags"),
        ({"action": "set_field", "documents": [1], "key": "n"}, "curating.value"),
        ({"action": "set_field", "documents": [1], "key": "n", "value": {"a": 1}}, "curating.value"),
        ({"action": "set_field", "documents": [1], "value": 1}, "curating.key"),
        ({"action": "move", "documents": [1], "collection": "open"}, "curating.no_target"),
        ({"action": "merge", "documents": [1]}, "curating.merge"),
        ({"action": "trash", "matching": {"odd": 1}}, "parameter.unknown"),
        ({"action": "trash", "documents": [0]}, "parameter.invalid"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(body, error, curator):
    assert error_id(asked(curator, "changes/", body)) == error
    assert Document.objects.count() == 2


def test_half_a_surrogate_pair_is_no_value(curator):
    body = r'{"action": "set_field", "documents": [1], "key": "n", "value": "\ud800"}'
    refused = curator.post(f"{SECRET}changes/", body, content_type="application/json")
    assert (refused.status_code, error_id(refused)) == (400, "curating.value")


def test_many_are_changed_by_a_job_that_the_answer_names(world, curator, monkeypatch):
    from search.curating import changes

    monkeypatch.setattr(changes, "AT_ONCE", 0)
    done = asked(curator, "changes/", {"action": "trash", "matching": {}})
    assert (done.status_code, done.json()["documents"]["waiting"]) == (202, 1)
    assert Job.objects.get(pk=done.json()["job"]["id"]).type == "curate"


def test_what_is_in_the_trash_is_listed_put_back_and_ended(world, curator):
    pk = world.secret_document.pk
    asked(curator, "changes/", {"action": "trash", "documents": [pk]})
    (one,) = curator.get(SECRET + "trash/").json()["results"]
    assert (one["document"], one["deleted_by"]) == (pk, "curator")
    asked(curator, "changes/", {"action": "restore", "documents": [pk]})
    assert Document.objects.filter(pk=pk).exists()
    asked(curator, "changes/", {"action": "trash", "documents": [pk]})
    assert asked(curator, "trash/", method="delete").json() == {"removed": 1}
    assert not TrashedDocument.objects.exists()


def test_a_field_is_set_up_and_listed_in_its_place(world, curator):
    body = {"name": "metadata.kind", "label": "Kind", "place": 1, "vocabulary": ["pump"]}
    assert asked(curator, "fields/", body).json()["label"] == "Kind"
    listed = curator.get(SECRET + "fields/").json()["results"]
    assert next((field["name"], field["vocabulary"]) for field in listed) == ("metadata.kind", ["pump"])
    assert error_id(asked(curator, "fields/", {"name": "title"})) == "field.name"


def test_a_source_is_made_changed_run_and_deleted(world, curator):
    body = {"kind": "iiif", "address": "https://example.com/m.json", "options": {"pictures": 3}}
    made = asked(curator, "sources/", body)
    assert (made.status_code, made.json()["options"]["pictures"]) == (201, 3)
    here = made["Location"].removeprefix(SECRET)
    assert asked(curator, here, {"paused": False, "every_hours": 24}, "patch").json()["paused"] is False
    run = asked(curator, f"{here}rounds/", {"anew": True})
    assert run.status_code == 202
    rounds = curator.get(f"{SECRET}{here}rounds/").json()["results"]
    assert [one["dry_run"] for one in rounds] == [False, True]
    assert curator.get(SECRET + here).json()["round"] == run.json()["id"]
    assert asked(curator, here, method="delete").status_code == 204
    assert error_id(asked(curator, here, {"name": "N"}, "patch")) == "source.not_found"


def test_the_keys_of_a_bucket_are_taken_and_never_shown(curator):
    body = {"kind": "s3", "address": "s3://manuals/pumps", "options": {"endpoint": "https://s3.example.com"}}
    made = asked(curator, "sources/", body | {"key_id": "AKIDEXAMPLE", "key_value": "wJalrXUtnFEMI"})
    assert made.status_code == 201, made.json()
    assert not {"AKIDEXAMPLE", "wJalrXUtnFEMI"} & set(re.findall(r"\w+", made.content.decode()))
    source = Source.objects.get()
    assert keys_opened(source.secret, server=False) == S3Keys("AKIDEXAMPLE", "wJalrXUtnFEMI")
    here = made["Location"].removeprefix(SECRET)
    assert error_id(asked(curator, here, {"key_id": "half"}, "patch")) == "source.keys_invalid"
    asked(curator, here, {"key_id": "", "key_value": ""}, "patch")
    source.refresh_from_db()
    assert source.secret == ""


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"kind": "iiif", "address": "ftp://example.com"}, "source.address_invalid"),
        ({"kind": "iiif", "address": "https://example.com", "options": {"odd": 1}}, "source.options_invalid"),
        ({"kind": "odd", "address": "https://example.com"}, "parameter.invalid"),
        ({"kind": "folder", "address": "/etc"}, "permission.denied"),
    ],
)
def test_a_source_that_cannot_be_is_refused(body, error, curator):
    assert error_id(asked(curator, "sources/", body)) == error
    assert not Source.objects.exists()


def test_a_source_of_another_collection_is_not_found_here(world, curator):
    elsewhere = Source.objects.create(collection=world.open, name="S", kind="iiif", address="https://a/")
    assert curator.get(f"{SECRET}sources/{elsewhere.pk}/").status_code == 404


def test_quality_and_duplicates_are_told(world: World, curator):
    make_document(world.secret, "secret-2")
    Document.objects.filter(collection=world.secret).update(content_hash="same")
    figures = curator.get(SECRET + "quality/").json()
    assert (figures["documents"], figures["figures"]["same"]) == (2, 2)
    (group,) = curator.get(SECRET + "duplicates/").json()["results"]
    ids = [one["id"] for one in group["documents"]]
    assert asked(curator, "duplicates/").status_code == 202
    merged = asked(curator, "changes/", {"action": "merge", "documents": ids, "keep": ids[0]})
    assert merged.json()["documents"]["done"] + merged.json()["documents"]["same"] == 2
    assert Document.objects.filter(collection=world.secret).count() == 1


def test_a_token_that_reads_changes_nothing(world):
    client = world.client("curator", "read")
    assert client.get(SECRET + "changes/").status_code == 200
    for address, body in (("changes/", {"action": "trash", "matching": {}}), ("duplicates/", None)):
        assert error_id(asked(client, address, body)) == "scope.missing"
