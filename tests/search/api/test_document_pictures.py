"""Pictures of documents are checked when they are sent, by a real query worker, as a search's photo is."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from PIL import Image

from search.models import Document
from search.thumbnails import LONGEST_SIDES_PX, thumbnail_open
from tests.search.api.conftest import error_id
from tests.support import hostile_pictures as hostile
from tests.support.corpus import kept_tiny_version
from tests.support.hostile_pictures import jpeg_scans, png
from workers.models import Blob

DOCUMENTS, SEARCH, EMBEDDINGS = "/api/v1/documents/", "/api/v1/search/", "/api/v1/embeddings/"


def photo(width=640, height=480, seed=3):
    values = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)


def turned(orientation=6):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return hostile.encoded(photo(), "JPEG", exif=exif.tobytes())


JPEG = hostile.encoded(photo(), "JPEG")
BAD = {
    "empty": (b"", 400, "image.empty"),
    "no picture": (b"MZ no picture at all", 415, "image.unknown_format"),
    "half of it": (JPEG[: len(JPEG) // 2], 422, "image.truncated"),
    "one pixel": (hostile.encoded(photo(1, 1), "PNG"), 422, "image.too_small"),
    "900 megapixels": (png(size=(30_000, 30_000), idats=[b""]), 413, "image.too_many_pixels"),
    "hundreds of scans": (jpeg_scans(500, 800), 422, "image.too_complex"),
}


def sent(*files, **fields):
    pictures = [ContentFile(data, f"{n}.bin") for n, data in enumerate(files)]
    return {"collection": "secret", "external_id": "p-1", "title": "Pump", "images": pictures} | fields


def stored():
    return sorted(Path(default_storage.location).rglob("*"))


def refused(response):
    return response.status_code, error_id(response)


@pytest.fixture
def curator(world, query_worker):
    return world.client("curator")


@pytest.mark.parametrize("what", BAD)
def test_a_picture_that_a_search_would_refuse_is_refused_and_nothing_is_kept(curator, what):
    data, status, error = BAD[what]
    blobs, files = Blob.objects.count(), stored()
    response = curator.post(DOCUMENTS, sent(JPEG, data), format="multipart")
    assert refused(response) == (status, error)
    assert not Document.objects.filter(external_id="p-1").exists()
    assert (Blob.objects.count(), stored()) == (blobs, files)


def test_a_change_with_a_broken_picture_changes_nothing(curator):
    created = curator.post(DOCUMENTS, sent(JPEG), format="multipart").json()
    address = f"{DOCUMENTS}{created['id']}/"
    change = {"title": "New", "images": [ContentFile(JPEG[:3000], "cut.jpg")]}
    assert refused(curator.patch(address, change, format="multipart")) == (422, "image.truncated")
    stays = curator.get(address).json()
    assert (stays["title"], stays["images"]) == ("Pump", created["images"])


def test_the_first_answer_has_the_upright_size_and_the_small_copies_are_there(curator):
    (image,) = curator.post(DOCUMENTS, sent(turned()), format="multipart").json()["images"]
    assert (image["width"], image["height"]) == (480, 640)
    for side, wanted in zip(LONGEST_SIDES_PX, [(240, 320), (480, 640)], strict=True):
        with thumbnail_open(image["sha256"], side) as copy:
            assert Image.open(io.BytesIO(copy.read())).size == wanted


def test_a_jpeg_that_lacks_only_its_end_marker_is_a_document_s_picture(curator):
    (image,) = curator.post(DOCUMENTS, sent(JPEG[:-2]), format="multipart").json()["images"]
    assert (image["width"], image["height"]) == (640, 480)


def scan(pages):
    images = [photo(120 + n, 90, seed=n % 250) for n in range(pages)]
    return hostile.encoded(images[0], "TIFF", save_all=True, append_images=images[1:])


def test_each_page_of_a_scan_becomes_a_picture(curator):
    images = curator.post(DOCUMENTS, sent(scan(3)), format="multipart").json()["images"]
    assert [image["width"] for image in images] == [120, 121, 122]


def test_a_scan_of_too_many_pages_is_refused(curator):
    response = curator.post(DOCUMENTS, sent(scan(101)), format="multipart")
    assert refused(response) == (422, "image.too_many_pages")
    both = curator.post(DOCUMENTS, sent(scan(60), scan(61)), format="multipart")
    assert refused(both) == (400, "document.too_many_images")


def test_of_an_animation_the_first_frame_is_the_picture(curator):
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    moving = hostile.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    (image,) = curator.post(DOCUMENTS, sent(moving), format="multipart").json()["images"]
    with thumbnail_open(image["sha256"], 320) as copy:
        red, _, blue = Image.open(io.BytesIO(copy.read())).getpixel((9, 9))
    assert red > 200 > 60 > blue


def test_without_a_worker_nothing_is_taken(world, clean_redis, monkeypatch):
    monkeypatch.setattr("workers.encoding.client.workers_alive", dict)
    monkeypatch.setattr("workers.encoding.wire.ASKED_KEY", "sightline:nobody:asks")
    response = world.client("curator").post(DOCUMENTS, sent(JPEG), format="multipart")
    assert refused(response) == (503, "encoder.unavailable")
    assert "Pictures cannot be taken" in response.json()["error"]["message"]


@pytest.mark.parametrize("address", [SEARCH, EMBEDDINGS])
def test_an_empty_file_is_called_empty(world, address):
    client = world.client("curator")
    assert refused(client.post(address, {"image": ContentFile(b"", "a.jpg")}, format="multipart")) == (
        400,
        "image.empty",
    )


def test_an_empty_file_is_called_empty_on_the_page_and_in_the_admin(world, client, django_user_model):
    page = client.post("/search/", {"image": ContentFile(b"", "a.jpg")})
    assert page.status_code == 400
    assert "The file is empty." in page.content.decode()
    client.force_login(django_user_model.objects.create_superuser("root2", password="x"))
    document = world.open_document
    form = {"title": "a", "body": "b", "metadata": "{}", "tags": "", "add_images": ContentFile(b"", "a.jpg")}
    answer = client.post(reverse("admin:search_document_change", args=[document.pk]), form)
    assert "image.empty" in answer.content.decode()


def moving(kind):
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue", "green")]
    return hostile.encoded(frames[0], kind, save_all=True, append_images=frames[1:])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "warning"),
    [("GIF", "image.animated"), ("WEBP", "image.animated"), ("AVIF", "image.animated"),
     ("PNG", "image.animated"), ("TIFF", "image.several_pages"), ("BMP", None)],
)  # fmt: skip
def test_an_answer_says_that_only_the_first_frame_was_searched(client, query_worker, tmp_path, kind, warning):
    version = kept_tiny_version(tmp_path)
    still = hostile.encoded(Image.new("RGB", (64, 48), "red"), "BMP")
    data = still if warning is None else moving(kind)
    expected = [] if warning is None else [warning]
    for _ in range(2):  # the second time the vector comes from the cache
        answer = client.post(SEARCH, {"image": ContentFile(data, "a")}).json()
        assert [told["id"] for told in answer["warnings"]] == expected
        vector = client.post(EMBEDDINGS, {"image": ContentFile(data, "a")}).json()
        assert [told["id"] for told in vector["warnings"]] == expected
    red = client.post(EMBEDDINGS, {"image": ContentFile(still, "a")}).json()["embedding"]
    assert float(np.dot(red, vector["embedding"])) > 0.98
    page = client.get(answer["query"]["url"]).content.decode()
    assert all(told["message"] in page for told in answer["warnings"])
    kept = client.get(f"{SEARCH}{answer['query']['id']}/").json()
    assert kept["warnings"] == answer["warnings"]
    assert version.key == answer["query"]["model"]
