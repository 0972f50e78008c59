"""Files and folders sent in pieces from the import page."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from retrieval_site.accounts.models import User
from search.job_types import IMPORT
from search.models import Collection, Membership, ResumableUpload
from tests.browser.test_saved_searches import signed_in
from tests.support.workers import wait_until
from workers.models import Blob, Job
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.support.browser import Site


@pytest.fixture
def slug(site: Site) -> str:
    collection = Collection.objects.get(pk=next(iter(site.documents.values())).collection_id)
    ann, _ = User.objects.get_or_create(username="ann")
    Membership.objects.get_or_create(collection=collection, user=ann, defaults={"role": "curator"})
    return str(collection.slug)


def imported() -> dict[str, bytes]:
    job = Job.objects.get(type=IMPORT.name, params__blob__isnull=False)
    with blob_open(Blob.objects.get(pk=job.params["blob"])) as opened, zipfile.ZipFile(opened) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_folder_keeps_its_structure_and_goes_on_after_a_broken_line_and_a_reload(
    site: Site, open_context, tmp_path, slug, watch
) -> None:
    watch.expected.append("ERR_FAILED")
    page = signed_in(open_context(), site)
    files = {"notes/a.txt": b"one " * 9, "notes/deep/a.txt": b"two " * 9, "notes/b.md": b"# three"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    where = site.at(f"/curate/in/{slug}/import/")
    page.goto(where)
    page.route("**/api/v1/uploads/import/", lambda route: route.abort())  # the line breaks before the end
    page.locator("[data-folder]").set_input_files(tmp_path / "notes")
    expect(page.get_by_text("The line broke.")).to_be_visible()
    assert ResumableUpload.objects.count() == len(files)
    page.unroute("**/api/v1/uploads/import/")
    pieces: list[str] = []
    page.on("request", lambda asked: pieces.append(asked.url) if asked.method == "PATCH" else None)
    page.goto(where)
    page.locator("[data-folder]").set_input_files(tmp_path / "notes")
    expect(page.get_by_role("heading", name="Newest imports")).to_be_visible()
    assert imported() == files
    assert pieces == []  # all was there already


def test_what_failed_is_listed_and_tried_again(site: Site, open_context, slug, watch) -> None:
    watch.expected.append("403 (Forbidden)")
    page = signed_in(open_context(), site)
    page.goto(site.at(f"/curate/in/{slug}/import/"))
    page.route(
        "**/api/v1/uploads/",
        lambda route: route.fulfill(
            status=403, json={"error": {"id": "x", "message": "Not now.", "detail": {}}}
        ),
    )
    names = ("a.txt", "b.txt")
    page.get_by_label("Files", exact=True).set_input_files(
        [{"name": name, "mimeType": "text/plain", "buffer": b"words"} for name in names]
    )
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Not now.")).to_have_count(2)
    page.unroute("**/api/v1/uploads/")
    page.get_by_role("button", name="Try these again").click()
    expect(page.get_by_role("heading", name="Newest imports")).to_be_visible()
    assert set(imported()) == set(names)


TABLE = b"Artikelnr.;Bezeichnung\n1;Pump\n2;Valve\n"
PIECE_BYTES = 8 * 1024 * 1024
"""What `uploading.js` sends at once."""


def dropped(page: Page, *paths: Path) -> None:
    """Drop files or folders of the disk as a person does, so that the page gets entries of a file system."""
    zone = page.locator("[data-drop]")
    zone.scroll_into_view_if_needed()
    box = zone.bounding_box()
    assert box is not None
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})


def test_a_table_or_a_zip_that_asks_leads_to_the_page_of_its_columns(
    site: Site, open_context, slug, tmp_path
) -> None:
    page = signed_in(open_context(), site)
    where, table = site.at(f"/curate/in/{slug}/import/"), tmp_path / "parts.csv"
    table.write_bytes(TABLE)
    kept = tmp_path / "parts.zip"
    with zipfile.ZipFile(kept, "w") as archive:
        archive.write(table, "parts.csv")
    columns = re.compile(r"/import/table/[0-9a-f-]+/$")

    page.goto(where)
    page.get_by_label("Files", exact=True).set_input_files(table)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page).to_have_url(columns)

    page.goto(where)
    page.get_by_label("Files", exact=True).set_input_files(kept)
    page.get_by_label("Ask for the columns of a table in a zip, too").check()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page).to_have_url(columns)

    page.goto(where)
    dropped(page, table)
    expect(page).to_have_url(columns)


def test_a_dropped_folder_keeps_its_structure(site: Site, open_context, slug, tmp_path) -> None:
    page = signed_in(open_context(), site)
    files = {"notes/a.txt": b"one", "notes/deep/a.txt": b"two"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    page.goto(site.at(f"/curate/in/{slug}/import/"))
    dropped(page, tmp_path / "notes")
    expect(page.get_by_role("heading", name="Newest imports")).to_be_visible()
    assert imported() == files


def test_a_file_whose_line_broke_goes_on_where_it_was(
    site: Site, open_context, slug, tmp_path, watch
) -> None:
    watch.expected.append("ERR_FAILED")
    page = signed_in(open_context(), site)
    content = b"A line of text.\n" * (PIECE_BYTES // 16 + 1000)
    (tmp_path / "long.txt").write_bytes(content)
    where = site.at(f"/curate/in/{slug}/import/")
    page.goto(where)

    def first_piece_alone(route: Route) -> None:
        route.abort() if route.request.headers.get("upload-offset", "0") != "0" else route.continue_()

    page.route("**/api/v1/uploads/*/", first_piece_alone)
    page.get_by_label("Files", exact=True).set_input_files(tmp_path / "long.txt")
    page.get_by_role("button", name="Import", exact=True).click()
    body = page.locator("body")  # asked each time, since only then are requests let through
    wait_until(lambda: body.count() and ResumableUpload.objects.filter(offset=PIECE_BYTES).exists())
    page.goto(where)  # it is closed while the line is down
    page.unroute("**/api/v1/uploads/*/")
    offsets: list[str] = []
    page.on(
        "request",
        lambda sent: offsets.append(sent.headers["upload-offset"]) if sent.method == "PATCH" else None,
    )
    page.get_by_label("Files", exact=True).set_input_files(tmp_path / "long.txt")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="Newest imports")).to_be_visible()
    assert offsets == [str(PIECE_BYTES)]
    job = Job.objects.get(type=IMPORT.name, params__blob__isnull=False)
    with blob_open(Blob.objects.get(pk=job.params["blob"])) as opened:
        assert opened.read() == content
