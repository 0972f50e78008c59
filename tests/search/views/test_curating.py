"""The curators' pages, without JavaScript."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.test import Client
from rest_framework.test import APIClient

from retrieval_site.accounts.models import User
from retrieval_site.database import counting
from search.curating import duplicates, quality
from search.job_types import IMPORT
from search.models import ChangeSet, Collection, Document, Membership, TrashedDocument
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_save
from search.services.imports import import_start
from tests.support.corpus import make_collection
from tests.support.pages import kept_query, picture_bytes, save_document, shown_page
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def notes() -> Collection:
    return make_collection("notes")


@pytest.fixture
def curator(client, notes) -> Client:
    """Somebody who is no staff."""
    user = User.objects.create(username="ann")
    Membership.objects.create(collection=notes, user=user, role="curator")
    client.force_login(user)
    return client


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response.content[:500]
    return shown_page(response)


def do(client: Client, action: str, *documents: Document, **sent: str):
    body = {"action": action, "document": [one.pk for one in documents], **sent}
    return client.post("/curate/in/notes/change/", body)


def test_every_page_opens_for_a_curator_who_is_no_staff(curator, notes):
    save_document(
        notes, "a", title="<b>Pump</b>", tags=["red"], pictures=[picture_bytes()], metadata={"site": "3"}
    )
    for part in ("", "?view=grid", "changes/", "trash/", "fields/", "quality/"):
        shown = page(curator, f"/curate/in/notes/{part}")
        assert "<b>Pump</b>" not in shown
    assert "&lt;b&gt;Pump&lt;/b&gt;" in page(curator, "/curate/in/notes/")
    assert "Notes" in page(curator, "/curate/")
    assert "/curate/in/notes/" in page(curator, "/collections/notes/")


def test_nobody_else_opens_them(client, notes):
    for user, role in (("reader", "reader"), ("stranger", None)):
        somebody = User.objects.create(username=user, is_staff=True)
        if role:
            Membership.objects.create(collection=notes, user=somebody, role=role)
        client.force_login(somebody)
        for part in ("", "changes/", "trash/", "fields/", "quality/"):
            assert client.get(f"/curate/in/notes/{part}").status_code == 404
        for part in ("change/", "trash/restore/", "trash/empty/"):
            assert client.post(f"/curate/in/notes/{part}").status_code == 404
    client.logout()
    assert client.get("/curate/in/notes/").headers["Location"].startswith("/login/")


def test_a_form_from_elsewhere_changes_nothing(notes):
    strict = Client(enforce_csrf_checks=True)
    user = User.objects.create(username="ann")
    Membership.objects.create(collection=notes, user=user, role="curator")
    strict.force_login(user)
    document = save_document(notes, "a", title="Pump")
    for part in ("change/", "trash/restore/", "trash/empty/", "fields/"):
        body = {"action": "trash", "document": document.pk}
        assert strict.post(f"/curate/in/notes/{part}", body).status_code == 403
    assert Document.objects.exists()


def test_staff_and_whom_it_was_given_make_a_collection_and_curate_it(client):
    user = User.objects.create(username="ben")
    client.force_login(user)
    body = {"name": "My Notes", "visibility": "private", "language": "german"}
    assert client.post("/curate/new-collection/", body).status_code == 403
    assert "New collection" not in page(client, "/curate/")
    user.user_permissions.add(Permission.objects.get(codename="add_collection"))
    assert "New collection" in page(client, "/curate/")
    for wrong in ({"name": " "}, {"character_recognition": "everything"}):
        assert client.post("/curate/new-collection/", body | wrong).status_code == 400
    assert client.post("/curate/new-collection/", body).headers["Location"] == "/curate/in/my-notes/"
    made = Collection.objects.get()
    assert (made.language, made.visibility, made.character_recognition) == ("german", "private", "pages")
    assert Collection.objects.curated_by(user).get() == made
    program, sent = APIClient(), {"slug": "by-program", "name": "By a program"}
    program.force_authenticate(User.objects.get(pk=user.pk))
    assert program.post("/api/v1/collections/", sent, format="json").status_code == 201
    program.force_authenticate(User.objects.create(username="eve"))
    refused = program.post("/api/v1/collections/", sent | {"slug": "hers"}, format="json")
    assert (refused.status_code, refused.json()["error"]["id"]) == (403, "permission.denied")
    client.post("/curate/new-collection/", body | {"name": "Plates", "character_recognition": "all"})
    assert Collection.objects.get(slug="plates").character_recognition == "all"


def test_a_collection_whose_name_has_no_latin_letters_gets_an_address(client):
    client.force_login(User.objects.create(username="ben", is_staff=True))
    body = {"visibility": "private", "language": "simple"}
    answer = client.post("/curate/new-collection/", body | {"name": "Насосы и клапаны"})
    assert answer.headers["Location"] == "/curate/in/nasosy-i-klapany/"
    for _ in range(2):  # two of one name are told apart
        answer = client.post("/curate/new-collection/", body | {"name": "水泵 2"})
        assert re.fullmatch(r"/curate/in/collection-[0-9a-f]{6}/", answer.headers["Location"])


def test_a_refusal_calls_the_fields_as_the_form_does(client, notes):
    client.force_login(User.objects.create(username="ben", is_staff=True))
    body = {"name": "Pumps", "visibility": "private", "language": "simple"}
    for wrong, label in (
        ({"name": " "}, "Name"),
        ({"slug": "Ä B"}, "Name in addresses"),
        ({"slug": "notes"}, "Name in addresses"),
        ({"language": "odd"}, "Language of its texts"),
    ):
        shown = shown_page(client.post("/curate/new-collection/", body | wrong))
        assert f"“{label}”: " in shown
        assert "slug”" not in shown


def test_the_way_to_curating_is_shown_to_whom_it_leads_somewhere(client, notes):
    reader = User.objects.create(username="reader")
    Membership.objects.create(collection=notes, user=reader, role="reader")
    client.force_login(reader)
    assert "/curate/" not in page(client, "/collections/")
    Membership.objects.filter(user=reader).update(role="curator")
    assert "/curate/" in page(client, "/collections/")


def test_an_empty_collection_leads_to_the_import(curator):
    for address in ("/curate/in/notes/", "/collections/notes/"):
        assert "Import documents" in page(curator, address)
    assert "Import documents" not in page(curator, "/curate/in/notes/?q=pump")


def test_documents_are_found_by_words_external_id_part_number_and_field(curator, notes):
    save_document(
        notes, "N-1", title="Pump", body="It leaks at the flanges.", tags=["red"], metadata={"year": 1990}
    )
    save_document(notes, "N-2", title="Valve", body="Part KX-204.", tags=["blue"], metadata={"year": 2001})
    for asked, found in (
        ("q=flange", "Pump"),
        ("q=n-1", "Pump"),
        ("q=kx204", "Valve"),
        ("q=val", "Valve"),
        ("tags=red", "Pump"),
        ("from.metadata.year=2000", "Valve"),
        ("q=flange&tags=blue", ""),
        ("quality=no-pictures&q=pump", "Pump"),
    ):
        shown = page(curator, f"/curate/in/notes/?{asked}")
        titles = [title for title in ("Pump", "Valve") if f'dir="auto">{title}</a>' in shown]
        assert titles == ([found] if found else []), asked
    assert curator.get("/curate/in/notes/?quality=odd").status_code == 400
    assert curator.get("/curate/in/notes/?sort=odd").status_code == 400
    assert curator.get("/curate/in/notes/?after=odd").status_code == 400
    assert curator.get("/curate/in/notes/?q=%00").status_code == 200


@pytest.mark.parametrize("sort", ["-updated_at", "created_at", "title", "external_id"])
def test_pages_show_every_document_once_in_order(curator, notes, sort):
    many(notes, 120)
    address, seen = f"/curate/in/notes/?sort={sort}", []
    while address:
        response = curator.get(address)
        seen += [one.pk for one in response.context["page"].documents]
        address = f"/curate/in/notes/?{response.context['next']}" if response.context["next"] else ""
    assert len(seen) == 120
    assert sorted(seen) == sorted(Document.objects.values_list("pk", flat=True))


def many(collection: Collection, count: int) -> None:
    fields = DocumentFields(title="Pump", tags=("red",))
    documents_save(collection=collection, records=[DocumentRecord(f"m{row}", fields) for row in range(count)])


def test_the_list_asks_the_database_as_often_whatever_it_shows(curator, notes, django_assert_max_num_queries):
    many(notes, 60)
    with django_assert_max_num_queries(25):
        curator.get("/curate/in/notes/")


def test_ticked_documents_are_changed_and_the_change_is_shown_and_taken_back(curator, notes):
    document = save_document(notes, "a", title="Pump", tags=["old"])
    done = do(curator, "add_tags", document, tags="<i>new</i>")
    shown = page(curator, done.headers["Location"])
    assert "1 changed" in shown
    assert "&lt;i&gt;new&lt;/i&gt;" in shown
    assert "old" in shown
    change_set = ChangeSet.objects.get()
    assert "Added tags" in page(curator, "/curate/in/notes/changes/")
    assert "Added tags" in page(curator, f"/curate/in/notes/changes/?document={document.pk}")
    assert "Added tags" not in page(curator, "/curate/in/notes/changes/?document=99999999")
    curator.post(f"/curate/in/notes/changes/{change_set.pk}/undo/")
    document.refresh_from_db()
    assert document.tags == ["old"]
    again = curator.post(f"/curate/in/notes/changes/{change_set.pk}/undo/", follow=True)
    assert "curating.undone_already" in shown_page(again)


def test_all_that_match_are_changed_whatever_is_ticked(curator, notes):
    many(notes, 60)
    save_document(notes, "b", title="Valve", tags=["blue"])
    do(curator, "add_tags", scope="all", query="tags=red", tags="x")
    assert Document.objects.filter(tags__contains=["x"]).count() == 60


def test_what_a_form_lacks_is_said_where_it_was(curator, notes):
    document = save_document(notes, "a", title="Pump")
    for action, sent, error in (
        ("", {}, "curating.unknown_action"),
        ("undo", {}, "curating.unknown_action"),
        ("add_tags", {"tags": " , "}, "curating.tags"),
        ("add_tags", {"tags": "x" * 81}, "curating.tags"),
        ("set_field", {"key": "", "value": "1"}, "curating.key"),
        ("set_field", {"key": "site", "value": ""}, "curating.value"),
        ("move", {"collection": "notes"}, "curating.same_collection"),
        ("move", {"collection": "nowhere"}, "curating.no_target"),
        ("merge", {}, "curating.merge"),
    ):
        response = do(curator, action, document, **sent)
        assert error in shown_page(curator.get(response.headers["Location"])), action
    nothing = do(curator, "trash")
    assert "curating.nothing_selected" in shown_page(curator.get(nothing.headers["Location"]))
    assert not ChangeSet.objects.exists()


def test_a_selection_holds_only_documents_of_the_collection(curator, notes):
    foreign = save_document(make_collection("private", visibility="private"), "a", title="Secret")
    own = save_document(notes, "a", title="Pump")
    body = {"action": "trash", "document": [f"{own.pk},{foreign.pk},x,-1,99999999999999999999"]}
    shown = page(curator, curator.post("/curate/in/notes/change/", body).headers["Location"])
    assert "1 changed" in shown
    assert "Secret" not in shown
    assert Document.objects.get() == foreign


def test_the_trash_gives_back_what_is_ticked_and_is_emptied(curator, notes):
    first, second = save_document(notes, "a", title="Pump"), save_document(notes, "b", title="Valve")
    do(curator, "trash", first, second)
    shown = page(curator, "/curate/in/notes/trash/")
    assert "Pump" in shown
    assert "After 30 days" in shown
    curator.post("/curate/in/notes/trash/restore/", {"document": first.pk})
    assert Document.objects.get() == first
    curator.post("/curate/in/notes/trash/empty/")
    assert not TrashedDocument.objects.exists()
    assert "The trash is empty." in page(curator, "/curate/in/notes/trash/")


def test_another_collections_change_and_trash_are_not_there(curator, notes):
    other = make_collection("other")
    change_set = ChangeSet.objects.create(collection=other, action="trash")
    trashed = TrashedDocument.objects.create(document_id=1, collection=other, external_id="a", kept=[])
    assert curator.get(f"/curate/in/notes/changes/{change_set.pk}/").status_code == 404
    assert curator.post(f"/curate/in/notes/changes/{change_set.pk}/undo/").status_code == 404
    curator.post("/curate/in/notes/trash/restore/", {"document": trashed.pk})
    curator.post("/curate/in/notes/trash/restore/", {"scope": "all"})
    curator.post("/curate/in/notes/trash/empty/")
    assert TrashedDocument.objects.count() == 1


def test_each_figure_of_the_quality_leads_to_its_documents(curator, notes):
    save_document(
        notes, "a", title="Pump", body="It leaks.", metadata={"language": "en"}, pictures=[picture_bytes()]
    )
    save_document(notes, "b", title="Twin", tags=["x"])
    save_document(notes, "c", title="Twin", tags=["x"])
    save_document(notes, "d", pictures=[picture_bytes()])
    corpus = curator.get("/curate/in/notes/quality/").context["corpus"]
    assert corpus.figures == {
        "no-text": 1, "no-pictures": 2, "no-title": 1, "no-tags": 2, "failed": 0, "unread": 0, "same": 2, "near": 0,
    }  # fmt: skip
    assert corpus.languages == [("en", 1)]
    for name, count in corpus.figures.items():
        assert curator.get(f"/curate/in/notes/?quality={name}").context["found"] == count


def test_a_field_gets_its_label_place_and_vocabulary_from_a_form(curator, notes):
    save_document(notes, "a", title="Pump", metadata={"state": "new"})
    body = {
        "name": "metadata.state",
        "label": "State <i>",
        "place": "2",
        "vocabulary": "new\nworn\n",
        "is_facet": "on",
    }
    assert curator.post("/curate/in/notes/fields/", body).status_code == 302
    shown = page(curator, "/curate/in/notes/fields/")
    assert "State &lt;i&gt;" in shown
    assert "2 allowed values" in shown
    assert "State &lt;i&gt;" in page(curator, "/curate/in/notes/")
    assert curator.post("/curate/in/notes/fields/", body | {"place": "x"}).status_code == 400
    assert curator.post("/curate/in/notes/fields/", {"name": ""}).status_code == 400


def test_results_and_documents_show_fields_by_their_labels_and_places(curator, notes):
    metadata = {"maker": "ACME", "state": "new"}
    document = save_document(notes, "a", title="Pump", metadata=metadata)
    body = {"name": "metadata.state", "label": "State of it", "place": "1"}
    curator.post("/curate/in/notes/fields/", body)
    query = kept_query([document], filters={"metadata": {"state": {"any": ["new"]}}})
    for address in (f"/q/{query.pk}/", f"/documents/{document.pk}/"):
        shown = page(curator, address)
        assert "State of it" in shown
        assert shown.index("ACME") > shown.index(">new<")
    menus = curator.get(f"/q/{query.pk}/").context["bar"].menus
    assert [menu.label for menu in menus][:2] == ["State of it", "Maker"]
    curator.post("/curate/in/notes/fields/", {"name": "metadata.maker"})
    menus = curator.get(f"/q/{query.pk}/").context["bar"].menus
    assert "Maker" not in [menu.label for menu in menus]


def test_the_same_documents_are_shown_together_and_merged(curator, notes, django_assert_max_num_queries):
    first, twin = (save_document(notes, name, title="Pump", body="It leaks.") for name in "ab")
    save_document(notes, "c", title="Valve")
    curator.get("/")
    with django_assert_max_num_queries(12):
        groups = curator.get("/curate/in/notes/duplicates/").context["groups"]
    assert groups == [[first, twin]]
    do(curator, "merge", first, twin, keep=str(twin.pk))
    assert list(Document.objects.filter(title="Pump")) == [twin]
    assert "No duplicates are known" in page(curator, "/curate/in/notes/duplicates/")
    curator.post("/curate/in/notes/duplicates/")
    assert "A job looks for" in page(curator, "/curate/in/notes/duplicates/")


def test_a_curator_imports_a_file_and_reads_what_failed(curator, notes):
    lines = b'{"id": "a", "title": "Pump"}\n{"id": "b", "url": "javascript:x", "title": "Valve"}\n'
    for button in ({"check": ""}, {}):
        body = {"file": ContentFile(lines, "<b>.jsonl"), **button}
        assert curator.post("/curate/in/notes/import/", body).status_code == 302
        run_job_inline(Job.objects.filter(type="import").first())
    shown = page(curator, "/curate/in/notes/import/")
    assert "Checked: 1 new" in shown
    assert "must be an address that begins with" in shown
    assert "<b>" not in shown
    assert Document.objects.get().external_id == "a"
    assert curator.post("/curate/in/notes/import/").status_code == 400


def test_an_import_says_which_pictures_of_text_it_reads(curator, notes):
    asked = {"character_recognition": "all", "letters": "any"}
    where = curator.post("/curate/in/notes/import/", {"file": ContentFile(b"Words.", "a.txt"), **asked})[
        "Location"
    ]
    job = Job.objects.get(type=IMPORT.name)
    assert {name: job.params[name] for name in asked} == asked
    assert "As the collection is set: scanned pages" in page(curator, where)
    shown = page(curator, f"/curate/in/notes/import/jobs/{job.pk}/")
    assert "scanned pages, figures and photographs; letters on scanned pages: Latin, Greek" in shown


def test_what_is_read_in_pictures_is_kept_while_somebody_says_which_column_is_what(curator, notes):
    table = ContentFile(b"Nr;Name\n1;Pump\n", "a.csv")
    body = {"file": table, "ask": "", "character_recognition": "all"}
    where = curator.post("/curate/in/notes/import/", body)["Location"]
    run_job_inline(Job.objects.get(type="look_at_tables"))
    curator.post(where, {"document": ""})
    assert IMPORT.parameters_of(Job.objects.get(type=IMPORT.name)).character_recognition == "all"


def test_nobody_else_imports(client, notes):
    client.force_login(User.objects.create(username="ben", is_staff=True))
    answer = client.post("/curate/in/notes/import/", {"file": ContentFile(b"{}", "a.jsonl")})
    assert answer.status_code in (403, 404)
    assert not Job.objects.exists()


def test_files_that_are_chosen_together_come_in_with_one_import(curator, notes):
    files = [ContentFile(f"Words {n}.".encode(), "note.txt") for n in range(3)]
    assert curator.post("/curate/in/notes/import/", {"file": files}).status_code == 302
    job = Job.objects.get(type="import")
    assert IMPORT.parameters_of(job).filename == "3 files"
    assert run_job_inline(job).result["new"] == 3
    assert set(Document.objects.values_list("external_id", flat=True)) == {
        "note.txt",
        "note (2).txt",
        "note (3).txt",
    }


def zipped(**members: bytes) -> ContentFile:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return ContentFile(kept.getvalue(), "files.zip")


def test_an_imports_page_names_what_was_left_out_and_what_failed_with_the_reasons(curator, notes):
    content = {"a.txt": b"Words.", "tool.exe": b"MZ\0\0\1\2\3", "cut.pdf": b"%PDF-1.7 1 0 obj"}
    where = curator.post("/curate/in/notes/import/", {"file": zipped(**content), "check": "1"}).headers[
        "Location"
    ]
    job = Job.objects.get(type=IMPORT.name)
    assert "Waits for a worker" in page(curator, where)  # and no “0 new”
    assert "0 new" not in page(curator, where)
    assert 'hx-trigger="every 2s"' in page(curator, where)
    run_job_inline(job)
    listed = page(curator, where)
    assert 'hx-trigger="every 2s"' not in listed
    assert "Checked: 1 new" in " ".join(listed.split())
    shown = " ".join(page(curator, f"/curate/in/notes/import/jobs/{job.pk}/").split())
    assert '<bdi>tool.exe</bdi>: <span dir="auto">a Windows program</span>' in shown
    assert "cut.pdf" in shown
    assert "may have been cut off" in shown
    address = f"/curate/in/notes/import/jobs/{job.pk}/"
    started = curator.post(address, {"do": "import"}).headers["Location"]
    imported = run_job_inline(Job.objects.exclude(pk=job.pk).get(type=IMPORT.name))
    assert started == f"/curate/in/notes/import/jobs/{imported.pk}/"
    assert Document.objects.get().external_id == "a.txt"
    assert "Try those that" in page(curator, started)
    assert curator.post(started, {"do": "import"}).status_code == 409  # that is no check
    curator.post(started, {"do": "retry"})
    imported.refresh_from_db()
    assert imported.state == "queued"
    curator.post(started, {"do": "stop"})
    imported.refresh_from_db()
    assert imported.state == "cancelled"


def test_an_imports_page_is_its_collections(curator, notes, client):
    other = make_collection("other")
    job = import_start(collection=other, file=ContentFile(b"Words.", "a.txt"))
    assert curator.get(f"/curate/in/notes/import/jobs/{job.pk}/").status_code == 404
    assert curator.get(f"/curate/in/other/import/jobs/{job.pk}/").status_code == 404


@pytest.fixture
def two_are_many(monkeypatch):
    """Two documents are many."""
    monkeypatch.setattr(counting, "COUNTED_MAX", 1)
    quality._kept.clear()
    duplicates._same_kept.clear()


def test_the_quality_of_many_documents_is_counted_now_and_then(curator, notes, two_are_many):
    save_document(notes, "a", title="One")
    assert curator.get("/curate/in/notes/quality/").context["counted_at"] is None
    save_document(notes, "b", title="Two")
    first = curator.get("/curate/in/notes/quality/")
    assert first.context["corpus"].documents == 2
    assert "So many documents are counted anew after ten minutes." in shown_page(first)
    save_document(notes, "c", title="Three")
    assert curator.get("/curate/in/notes/quality/").context["corpus"].documents == 2
    quality._kept.clear()
    assert curator.get("/curate/in/notes/quality/").context["corpus"].documents == 3


def test_of_duplicates_of_many_documents_that_were_merged_no_group_is_left(curator, notes, two_are_many):
    documents = [save_document(notes, name, title="Pump", tags=["same"]) for name in ("a", "b")]
    for document in documents:
        Document.objects.filter(pk=document.pk).update(content_hash="e" * 64)
    (group,) = curator.get("/curate/in/notes/duplicates/").context["groups"]
    assert [one.pk for one in group] == [one.pk for one in documents]
    documents[1].delete()
    assert curator.get("/curate/in/notes/duplicates/").context["groups"] == []


def test_of_many_documents_the_curators_page_names_no_number_to_change(curator, notes, two_are_many):
    save_document(notes, "a", title="One")
    assert "All 1 that match" in page(curator, "/curate/in/notes/")
    save_document(notes, "b", title="Two")
    shown = page(curator, "/curate/in/notes/")
    assert "more than 1</strong> documents" in shown
    assert "All that match" in shown


def test_of_a_full_trash_no_number_is_named(curator, notes, two_are_many):
    for name in ("a", "b", "c"):
        TrashedDocument.objects.create(
            document_id=ord(name), collection=notes, external_id=name, title=name, kept={}
        )
    shown = page(curator, "/curate/in/notes/trash/")
    assert "Everything in the trash goes for good, more than 1 documents" in shown
    assert "Pages show the first" not in shown
