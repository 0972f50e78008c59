"""Stored pictures say nothing of their owners, whichever way they came in, unless their collection keeps originals."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db.models.functions import Now
from django.urls import reverse
from PIL import Image
from rest_framework.test import APIClient

from retrieval_site.accounts.models import User
from search.importers.types import ImportOptions
from search.models import Document, DocumentImage
from search.services.collections import collection_create, collection_update
from search.services.document_fields import DocumentFields, ImageInput
from search.services.documents import DocumentRecord, document_save, documents_save
from search.services.imports import import_folder_start, import_start
from search.thumbnails import LONGEST_SIDES_PX, thumbnail_open, thumbnails_store
from tests.support.hostile_pictures import encoded
from workers.inference.pictures import open_picture
from workers.jobs.runner import run_job_inline
from workers.models import Blob
from workers.storage.blobs import blob_open, blob_store
from workers.storage.sweeping import YOUNG

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("query_worker")]
SECRET = b"SECRETPLACE"


def photo(colour="red", orientation=6):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "SECRETPLACE"
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 2.0), 29: "SECRETPLACE"}
    return encoded(Image.new("RGB", (120, 80), colour), "JPEG", exif=exif, comment=SECRET, xmp=SECRET)


@pytest.fixture
def people(client):
    user = User.objects.create_user("curator", password="x", is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def corpus(people):
    return collection_create(name="Notes", slug="notes", owner=people)


@pytest.fixture
def originals(people):
    return collection_create(name="Originals", slug="originals", owner=people, keep_originals=True)


def stored(collection) -> list[bytes]:
    images = DocumentImage.objects.filter(document__collection=collection).order_by("pk")
    return [blob_open(image.blob).read() for image in images.select_related("blob")]


def by_api(client, user, collection, tmp_path):
    api = APIClient()
    api.force_authenticate(user)
    body = {
        "collection": collection.slug,
        "external_id": "a",
        "title": "t",
        "images": [ContentFile(photo(), "a.jpg")],
    }
    assert api.post("/api/v1/documents/", body, format="multipart").status_code == 201


def by_api_change(client, user, collection, tmp_path):
    document, _ = document_save(collection=collection, external_id="a", fields=DocumentFields(title="t"))
    api = APIClient()
    api.force_authenticate(user)
    body = {"images": [ContentFile(photo(), "a.jpg")]}
    assert api.patch(f"/api/v1/documents/{document.pk}/", body, format="multipart").status_code == 200


def by_admin(client, user, collection, tmp_path):
    form = {
        "collection": collection.pk, "external_id": "a", "title": "t", "body": "", "metadata": "{}", "tags": "",
        "add_images": SimpleUploadedFile("a.jpg", photo()),
    }  # fmt: skip
    assert client.post(reverse("admin:search_document_add"), form).status_code == 302


def by_admin_change(client, user, collection, tmp_path):
    document, _ = document_save(collection=collection, external_id="a", fields=DocumentFields(title="t"))
    form = {
        "title": "t",
        "body": "",
        "metadata": "{}",
        "tags": "",
        "add_images": SimpleUploadedFile("a.jpg", photo()),
    }
    address = reverse("admin:search_document_change", args=[document.pk])
    assert client.post(address, form).status_code == 302


def zipped():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("notes.jsonl", json.dumps({"id": "a", "title": "t", "images": ["a.jpg"]}))
        archive.writestr("images/a.jpg", photo())
    return target.getvalue()


def by_zip(client, user, collection, tmp_path, *, dry_run=False):
    file = ContentFile(zipped(), name="notes.zip")
    job = run_job_inline(
        import_start(collection=collection, file=file, options=ImportOptions(), dry_run=dry_run)
    )
    assert (job.state, job.failed) == ("succeeded", 0), job.error
    return job


def by_folder(client, user, collection, tmp_path):
    (tmp_path / "a.jpg").write_bytes(photo())
    (tmp_path / "notes.jsonl").write_text(json.dumps({"id": "a", "title": "t", "images": ["a.jpg"]}))
    job = run_job_inline(import_folder_start(collection=collection, path=Path(tmp_path)))
    assert (job.state, job.failed) == ("succeeded", 0), job.error


WAYS = [by_api, by_api_change, by_admin, by_admin_change, by_zip, by_folder]


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_that_comes_in_loses_its_metadata_and_stays_upright(way, client, people, corpus, tmp_path):
    way(client, people, corpus, tmp_path)
    (kept,) = stored(corpus)
    assert SECRET not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert dict(image.getexif()) == {0x0112: 6}
    assert open_picture(kept).tobytes() == open_picture(photo()).tobytes()
    assert not any(
        SECRET in blob_open(blob).read() for blob in Blob.objects.filter(content_type="image/jpeg")
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_collection_that_keeps_originals_keeps_them(way, client, people, originals, tmp_path):
    way(client, people, originals, tmp_path)
    assert stored(originals) == [photo()]


def test_small_copies_have_no_metadata(client, people, originals, tmp_path):
    by_zip(client, people, originals, tmp_path)
    blob_id = DocumentImage.objects.get().blob_id
    for side in LONGEST_SIDES_PX:
        with thumbnail_open(blob_id, side) as file, Image.open(file) as image:
            assert set(image.info) == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            assert image.height > image.width


def test_importing_the_same_again_changes_nothing_and_a_dry_run_says_so(client, people, corpus, tmp_path):
    by_zip(client, people, corpus, tmp_path)
    for dry_run in (True, False):
        job = by_zip(client, people, corpus, tmp_path, dry_run=dry_run)
        assert (job.result["unchanged"], job.result["changed"], job.result["new"]) == (1, 0, 0)


@pytest.fixture
def former(corpus):
    """Two documents as they were stored before: with metadata, a day ago, with small copies."""
    images = []
    for colour in ("red", "blue"):
        blob = blob_store(photo(colour), "image/jpeg")
        thumbnails_store(blob.pk, open_picture(photo(colour)))
        images.append(ImageInput(blob.pk, 80, 120, alt=colour))
    records = [
        DocumentRecord("a", DocumentFields(title="t", tags=("x",), metadata={"k": 1}), tuple(images)),
        DocumentRecord("b", DocumentFields(title="u"), (images[0],)),
    ]
    documents_save(collection=corpus, records=records)
    Blob.objects.update(created_at=Now() - 2 * YOUNG)
    return records


def test_what_was_stored_before_is_freed_by_a_command_and_keeps_its_units(corpus, former, capsys):
    units = {image.pk: (image.document_id, image.alt) for image in DocumentImage.objects.all()}
    before = {blob.pk for blob in Blob.objects.all()}
    call_command("pictures_strip", dry_run=True)
    assert "3 pictures have metadata, 0 had none" in capsys.readouterr().out
    assert {blob.pk for blob in Blob.objects.all()} == before
    call_command("pictures_strip")
    assert "3 pictures were freed" in capsys.readouterr().out
    assert {image.pk: (image.document_id, image.alt) for image in DocumentImage.objects.all()} == units
    assert not any(SECRET in data for data in stored(corpus))
    assert not Blob.objects.filter(pk__in=before).exists()
    for image in DocumentImage.objects.all():
        assert thumbnail_open(image.blob_id, 320)
    assert not any(thumbnail_open(sha256, 320) for sha256 in before)
    call_command("pictures_strip")
    assert "0 pictures were freed of metadata, 3 had none" in capsys.readouterr().out


def test_the_same_document_sent_again_is_unchanged_after_the_command(client, people, corpus, tmp_path):
    by_zip(client, people, corpus, tmp_path)
    wanted = Document.objects.get().content_hash
    collection_update(collection=corpus, keep_originals=True)
    by_zip(client, people, corpus, tmp_path)
    assert stored(corpus) == [photo()]
    collection_update(collection=corpus, keep_originals=False)
    call_command("pictures_strip", collection="notes")
    assert Document.objects.get().content_hash == wanted


def test_small_copies_stay_where_the_same_file_is_kept_as_an_original_elsewhere(
    client, people, corpus, former
):
    other = collection_create(name="Other", owner=people, keep_originals=True)
    blob_id = former[0].images[0].blob_id
    image = ImageInput(blob_id, 80, 120)
    documents_save(collection=other, records=[DocumentRecord("o", DocumentFields(title="o"), (image,))])
    call_command("pictures_strip")
    assert DocumentImage.objects.get(document__collection=other).blob_id == blob_id
    assert thumbnail_open(blob_id, 320)


def test_collections_that_keep_originals_are_left_alone(client, people, originals, tmp_path, capsys):
    by_zip(client, people, originals, tmp_path)
    call_command("pictures_strip")
    assert "0 pictures were freed of metadata, 0 had none" in capsys.readouterr().out
    assert stored(originals) == [photo()]


def test_a_picture_that_was_there_with_and_without_metadata_is_there_once(client, people, corpus, tmp_path):
    by_zip(client, people, corpus, tmp_path)
    clean = DocumentImage.objects.get()
    dirty = blob_store(photo(), "image/jpeg")
    DocumentImage.objects.create(document=clean.document, blob=dirty, ordinal=1)
    call_command("pictures_strip")
    assert DocumentImage.objects.get() == clean


def test_a_file_that_the_storage_has_lost_stops_nothing(corpus, former, capsys):
    lost = DocumentImage.objects.filter(alt="blue").get()
    default_storage.delete(lost.blob.storage_name)
    call_command("pictures_strip")
    output = capsys.readouterr()
    assert "2 pictures were freed" in output.out
    assert "1 could not be read" in output.err


def test_the_api_says_and_sets_whether_originals_are_kept(people, corpus):
    api = APIClient()
    api.force_authenticate(people)
    address = "/api/v1/collections/notes/"
    assert api.get(address).json()["keep_originals"] is False
    assert api.patch(address, {"keep_originals": True}, format="json").json()["keep_originals"] is True


def test_the_admin_says_what_keeping_originals_means(client, people, corpus):
    page = client.get(reverse("admin:search_collection_change", args=[corpus.pk])).content.decode()
    assert "keep_originals" in page
    assert "place, time, camera" in page
