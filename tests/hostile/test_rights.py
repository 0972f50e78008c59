"""What one person may not learn of another, and what somebody may not do any more."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.flows.served import wait_for
from tests.hostile.generators import upload
from tests.hostile.site import refusal

if TYPE_CHECKING:
    from tests.flows.test_api_story import Program
    from tests.hostile.site import Site

pytestmark = pytest.mark.slow

PEOPLE = """
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from search.models import Collection, Membership
users = get_user_model().objects
for name in ("ada", "ben"):
    user, _ = users.get_or_create(username=name, defaults={"is_staff": True})
    user.set_password("for the story 7")
    user.user_permissions.set(Permission.objects.all())
    user.save()
for slug, name, who in (("adas", "Adas corpus", "ada"), ("quiet-works", "Quiet works 4711", "ben")):
    collection, _ = Collection.objects.get_or_create(slug=slug, defaults={"name": name, "visibility": "private"})
    Membership.objects.update_or_create(
        collection=collection, user=users.get(username=who), defaults={"role": "curator"})
"""
HIDDEN = ("quiet-works", "Quiet works 4711", "secret title 4711")
PAGES = (
    "/admin/",
    "/admin/search/document/",
    "/admin/search/document/?q=secret",
    "/admin/search/collection/",
    "/admin/search/query/",
    "/admin/search/judgement/",
    "/admin/search/membership/",
    "/admin/search/documentimage/",
    "/admin/workers/job/",
)


@pytest.fixture(scope="module")
def _people(_site: Site) -> dict[str, Program]:
    _site.shell(PEOPLE)
    return {name: _site.program_of(name) for name in ("ada", "ben")}


@pytest.fixture
def ben(site: Site, _people: dict[str, Program]) -> Program:
    """Ben's program; he curates the hidden collection, whatever a story before took from him."""
    site.operator.must("PATCH", "collections/quiet-works/", {"curators": ["admin", "ben"], "readers": []})
    return _people["ben"]


def test_the_admin_shows_staff_no_name_of_a_collection_that_they_are_not_in(site: Site, ben: Program) -> None:
    ada = site.admin("ada", "for the story 7")
    body = {"collection": "quiet-works", "external_id": "q1", "title": "secret title 4711", "body": "b"}
    ben.must("POST", "documents/", body)
    form = {"collection": "quiet-works", "file": upload(b'{"title": "no id"}\n', "quiet-works.jsonl")}
    ben.finished(ben.must("POST", "documents/import/", form=form))
    shown = {page: ada.page(page, expected=(200, 403, 404)) for page in PAGES}
    assert "Adas corpus" in shown["/admin/search/collection/"]  # signed in, and shown what is theirs
    found = [(page, name) for page, text in shown.items() for name in HIDDEN if name in text]
    assert found == []


def test_a_guest_link_opens_one_collection_until_it_is_taken_back_and_its_key_is_in_no_log(
    site: Site, ben: Program
) -> None:
    body = {"ends_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    link = ben.must("POST", "collections/quiet-works/guest-links/", body)
    key = link["url"].partition("#")[2]
    guest = site.visitor()
    entry = guest.page("/guest/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', entry)
    assert token is not None
    page = guest.send("/guest/", {"csrfmiddlewaretoken": token[1], "key": key})
    assert "Quiet works 4711" in page
    assert key not in page
    for closed in (
        "/collections/adas/",
        "/curate/in/quiet-works/",
        "/admin/search/collection/",
        "/searches/",
    ):
        assert "Quiet works 4711" not in guest.page(closed, expected=(200, 404))
    assert ben.ask("DELETE", f"collections/adas/guest-links/{link['id']}/")[0] == 404
    ben.must("DELETE", f"collections/quiet-works/guest-links/{link['id']}/")
    assert "Quiet works 4711" not in guest.page("/collections/quiet-works/", expected=(404,))
    logs = "".join(
        file.read_text(errors="replace")
        for file in (site.served.data_dir / "log").rglob("*")
        if file.is_file()
    )
    assert "/guest/" in logs
    assert key.partition("-")[2] not in logs


def finished(program: Program, job: dict[str, Any]) -> dict[str, Any]:
    def look() -> Any:
        known = program.must("GET", f"jobs/{job['id']}/")
        return known if known["state"] in ("succeeded", "failed", "cancelled") else None

    return wait_for(look, 60)


def test_a_curator_whose_right_was_taken_cannot_go_on_with_an_import(site: Site, ben: Program) -> None:
    lines = b"\n".join(b'{"external_id": "r%d", "title": "retried"}' % number for number in range(30_000))
    job = ben.must(
        "POST", "documents/import/", form={"collection": "quiet-works", "file": upload(lines, "r.jsonl")}
    )
    ben.ask("POST", f"jobs/{job['id']}/cancel/", {})
    state = finished(ben, job)["state"]
    members = {"curators": ["admin"], "readers": []}
    site.operator.must("PATCH", "collections/quiet-works/", members)
    stored = documents(site)
    status, answer = ben.ask("POST", f"jobs/{job['id']}/retry/", {})
    assert status in (403, 404, 409), (state, answer)
    assert refusal(answer)
    assert documents(site) == stored


def test_an_import_stops_when_its_owner_loses_the_right_while_it_runs(site: Site, ben: Program) -> None:
    lines = b"\n".join(
        b'{"external_id": "w%d", "title": "while", "body": "b"}' % number for number in range(60_000)
    )
    job = ben.must(
        "POST", "documents/import/", form={"collection": "quiet-works", "file": upload(lines, "w.jsonl")}
    )
    wait_for(lambda: documents(site) > 0, 60)
    site.operator.must("PATCH", "collections/quiet-works/", {"curators": ["admin"], "readers": []})
    done = finished(site.operator, job)
    assert done["state"] in ("failed", "cancelled"), done
    assert documents(site) < 60_000


def documents(site: Site) -> int:
    found = site.operator.must("GET", "collections/quiet-works/")
    return int(found["documents"])


def test_no_page_of_the_admin_and_no_column_holds_a_key_that_acts_as_an_anonymous_rater(site: Site) -> None:
    visitor = site.visitor()
    asked = site.anonymous().must("POST", "search/", {"text": "red", "limit": 3})
    query, document = asked["query"]["id"], asked["results"][0]["document"]["id"]
    page = visitor.page(f"/q/{query}/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    form = {"csrfmiddlewaretoken": token[1], "document": str(document), "verdict": "relevant"}
    visitor.send(f"/q/{query}/judge/", form)
    key = visitor.cookie("sessionid")
    assert len(key) > 20
    admin = site.admin()
    pages = ["/admin/search/judgement/", "/admin/search/query/", f"/admin/search/query/{query}/change/"]
    pages += re.findall(r'href="(/admin/search/judgement/\d+/change/[^"]*)"', admin.page(pages[0]))
    assert len(pages) > 3
    assert [page for page in pages if key in admin.page(page)] == []
    assert key not in site.shell(COLUMNS)
    assert key not in site.operator.must("GET", f"judgements/export.csv?query={query}")


COLUMNS = """
from search.models import Judgement, Query, QueryPart
for rows in (Judgement.objects.values(), Query.objects.values(), QueryPart.objects.values()):
    print(*rows)
"""
