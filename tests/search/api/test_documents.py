"""Collections and documents over HTTP."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from PIL import Image
from rest_framework.test import APIClient

from search.models import Collection, Document, Membership
from tests.search.api.conftest import error_id, make_document
from workers.models import Job

COLLECTIONS, DOCUMENTS = "/api/v1/collections/", "/api/v1/documents/"


def picture(name: str = "a.png", colour: str = "red") -> ContentFile:
    data = BytesIO()
    Image.new("RGB", (16, 12), colour).save(data, "PNG")
    return ContentFile(data.getvalue(), name)


def refused(response) -> tuple[int, str]:
    return response.status_code, error_id(response)


def new(**changes):
    return {"collection": "secret", "external_id": "n-1", "title": "New", "body": "It leaks."} | changes


def test_staff_open_a_collection_become_its_curators_and_name_others(world):
    staff = world.client("staff")
    response = staff.post(
        COLLECTIONS, {"slug": "valves", "name": "Valves", "readers": ["reader"], "visibility": "private"}
    )
    assert response.status_code == 201
    created = response.json()
    assert (created["role"], created["documents"], created["readers"]) == ("curator", 0, ["reader"])
    assert world.client("reader").get(f"{COLLECTIONS}valves/").json()["role"] == "reader"
    assert refused(world.client("stranger").get(f"{COLLECTIONS}valves/")) == (404, "collection.not_found")


def test_nobody_else_opens_collections(world):
    body = {"slug": "valves", "name": "Valves"}
    assert refused(world.client("curator").post(COLLECTIONS, body)) == (403, "permission.denied")
    assert refused(APIClient().post(COLLECTIONS, body)) == (401, "auth.required")


def test_a_slug_is_taken_once(world):
    response = world.client("staff").post(COLLECTIONS, {"slug": "open", "name": "Again"})
    assert refused(response) == (409, "collection.slug_not_available")


def test_a_slug_that_a_private_collection_has_is_refused_like_one_that_nobody_may_have(world):
    client = world.client("staff")
    taken = client.post(COLLECTIONS, {"slug": "secret", "name": "Again"})
    reserved = client.post(COLLECTIONS, {"slug": "admin", "name": "Again"})
    assert (taken.status_code, taken.json()) == (reserved.status_code, reserved.json())
    assert refused(taken) == (409, "collection.slug_not_available")


def test_a_new_collection_with_an_unknown_reader_is_not_opened_at_all(world):
    body = {"slug": "valves", "name": "Valves", "readers": ["ghost"]}
    assert refused(world.client("staff").post(COLLECTIONS, body)) == (400, "user.not_found")
    assert not Collection.objects.filter(slug="valves").exists()


def test_curators_change_what_they_send_and_nothing_else(world):
    address = f"{COLLECTIONS}secret/"
    changed = world.client("curator").patch(address, {"name": "Very secret"}).json()
    assert (changed["name"], changed["visibility"], changed["readers"]) == (
        "Very secret",
        "private",
        ["reader"],
    )


def test_curators_hand_over_a_collection(world):
    address = f"{COLLECTIONS}secret/"
    world.client("curator").patch(address, {"curators": ["reader"], "readers": ["stranger"]})
    roles = dict(Membership.objects.filter(collection=world.secret).values_list("user__username", "role"))
    assert roles == {"reader": "curator", "stranger": "reader"}
    assert refused(world.client("curator").get(address)) == (404, "collection.not_found")


def test_a_slug_cannot_be_changed(world):
    response = world.client("curator").patch(f"{COLLECTIONS}secret/", {"slug": "other"})
    assert refused(response) == (400, "parameter.unknown")


def test_deleting_a_collection_deletes_its_documents(world):
    assert world.client("curator").delete(f"{COLLECTIONS}secret/").status_code == 204
    assert list(Document.objects.values_list("external_id", flat=True)) == ["open-1"]


def test_a_document_is_created_then_unchanged_then_changed(world):
    curator = world.client("curator")
    created = curator.post(DOCUMENTS, new(tags=["pump"], metadata={"kind": "pump", "n": 1}))
    assert created.status_code == 201
    jobs = Job.objects.filter(type="encode")
    assert jobs.count() == 1
    jobs.delete()
    again = curator.post(DOCUMENTS, new(tags=["pump"], metadata={"kind": "pump", "n": 1}))
    assert (again.status_code, again.json()) == (200, created.json())
    assert not jobs.exists()
    changed = curator.post(DOCUMENTS, new(body="It leaks no more."))
    assert (changed.status_code, changed.json()["id"]) == (200, created.json()["id"])
    assert (changed.json()["body"], changed.json()["tags"]) == ("It leaks no more.", [])
    assert jobs.count() == 1


def test_a_patch_keeps_what_is_not_sent(world):
    curator = world.client("curator")
    address = f"{DOCUMENTS}{curator.post(DOCUMENTS, new(tags=['a'], metadata={'k': 1})).json()['id']}/"
    changed = curator.patch(address, {"title": "Renamed"}).json()
    assert (changed["title"], changed["body"], changed["tags"]) == ("Renamed", "It leaks.", ["a"])
    assert changed["metadata"] == {"k": 1}


def test_pictures_come_as_files_and_stay_until_others_come(world, query_worker):
    curator = world.client("curator")
    form = new(images=[picture(), picture("b.png", "blue")], metadata='{"kind": "pump"}', tags=["a", "b"])
    created = curator.post(DOCUMENTS, form, format="multipart").json()
    assert len(created["images"]) == 2
    assert (created["metadata"], created["tags"]) == ({"kind": "pump"}, ["a", "b"])
    address = f"{DOCUMENTS}{created['id']}/"
    assert len(curator.patch(address, {"title": "Kept"}).json()["images"]) == 2
    replaced = curator.patch(address, {"images": [picture("b.png", "blue")]}, format="multipart").json()
    assert [image["sha256"] for image in replaced["images"]] == [created["images"][1]["sha256"]]


def test_a_file_that_is_no_picture_is_refused(world):
    form = new(images=[ContentFile(b"GIF? no", "a.png")])
    assert refused(world.client("curator").post(DOCUMENTS, form, format="multipart")) == (
        415,
        "image.unknown_format",
    )
    assert not Document.objects.filter(external_id="n-1").exists()


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"url": "javascript:alert(1)"}, "document.url_invalid"),
        ({"metadata": [1]}, "parameter.invalid"),
        ({"metadata": {"a": "\x00"}}, "document.not_text"),
        ({"metadata": {"a": "x" * 100_001}}, "document.metadata_too_large"),
        ({"metadata": {"a": nested(60)}}, "document.metadata_too_deep"),
        ({"metadata": {"a": nested(700)}}, "request.too_deep"),
        ({"title": "x" * 501}, "document.field_too_long"),
        ({"title": "a\x00"}, "document.not_text"),
        ({"tags": ["x" * 81]}, "document.field_too_long"),
        ({"tags": ["t"] * 101}, "document.too_many_tags"),
        ({"title": " ", "body": ""}, "document.empty"),
        ({"external_id": " "}, "document.external_id_missing"),
        ({"images": ["aGk="]}, "parameter.invalid"),
        ({"tags": "pump"}, "parameter.invalid"),
        ({"colour": "red"}, "parameter.unknown"),
        ({"collection": "none"}, "collection.not_found"),
    ],
)
def test_a_document_that_cannot_be_kept_is_refused(changes, expected, world):
    response = world.client("curator").post(DOCUMENTS, new(**changes))
    assert response.status_code in (400, 404)
    assert error_id(response) == expected


@pytest.mark.parametrize("field", ["title", "external_id", "tags", "metadata"])
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(field, world):
    value = {"tags": '["\\ud800"]', "metadata": '{"\\ud800": 1}'}.get(field, '"\\ud800"')
    body = f'{{"collection": "secret", "external_id": "n", "title": "t", "{field}": {value}}}'
    response = world.client("curator").generic("POST", DOCUMENTS, body, content_type="application/json")
    assert refused(response) == (400, "document.not_text")


def test_metadata_text_of_a_form_must_be_an_object(world):
    for text, expected in (
        ("{", "parameter.invalid"),
        ("[]", "parameter.invalid"),
        ("[" * 100_000, "document.metadata_too_deep"),
    ):
        response = world.client("curator").post(DOCUMENTS, new(metadata=text), format="multipart")
        assert refused(response) == (400, expected)


@pytest.mark.parametrize(
    "text", ['{"a": NaN}', '{"a": Infinity}', '{"a": -1e999}', '{"a": ' + "9" * 1001 + "}"]
)
def test_numbers_that_no_database_holds_are_refused_in_words_of_ours(text, world):
    client = world.client("curator")
    form = client.post(DOCUMENTS, new(metadata=text), format="multipart")
    assert refused(form) == (400, "parameter.invalid")
    body = json.dumps(new(metadata=0)).replace('"metadata": 0', f'"metadata": {text}')
    assert refused(client.generic("POST", DOCUMENTS, body, "application/json")) == (400, "request.malformed")
    filters = client.post(
        "/api/v1/search/", {"text": "a", "filters": f'{{"metadata": {text}}}'}, format="multipart"
    )
    assert refused(filters) == (400, "parameter.invalid")
    for answer in (form, filters):
        assert "psycopg" not in answer.content.decode()
        assert "jsonb" not in answer.content.decode()


def test_a_picture_that_is_empty_is_called_empty(world):
    form = new(images=[ContentFile(b"", "a.jpg")])
    assert refused(world.client("curator").post(DOCUMENTS, form, format="multipart")) == (400, "image.empty")


def test_a_document_may_lose_its_words_only_where_a_picture_is_left(world):
    client = world.client("curator")
    path = f"{DOCUMENTS}{world.secret_document.pk}/"
    assert client.patch(path, {"title": "", "body": ""}).status_code == 200  # its picture stays
    saved = client.post(DOCUMENTS, new()).json()
    assert refused(client.patch(f"{DOCUMENTS}{saved['id']}/", {"title": "", "body": ""})) == (
        400,
        "document.empty",
    )


def test_documents_are_found_by_collection_external_id_and_tag(world):
    reader = world.client("reader")

    def found(**query) -> list[str]:
        return [row["external_id"] for row in reader.get(DOCUMENTS, query).json()["results"]]

    assert found() == ["open-1", "secret-1"]
    assert found(collection="secret") == ["secret-1"]
    assert found(external_id="open-1", tag="pump") == ["open-1"]
    assert found(tag="valve") == []


def test_pages_lead_through_all_documents_once_and_back(world):
    for number in range(2, 8):
        make_document(world.open, f"open-{number}")
    client, seen = APIClient(), []
    page = client.get(DOCUMENTS, {"limit": 3}).json()
    assert page["previous"] is None
    while True:
        seen += [row["external_id"] for row in page["results"]]
        if page["next"] is None:
            break
        last, page = page, client.get(page["next"]).json()
    assert seen == [f"open-{number}" for number in range(1, 8)]
    assert client.get(page["previous"]).json()["results"] == last["results"]


def test_deleting_a_document_leaves_the_others(world):
    address = f"{DOCUMENTS}{world.secret_document.pk}/"
    assert world.client("curator").delete(address).status_code == 204
    assert list(Document.objects.values_list("external_id", flat=True)) == ["open-1"]


def test_an_import_is_accepted_as_a_job_that_its_starter_can_watch(world):
    curator = world.client("curator")
    file = ContentFile(b'{"external_id": "i-1", "title": "Imported"}\n', "docs.jsonl")
    form = {"collection": "secret", "file": file, "dry_run": "true"}
    response = curator.post(f"{DOCUMENTS}import/", form, format="multipart")
    assert response.status_code == 202
    job = Job.objects.get(pk=response.json()["id"])
    assert (job.type, job.params["dry_run"], job.params["collection"]) == ("import", True, world.secret.pk)
    assert curator.get(response["Location"]).json()["state"] == "queued"
    assert refused(world.client("reader").get(response["Location"])) == (404, "job.not_found")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": "folder"}, (400, "parameter.invalid")),
        ({"file": ContentFile(b"", "a.csv")}, (400, "import.empty")),
        ({"file": ContentFile(b"\x7fELF\2\1\1", "a.csv")}, (400, "import.format_unknown")),
        ({"extra_columns": "drop"}, (400, "parameter.invalid")),
        ({"collection": "open"}, (403, "permission.denied")),
        ({"path": "/etc"}, (400, "parameter.unknown")),
    ],
)
def test_an_import_that_cannot_start_is_refused(changes, expected, world):
    form = {"collection": "secret", "file": ContentFile(b"{}\n", "a.jsonl")} | changes
    response = world.client("curator").post(f"{DOCUMENTS}import/", form, format="multipart")
    assert refused(response) == expected
    assert Job.objects.count() == 1


def test_the_same_picture_sent_twice_is_kept_once(world, query_worker):
    form = {"collection": "secret", "external_id": "twin", "images": [picture("a.png"), picture("b.png")]}
    response = world.client("curator").post(DOCUMENTS, form, format="multipart")
    assert (response.status_code, len(response.json()["images"])) == (201, 1)
