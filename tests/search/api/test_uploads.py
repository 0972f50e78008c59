"""Uploads in pieces: what breaks off goes on, what is whole is imported once, and only by whom it belongs to."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import uuid
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from search.job_types import IMPORT, SWEEP_FILES
from search.models import ResumableUpload
from search.services.resumable_uploads import upload_path, uploads_expire, uploads_left
from tests.search.api.conftest import World
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create_once
from workers.models import Job
from workers.storage.blobs import blob_open

pytestmark = pytest.mark.django_db
TUS = {"HTTP_TUS_RESUMABLE": "1.0.0"}
PIECE = "application/offset+octet-stream"
TABLE = b'{"external_id": "a", "title": "%s"}\n' % (b"x" * 3000)


@pytest.fixture(autouse=True)
def own_disk(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def begin(client: Any, length: int, name: str = "a.jsonl", **said: str) -> Any:
    said = {"filename": name, "collection": "secret", **said}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
    headers = {**TUS, "HTTP_UPLOAD_LENGTH": str(length), "HTTP_UPLOAD_METADATA": metadata}
    return client.post("/api/v1/uploads/", **headers)


def send(client: Any, place: str, piece: bytes, offset: int, **headers: str) -> Any:
    wanted = {**TUS, "HTTP_UPLOAD_OFFSET": str(offset), **headers}
    return client.patch(place, data=piece, content_type=PIECE, **wanted)


def whole(client: Any, content: bytes, name: str, **said: str) -> str:
    place = begin(client, len(content), name, **said)["Location"]
    assert send(client, place, content, 0).status_code == 204
    return str(place)


def error_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["id"]


def imports() -> Any:
    """The imports of files; the world has a job without one."""
    return Job.objects.filter(type=IMPORT.name, params__blob__isnull=False)


def bytes_of(job: Job) -> bytes:
    from workers.models import Blob

    with blob_open(Blob.objects.get(pk=job.params["blob"])) as opened:
        return bytes(opened.read())


def test_a_file_in_pieces_is_imported_as_it_was(world: World):
    client = world.client("curator")
    made = begin(client, len(TABLE), character_recognition="all", letters="any")
    assert made.status_code == 201
    assert made["Tus-Resumable"] == "1.0.0"
    place = made["Location"]
    first = send(client, place, TABLE[:1000], 0)
    assert (first.status_code, first["Upload-Offset"]) == (204, "1000")
    head = client.head(place, **TUS)
    assert (head["Upload-Offset"], head["Upload-Length"]) == ("1000", str(len(TABLE)))
    assert not imports().exists()
    assert send(client, place, TABLE[1000:], 1000).status_code == 204
    job = imports().get()
    assert (job.params["character_recognition"], job.params["letters"]) == ("all", "any")
    assert hashlib.sha256(bytes_of(job)).digest() == hashlib.sha256(TABLE).digest()
    assert client.get(place).json()["job"] == str(job.pk)
    assert (
        send(client, place, b"", len(TABLE)).status_code == 204
    )  # the answer was lost, the client asks again
    assert imports().count() == 1
    assert not upload_path(ResumableUpload.objects.get()).exists()


def test_what_a_killed_server_wrote_without_counting_it_is_written_over(world: World):
    client = world.client("curator")
    place = begin(client, len(TABLE))["Location"]
    send(client, place, TABLE[:100], 0)
    with upload_path(ResumableUpload.objects.get()).open("ab") as file:
        file.write(b"?" * 9000)
    send(client, place, TABLE[100:], 100)
    assert bytes_of(imports().get()) == TABLE


def test_a_piece_for_another_place_is_refused_with_the_right_one(world: World):
    client = world.client("curator")
    place = begin(client, len(TABLE))["Location"]
    send(client, place, TABLE[:100], 0)
    wrong = send(client, place, TABLE[50:], 50)
    assert error_of(wrong) == (409, "upload.offset")
    assert wrong.json()["error"]["detail"] == {"offset": 100}
    assert error_of(send(client, place, TABLE, 100)) == (413, "upload.too_long")
    assert client.head(place, **TUS)["Upload-Offset"] == "100"


def test_a_piece_that_changed_on_its_way_does_not_count(world: World):
    client = world.client("curator")
    place = begin(client, len(TABLE))["Location"]
    right = base64.b64encode(hashlib.sha256(TABLE[:9]).digest()).decode()
    bad = send(client, place, TABLE[:8] + b"!", 0, HTTP_UPLOAD_CHECKSUM=f"sha256 {right}")
    assert error_of(bad) == (460, "upload.checksum")
    assert error_of(send(client, place, b"x", 0, HTTP_UPLOAD_CHECKSUM="md5 eA==")) == (
        400,
        "upload.checksum_invalid",
    )
    assert send(client, place, TABLE[:9], 0, HTTP_UPLOAD_CHECKSUM=f"sha256 {right}").status_code == 204


@pytest.mark.parametrize("who", ["root", "stranger", "staff"])
def test_somebody_elses_upload_is_not_there(who, world: World):
    place = begin(world.client("curator"), 10)["Location"]
    other = world.client(who)
    missing = place.replace(place.rstrip("/").rpartition("/")[2], str(uuid.uuid4()))
    for path in (place, missing):
        assert other.head(path, **TUS).status_code == 404
        assert send(other, path, b"", 0).status_code == 404
        assert other.delete(path, **TUS).status_code == 404
    assert ResumableUpload.objects.count() == 1


def test_only_curators_begin_and_go_on(world: World):
    assert begin(world.client("stranger"), 10, collection="open").status_code == 403
    assert begin(world.client("reader"), 10).status_code == 403
    assert begin(world.client("anonymous"), 10).status_code == 401
    assert error_of(begin(world.client("stranger"), 10, collection="secret")) == (404, "collection.not_found")
    client = world.client("curator")
    place = begin(client, 10)["Location"]
    world.secret.membership_set.all().delete()
    assert send(client, place, b"x", 0).status_code == 404  # the collection is not theirs to see


def test_what_cannot_be_imported_is_gone_once_it_is_whole(world: World):
    client = world.client("curator")
    content = b"7z\xbc\xaf\x27\x1c" + bytes(100)
    place = begin(client, len(content), "a.7z")["Location"]
    assert error_of(send(client, place, content, 0)) == (400, "import.format_unknown")
    assert client.head(place, **TUS).status_code == 404
    assert not list(upload_path(ResumableUpload(id=uuid.uuid4())).parent.iterdir())


def test_limits(world: World, settings):
    client = world.client("curator")
    settings.CONFIG = replace(settings.CONFIG, import_max_bytes=100, upload_person_max_bytes=250)
    assert error_of(begin(client, 101)) == (413, "upload.too_large")
    for _ in range(2):
        assert begin(client, 100).status_code == 201
    assert error_of(begin(client, 100)) == (413, "upload.person_full")
    batch = str(uuid.uuid4())
    assert begin(client, 50, batch=batch).status_code == 201
    assert begin(client, 50, batch=batch).status_code == 201  # the same name takes the former's place
    assert error_of(begin(client, 51, "b", batch=batch)) == (413, "upload.too_large")


@pytest.mark.parametrize("name", ["../a", "a/../../b", "", "a\nb", "/", "x" * 1001])
def test_names_that_lead_elsewhere_are_refused(name, world: World):
    assert begin(world.client("curator"), 1, name).status_code == 400


@pytest.mark.parametrize(
    ("header", "value"),
    [("HTTP_UPLOAD_LENGTH", "-1"), ("HTTP_UPLOAD_LENGTH", "x"), ("HTTP_UPLOAD_METADATA", "filename ???")],
)
def test_headers_that_cannot_be_read(header, value, world: World):
    asked = {**TUS, "HTTP_UPLOAD_LENGTH": "1", header: value}
    assert world.client("curator").post("/api/v1/uploads/", **asked).status_code == 400


def test_another_version_of_the_protocol_is_refused(world: World):
    answer = world.client("curator").post("/api/v1/uploads/", HTTP_UPLOAD_LENGTH="1")
    assert error_of(answer) == (412, "upload.version")
    assert answer["Tus-Version"] == "1.0.0"


def test_a_batch_is_one_import_that_keeps_its_folders(world: World):
    client, batch = world.client("curator"), str(uuid.uuid4())
    files = {"m/a/x.txt": b"one", "m/b/x.txt": b"two", "m/c.md": b"# three"}
    for name, content in files.items():
        whole(client, content, name, batch=batch)
    assert not imports().exists()
    asked = {"batch": batch, "collection": "secret", "character_recognition": "none"}
    late = begin(client, 5, "m/late.txt", batch=batch)["Location"]
    assert error_of(client.post("/api/v1/uploads/import/", asked)) == (409, "upload.unfinished")
    client.delete(late, **TUS)
    answers = [client.post("/api/v1/uploads/import/", asked) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    (job,) = imports()
    assert (job.params["character_recognition"], "letters" in job.params) == ("none", False)
    with blob_open(blob_of_job(job)) as opened, zipfile.ZipFile(opened) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
    assert error_of(begin(client, 5, "m/new.txt", batch=batch)) == (409, "upload.imported_already")
    assert error_of(world.client("root").post("/api/v1/uploads/import/", asked)) == (404, "upload.not_found")


def blob_of_job(job: Job) -> Any:
    from workers.models import Blob

    return Blob.objects.get(pk=job.params["blob"])


def test_what_is_not_continued_goes(world: World):
    client = world.client("curator")
    place = begin(client, 10)["Location"]
    send(client, place, b"x", 0)
    path = upload_path(ResumableUpload.objects.get())
    assert path.exists()
    assert uploads_expire() == 0
    ResumableUpload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.head(place, **TUS).status_code == 404
    assert uploads_expire() == 1
    assert not path.exists()
    assert not ResumableUpload.objects.exists()


@pytest.mark.parametrize("gone", ["collection", "person"])
def test_what_lost_its_collection_or_person_is_swept_and_nothing_else(world: World, gone: str):
    places = [
        begin(world.client(who), 10, collection=collection)["Location"]
        for who, collection in (("curator", "secret"), ("root", "open"))
    ]
    for who, place in zip(("curator", "root"), places, strict=True):
        send(world.client(who), place, b"x", 0)
    lost, kept = (upload_path(ResumableUpload.objects.get(user__username=who)) for who in ("curator", "root"))
    assert not list(uploads_left())
    (world.secret if gone == "collection" else world.users["curator"]).delete()
    assert list(uploads_left()) == [lost]
    job, _ = job_create_once(SWEEP_FILES, SWEEP_FILES.parameters())
    assert run_job_inline(job).state == "succeeded"
    assert list(kept.parent.iterdir()) == [kept]


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_wins(world: World, monkeypatch):
    """Both send the first piece; the one that comes while the other writes is told so, and nothing is mixed."""
    from search.services import upload_pieces

    client, other = world.client("curator"), world.client("curator")
    place = begin(client, 8)["Location"]
    writing, go_on = threading.Event(), threading.Event()
    keep = upload_pieces._keep

    def held(file: Any) -> None:
        writing.set()
        go_on.wait(10)
        keep(file)

    monkeypatch.setattr(upload_pieces, "_keep", held)
    found: list[int] = []

    def first() -> None:
        from django.db import connection

        found.append(send(client, place, b"aaaa", 0).status_code)
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert writing.wait(10)
    assert error_of(send(other, place, b"bbbb", 0)) == (423, "upload.busy")
    go_on.set()
    thread.join()
    assert found == [204]
    assert upload_path(ResumableUpload.objects.get()).read_bytes() == b"aaaa"
    assert error_of(send(other, place, b"bbbb", 0)) == (409, "upload.offset")


def test_memory_stays_constant(world: World, tmp_path):
    """A piece is written while it is read: 48 MiB leave no more than a few of them in memory."""
    import tracemalloc

    from search.services.upload_pieces import UploadPiece

    class Endless:
        left = 48 << 20

        def read(self, size: int, /) -> bytes:
            taken, self.left = min(size, self.left), max(self.left - size, 0)
            return os.urandom(1) * taken

    tracemalloc.start()
    UploadPiece(0, Endless()).write(tmp_path / "piece", room=48 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_an_upload_may_be_a_dry_run(world: World) -> None:
    curator = world.client("curator")
    whole(curator, TABLE, "a.jsonl", dry_run="true")
    whole(curator, TABLE + b"\n", "b.jsonl", dry_run="false")
    assert [job.params.get("dry_run", False) for job in imports().order_by("created_at")] == [True, False]
    assert error_of(begin(curator, 5, dry_run="maybe")) == (400, "parameter.invalid")
