"""Many photos at once: each searched with by a job, hostile zips refused, results for their owner alone."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.job_types import EXPIRE_QUERIES
from search.models import BatchPhoto, Collection, Membership, PhotoBatch
from search.photo_batches import packing, work
from search.photo_batches.start import photo_batch_start
from search.retrieval import calibrate
from search.services.documents import encode_soon
from search.services.photo_batches import photo_batch_delete
from search.services.tokens import token_create
from tests.support.corpus import kept_tiny_version, make_collection, picture
from tests.support.pages import save_document
from tests.support.tiny_bundle import COLOURS
from workers.jobs.errors import JobInterrupted
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create_once, job_retry_failed
from workers.jobs.types import JobParameters
from workers.models import Blob

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean_redis")]


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def notes(tmp_path):
    """A document a colour, and a private one, all encoded by a model that tells colours apart."""
    kept_tiny_version(tmp_path)
    collection = make_collection("notes")
    for colour in COLOURS:
        save_document(collection, f"{colour}-1", title=f"{colour.title()} pump", body=f"A {colour} pump.")
    vault = make_collection("vault", visibility="private")
    save_document(vault, "secret", title="=Secret red", body="A red pump.")
    assert run_job_inline(encode_soon()).state == "succeeded"
    return collection


def photo(colour: str = "red", name: str | None = None) -> SimpleUploadedFile:
    data = picture(COLOURS[colour], size=(320, 240))
    return SimpleUploadedFile(name or f"{colour}.jpg", data, "image/jpeg")


def zipped(**files: bytes) -> SimpleUploadedFile:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return SimpleUploadedFile("holiday.zip", target.getvalue(), "application/zip")


def start(user: User, *uploads: SimpleUploadedFile, **options) -> PhotoBatch:
    return photo_batch_start(uploads=uploads, viewer=user, target="passages", **options)


def run(batch: PhotoBatch):
    return run_job_inline(batch.job)


def best(client, batch: PhotoBatch) -> dict[str, str]:
    """The first title that each photo found, as the API says it."""
    rows = client.get(f"/api/v1/photo-batches/{batch.pk}/photos/").json()["results"]
    return {row["name"]: row["results"][0]["document"]["title"] for row in rows}


def test_each_photo_of_a_selection_finds_its_documents(notes, ann, client) -> None:
    client.force_login(ann)
    uploads = [photo("red", "a/image.jpg"), photo("blue", "image.jpg"), photo("green")]
    batch = start(ann, *uploads)
    job = run(batch)
    assert (job.state, job.done, job.failed) == ("succeeded", 3, 0)
    assert best(client, batch) == {
        "image.jpg": "Red pump", "image (2).jpg": "Blue pump", "green.jpg": "Green pump",
    }  # fmt: skip
    assert all(len(row.answer) == 3 for row in BatchPhoto.objects.all())
    page = client.get(f"/photos/{batch.pk}/").content.decode()
    assert "3 photos searched with" in page
    row = BatchPhoto.objects.first()
    assert client.get(f"/photos/{batch.pk}/photo/{row.pk}")["Content-Type"] == "image/jpeg"
    _, key = token_create(user=ann, name="test", scopes=("read",))
    by_token = Client().get(f"/photos/{batch.pk}/photo/{row.pk}", headers={"Authorization": f"Bearer {key}"})
    assert by_token["Content-Type"] == "image/jpeg"


def test_a_zip_is_searched_and_its_bad_photos_are_listed_with_their_reason(notes, ann, client) -> None:
    client.force_login(ann)
    red = photo().read()
    batch = start(
        ann, zipped(**{"in/red.jpg": red, "bad.jpg": b"no photo", "half.jpg": red[:200], "notes.txt": b"x"})
    )
    job = run(batch)
    assert (job.state, job.done, job.failed) == ("succeeded", 1, 2)
    assert best(client, batch) == {"in/red.jpg": "Red pump"}
    page = client.get(f"/photos/{batch.pk}/").content.decode()
    for item in job.items.all():
        assert item.key in page
    assert {item.key for item in job.items.all()} == {"bad.jpg", "half.jpg"}
    again = run_job_inline(job_retry_failed(job, ann))
    assert (again.state, again.items.count(), BatchPhoto.objects.count()) == ("succeeded", 2, 1)


@pytest.mark.parametrize(
    ("upload", "error_id"),
    [
        (zipped(**{"../red.jpg": b"x"}), "import.zip_unsafe_name"),
        (zipped(**{"notes.txt": b"words"}), "photos.none"),
        (SimpleUploadedFile("a.zip", b"PK\x03\x04 and no more"), "import.not_a_zip"),
    ],
    ids=["unsafe name", "no photos", "damaged"],
)
def test_a_zip_that_cannot_be_used_fails_its_job_with_the_reason(
    notes, ann, client, upload, error_id
) -> None:
    client.force_login(ann)
    upload.seek(0)
    batch = start(ann, upload)
    job = run(batch)
    assert (job.state, job.error_id) == ("failed", error_id)
    assert job.error in client.get(f"/photos/{batch.pk}/").content.decode().replace("&#x27;", "'")


def test_a_bomb_is_not_unpacked(notes, ann) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", b"\0" * 30_000_000)
    job = run(start(ann, SimpleUploadedFile("bomb.zip", target.getvalue())))
    assert (job.state, job.error_id) == ("failed", "import.zip_ratio")


def refusal(user: User, *uploads: SimpleUploadedFile, **options) -> str:
    with pytest.raises(AppError) as refused:
        start(user, *uploads, **options)
    return refused.value.id


def test_too_much_is_refused_and_nothing_is_kept(notes, ann, settings, monkeypatch) -> None:
    kept = Blob.objects.count()
    assert refusal(ann) == "photos.none"
    assert refusal(ann, SimpleUploadedFile("a.jpg", b"")) == "image.empty"
    assert refusal(ann, photo(), collections=["vault"]) == "collection.not_found"
    monkeypatch.setattr(packing, "PHOTOS_MAX", 1)
    assert refusal(ann, photo(), photo()) == "photos.too_many"
    monkeypatch.setattr("search.photo_batches.start.BATCHES_MAX", 0)
    assert refusal(ann, photo()) == "photos.too_many_batches"
    monkeypatch.setattr("search.photo_batches.start.BATCHES_MAX", 20)
    settings.CONFIG = replace(settings.CONFIG, photos_max_bytes=10)
    assert refusal(ann, photo()) == "photos.too_large"
    assert (PhotoBatch.objects.count(), Blob.objects.count()) == (0, kept)


def test_a_killed_run_goes_on_behind_what_was_done(notes, ann, monkeypatch) -> None:
    monkeypatch.setitem(work.BATCH_UNITS["cpu"], "image", 1)
    batch = start(ann, photo("red"), photo("blue"), photo("green"))
    with monkeypatch.context() as broken:
        stops = iter([None, JobInterrupted()])

        def checkpoint(_run) -> None:
            if BatchPhoto.objects.exists() and (stop := next(stops, None)):
                raise stop

        broken.setattr("workers.jobs.context.JobContext.checkpoint", checkpoint)
        run(batch)
    batch.job.refresh_from_db()
    before = dict(BatchPhoto.objects.values_list("name", "pk"))
    assert (batch.job.state, len(before)) == ("queued", 2)
    done = run(batch)
    assert (done.state, done.done) == ("succeeded", 3)
    assert before.items() <= dict(BatchPhoto.objects.values_list("name", "pk")).items()


def test_what_somebody_may_not_see_any_more_is_left_out_of_page_and_table(notes, ann, client) -> None:
    membership = Membership.objects.create(collection_id=make_vault(), user=ann, role="reader")
    client.force_login(ann)
    batch = start(ann, photo("red"), hits_each=10)
    run(batch)

    def table() -> list[list[str]]:
        answer = client.get(f"/photos/{batch.pk}/table.csv")
        return list(csv.reader(io.StringIO(b"".join(answer).decode())))

    assert any(line[7] == "'=Secret red" for line in table())  # which no spreadsheet runs
    membership.delete()
    assert not any("Secret" in cell for line in table() for cell in line)
    assert "Secret" not in client.get(f"/photos/{batch.pk}/").content.decode()
    assert table()[0][:3] == ["photo", "rank", "score"]


def make_vault() -> int:
    return Collection.objects.get(slug="vault").pk


def test_a_batch_is_its_owners_alone(notes, ann, client) -> None:
    batch = start(ann, photo())
    run(batch)
    row = BatchPhoto.objects.get()
    pages = [f"/photos/{batch.pk}/", f"/photos/{batch.pk}/table.csv", f"/photos/{batch.pk}/photo/{row.pk}"]
    api = [f"/api/v1/photo-batches/{batch.pk}/{tail}" for tail in ("", "photos/", "table.csv")]
    assert all(client.get(path).status_code == 302 for path in [*pages, "/photos/"])
    assert all(client.get(path).status_code == 401 for path in api)
    client.force_login(User.objects.create_superuser("root"))
    assert all(client.get(path).status_code == 404 for path in [*pages, *api])
    assert client.post(f"/photos/{batch.pk}/delete/").status_code == 404
    assert PhotoBatch.objects.exists()


def test_a_batch_goes_with_its_files_when_its_owner_or_its_age_says_so(notes, ann, settings) -> None:
    kept = set(Blob.objects.values_list("pk", flat=True))
    first, second = start(ann, photo("red")), start(ann, photo("blue"))
    run(first)
    names = [blob.storage_name for blob in Blob.objects.exclude(pk__in=kept)]
    assert len(names) == 3
    photo_batch_delete(batch=PhotoBatch.objects.get(pk=second.pk))
    second.job.refresh_from_db()
    assert second.job.state == "cancelled"
    settings.CONFIG = replace(settings.CONFIG, photos_keep_days=30)
    PhotoBatch.objects.update(created_at=timezone.now() - timedelta(days=31))
    done = run_job_inline(job_create_once(EXPIRE_QUERIES, JobParameters())[0])
    assert EXPIRE_QUERIES.result_of(done).batches == 1
    assert set(Blob.objects.values_list("pk", flat=True)) == kept
    assert not any(default_storage.exists(name) for name in names)


def test_photos_are_sent_by_the_form_and_by_the_api(notes, ann, client) -> None:
    client.force_login(ann)
    sent = client.post("/photos/", {"photos": [photo("red"), photo("blue")], "target": "passages"})
    assert sent["Location"] == f"/photos/{PhotoBatch.objects.get().pk}/"
    assert "2 photos" in client.get("/photos/").content.decode()
    assert "Searching: 0" in client.get(sent["Location"]).content.decode()
    answer = client.post("/api/v1/photo-batches/", {"photos": [photo("green")], "limit": 1})
    assert (answer.status_code, answer.json()["job"]["state"]) == (202, "queued")
    assert client.post("/api/v1/photo-batches/", {}).json()["error"]["id"] == "photos.none"
    listed = client.get("/api/v1/photo-batches/").json()["results"]
    assert [row["name"] for row in listed] == ["green.jpg", "2 photos"]
    assert client.delete(f"/api/v1/photo-batches/{listed[0]['id']}/").status_code == 204


def test_a_photo_that_nothing_fits_says_so_and_the_others_how_relevant_their_hits_are(
    notes, ann, client, monkeypatch
) -> None:
    monkeypatch.setattr(calibrate, "BACKGROUND_MIN", 5)
    client.force_login(ann)
    batch = start(ann, photo("red"), photo("blue"))
    assert run(batch).state == "succeeded"
    red = batch.photos.get(name="red.jpg")
    assert {entry["strength"] for entry in red.answer} <= {"weak", "fair", "strong"}
    red.answer = [entry | {"relevance": 0.874, "strength": "strong"} for entry in red.answer]
    red.save()
    blue = batch.photos.get(name="blue.jpg")
    blue.answer = [entry | {"relevance": 0.02, "strength": "weak"} for entry in blue.answer]
    blue.save()
    rows = client.get(f"/api/v1/photo-batches/{batch.pk}/photos/").json()["results"]
    assert [(row["name"], row["match"], row["results"][0]["relevance"]) for row in rows] == [
        ("blue.jpg", "none", 0.02),
        ("red.jpg", "good", 0.874),
    ]
    page = client.get(f"/photos/{batch.pk}/").content.decode()
    assert page.count("Nothing here matches") == 1
    assert "87 %" in page
    table = b"".join(client.get(f"/photos/{batch.pk}/table.csv")).decode()
    lines = list(csv.DictReader(io.StringIO(table.removeprefix("\ufeff"))))
    assert {(line["photo"], line["relevance"], line["match"]) for line in lines} == {
        ("blue.jpg", "0.02", "none"),
        ("red.jpg", "0.874", "good"),
    }
    Collection.objects.update(visibility="private")
    rows = client.get(f"/api/v1/photo-batches/{batch.pk}/photos/").json()["results"]
    assert [(row["match"], row["results"]) for row in rows] == [("none", [])] * 2
