"""The pages of sources, for curators, without JavaScript."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrieval_site.accounts.models import User
from search.models import Document, Membership, Source
from search.services.sources import rounds_of
from tests.support.corpus import make_collection
from tests.support.pages import shown_page
from tests.support.sources import put
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection():
    return make_collection("notes", visibility="private")


@pytest.fixture
def curator(client, collection, settings, tmp_path):
    settings.CONFIG = replace(settings.CONFIG, source_folders=[tmp_path])
    user = User.objects.create(username="ann", is_staff=True)
    Membership.objects.create(collection=collection, user=user, role="curator")
    client.force_login(user)
    return client


@pytest.fixture
def source(curator, tmp_path) -> Source:
    """A source of three pictures, made by the form; its dry run is done."""
    for number in range(3):
        put(tmp_path, f"share/{number}.jpg", (number * 80, 0, 0))
    form = {"kind": "folder", "address": str(tmp_path / "share"), "name": "<b>Share</b>", "every_hours": "24"}
    answer = curator.post("/collections/notes/sources/", form)
    found = Source.objects.get()
    assert answer["Location"] == f"/collections/notes/sources/{found.pk}/"
    run(found)
    return found


def run(source: Source):
    return run_job_inline(rounds_of(source).first())


def page(client, source: Source) -> str:
    return shown_page(client.get(f"/collections/notes/sources/{source.pk}/"))


def do(client, source: Source, what: str, **more: str):
    return client.post(f"/collections/notes/sources/{source.pk}/", {"do": what, **more})


def test_a_curator_checks_follows_and_undoes_a_source(curator, source):
    checked = page(curator, source)
    for shown in (
        "The dry run is done; nothing was stored.",
        "<strong>3</strong> new",
        "&lt;b&gt;Share",
        "0.jpg",
    ):
        assert shown in checked
    assert not Document.objects.exists()
    do(curator, source, "follow")
    source.refresh_from_db()
    assert (source.paused, source.every_hours) == (False, 24)
    job = run(source)
    assert "Round, succeeded" in page(curator, source)
    assert Document.objects.count() == 3
    do(curator, source, "undo", round=str(job.pk))
    run_job_inline(job.__class__.objects.get(type="undo_import"))
    assert not Document.objects.exists()
    assert "undone" in page(curator, source)


def test_what_is_gone_is_removed_when_the_curator_says_so(curator, source, tmp_path):
    do(curator, source, "follow")
    run(source)
    for number in (0, 1):
        (tmp_path / "share" / f"{number}.jpg").unlink()
    do(curator, source, "run")
    run(source)
    assert "Look again, and remove them" in page(curator, source)
    assert Document.objects.count() == 3
    do(curator, source, "remove")
    run(source)
    assert Document.objects.count() == 1
    assert "Look again, and remove them" not in page(curator, source)


def test_failed_files_are_listed_and_tried_again(curator, source, tmp_path):
    (tmp_path / "share" / "bad.jpg").write_bytes(b"\xff\xd8\xff no picture")
    put(tmp_path, "share/worse.jpg").write_bytes(b"\xff\xd8\xff no picture")
    import os

    os.utime(tmp_path / "share" / "worse.jpg", (1_000_000, 1_000_000))
    do(curator, source, "run")
    job = run(source)
    shown = page(curator, source)
    assert "worse.jpg" in shown
    assert "still being written" in shown
    put(tmp_path, "share/worse.jpg")
    do(curator, source, "retry", round=str(job.pk))
    assert run_job_inline(job).items.count() == 0


def test_a_source_is_paused_scheduled_and_deleted(curator, source):
    do(curator, source, "follow")
    do(curator, source, "pause")
    do(curator, source, "schedule", every_hours="168")
    source.refresh_from_db()
    assert (source.paused, source.every_hours) == (True, 168)
    assert do(curator, source, "schedule", every_hours="x").status_code == 400
    assert do(curator, source, "undo", round="nothing").status_code == 404
    assert do(curator, source, "delete")["Location"] == "/collections/notes/sources/"
    assert not Source.objects.exists()


def test_what_is_read_in_pictures_is_chosen_with_the_source_and_changed(curator, source, tmp_path):
    form = {"kind": "folder", "address": str(tmp_path / "share"), "character_recognition": "all"}
    curator.post("/collections/notes/sources/", form)
    made = Source.objects.exclude(pk=source.pk).get()
    assert made.options == {"character_recognition": "all"}
    assert 'value="all" selected' in page(curator, made)
    do(curator, made, "reading", character_recognition="", letters="any")
    made.refresh_from_db()
    assert made.options == {"letters": "any"}


def test_a_refused_form_says_why_and_keeps_what_was_written(curator):
    form = {"kind": "iiif", "address": "ftp://a.example/x", "name": "Mine"}
    answer = curator.post("/collections/notes/sources/", form)
    assert answer.status_code == 400
    shown = answer.content.decode()
    assert "An address" in shown
    assert 'value="Mine"' in shown
    assert not Source.objects.exists()


@pytest.mark.parametrize("role", ["", "reader"])
def test_others_see_no_sources(client, curator, source, role):
    stranger = User.objects.create(username="bob", is_staff=True)
    if role:
        Membership.objects.create(collection=source.collection, user=stranger, role=role)
    client.force_login(stranger)
    assert client.get("/collections/notes/sources/").status_code == 404
    assert client.get(f"/collections/notes/sources/{source.pk}/").status_code == 404
    assert do(client, source, "delete").status_code == 404
    client.logout()
    assert client.get("/collections/notes/sources/")["Location"].startswith("/login/")


def test_a_source_is_found_under_its_own_collection_alone(curator, source):
    other = make_collection("other")
    Membership.objects.create(collection=other, user=source.owner, role="curator")
    assert curator.get(f"/collections/other/sources/{source.pk}/").status_code == 404
    assert "Sources" in shown_page(curator.get("/collections/notes/"))


def test_folders_are_offered_to_staff_alone(curator, source):
    assert "Folder on the server" in shown_page(curator.get("/collections/notes/sources/"))
    User.objects.filter(pk=source.owner_id).update(is_staff=False)
    assert "Folder on the server" not in shown_page(curator.get("/collections/notes/sources/"))
