"""The import form tells what it takes; an import's page tells what it is about and lets it be undone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from retrieval_site.accounts.models import User
from search.importers.fields import KNOWN
from search.job_types import IMPORT
from search.models import Collection, Document, Membership
from search.services.collections import collection_create
from search.services.document_fields import DocumentFields
from search.services.documents import document_save
from tests.support.corpus import make_collection
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def curator(client) -> User:
    user = User.objects.create_user("curator", is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def pumps(curator) -> Collection:
    return collection_create(name="Pumps", owner=curator, visibility="private")


def rows(*names: str) -> bytes:
    return "\n".join(json.dumps({"id": name, "title": name, "body": "Note."}) for name in names).encode()


def start(
    client, collection, content: bytes, *, name: str = "notes.jsonl", how: str = "import", **more
) -> Job:
    form = {"file": SimpleUploadedFile(name, content), "per": "", how: "1", **more}
    answer = client.post(reverse("admin:search_collection_import", args=[collection.pk]), form)
    assert answer.status_code == 302, answer.content.decode()
    return Job.objects.get(pk=answer["Location"].rstrip("/").split("/")[-2])


def page(client, job) -> str:
    return " ".join(client.get(reverse("admin:workers_job_change", args=[job.pk])).content.decode().split())


def undo_url(job) -> str:
    return reverse("admin:workers_job_undo", args=[job.pk])


def test_the_form_names_every_field_and_offers_templates(client, pumps):
    shown = client.get(reverse("admin:search_collection_import", args=[pumps.pk])).content.decode()
    assert all(f"<code>{name}</code>" in shown for name in KNOWN)
    assert "pump|leak" in shown
    assert "metadata.site" in shown
    for name in ("import/template.csv", "import/template.jsonl"):
        assert name in shown
        assert finders.find(name)


@pytest.mark.parametrize("name", ["template.csv", "template.jsonl"])
def test_a_template_is_imported_as_it_is(client, pumps, name):
    table = Path(finders.find(f"import/{name}")).read_bytes()
    job = run_job_inline(start(client, pumps, table, name=name))
    assert (job.state, job.result["failed"], job.items.count()) == ("succeeded", 0, 0)
    assert Document.objects.count() == job.result["new"] > 0


@pytest.mark.parametrize(("tick", "asked"), [({"extra_columns": "metadata"}, "metadata"), ({}, "refuse")])
def test_one_tick_keeps_columns_that_are_no_field_as_metadata(client, pumps, tick, asked):
    job = start(client, pumps, b"id,title,site\na,A,Hall 3\n", name="notes.csv", **tick)
    assert IMPORT.parameters_of(job).extra_columns == asked


@pytest.mark.parametrize(
    "content", [b"id,title,site\na,A,Hall 3\n", b'{"id": "a", "title": "A", "site": "x"}']
)
def test_a_refused_column_can_be_kept_as_metadata_from_the_page_of_the_import(client, pumps, content):
    job = run_job_inline(start(client, pumps, content, name="notes"))
    assert not Document.objects.exists()
    url = reverse("admin:search_collection_import_keeping", args=[job.pk])
    assert url in page(client, job)
    client.post(url)
    again = Job.objects.exclude(pk=job.pk).get(type="import")
    assert again.params == {**job.params, "extra_columns": "metadata"}
    assert url.replace(str(job.pk), str(again.pk)) not in page(client, again)


def test_the_page_of_an_import_says_which_file_goes_where(client, pumps):
    shown = page(client, start(client, pumps, rows("a")))
    assert "<strong>notes.jsonl</strong> into" in shown
    assert f'href="{reverse("admin:search_collection_change", args=[pumps.pk])}">Pumps</a>' in shown
    assert "dry run" not in shown
    assert "notes.jsonl" in client.get(reverse("admin:workers_job_changelist")).content.decode()


def test_a_dry_run_is_called_one_in_words(client, pumps):
    job = run_job_inline(start(client, pumps, rows("a"), how="check"))
    shown = page(client, job)
    assert "state-dry-run" in shown
    assert "This is a dry run" in shown
    assert "What an import would do" in shown
    assert "Undo this import" not in shown


def test_whoever_left_the_collection_does_not_read_its_name_on_their_old_job(client, pumps, curator):
    job = run_job_inline(start(client, pumps, rows("a")))
    Membership.objects.filter(user=curator).delete()
    shown = page(client, job)
    assert "Pumps" not in shown
    assert "Undo this import" not in shown
    assert "job.not_permitted" in client.get(undo_url(job), follow=True).content.decode()
    assert client.post(undo_url(job), follow=True).status_code == 200
    assert Document.objects.exists()


def test_the_page_leads_to_the_documents_that_the_import_created(client, pumps):
    document_save(collection=pumps, external_id="old", fields=DocumentFields(title="Older note"))
    job = run_job_inline(start(client, pumps, rows("fresh")))
    address = f"{reverse('admin:search_document_changelist')}?import={job.pk}"
    assert address in page(client, job)
    listed = client.get(address).content.decode()
    assert "fresh" in listed
    assert "Older note" not in listed
    assert "fresh" not in client.get(f"{address}x").content.decode()


def test_an_import_is_undone_after_a_page_that_says_what_goes_and_what_stays(client, pumps):
    document_save(collection=pumps, external_id="old", fields=DocumentFields(title="Old"))
    job = run_job_inline(start(client, pumps, rows("old", "a", "b", "c")))
    document_save(collection=pumps, external_id="c", fields=DocumentFields(title="by hand"))
    assert undo_url(job) in page(client, job)
    shown = " ".join(client.get(undo_url(job)).content.decode().split())
    assert "removes <strong>2 documents</strong>" in shown
    assert "1 document that it created has been changed since: it stays." in shown
    assert "1 document that was there before and that it changed stays as it is now." in shown
    assert Document.objects.count() == 4
    answer = client.post(undo_url(job))
    undo = Job.objects.get(type="undo_import")
    assert answer["Location"] == reverse("admin:workers_job_change", args=[undo.pk])
    undo = run_job_inline(undo)
    assert sorted(Document.objects.values_list("external_id", flat=True)) == ["c", "old"]
    assert "<strong>notes.jsonl</strong> in" in page(client, undo)
    assert "<dt>removed</dt><dd>2</dd>" in page(client, undo)
    shown = page(client, job)
    assert "This import was undone" in shown
    assert undo_url(job) not in shown
    assert client.get(undo_url(job)).status_code == 302


def test_an_import_that_was_undone_offers_no_retry(client, pumps):
    job = run_job_inline(start(client, pumps, rows("a")))
    client.post(undo_url(job))
    Job.objects.filter(pk=job.pk).update(state="cancelled")
    assert "retry" not in page(client, job)


def sign_in_as_another(client, *, role: str, collection) -> None:
    other = User.objects.create_user("other", is_staff=True)
    Membership.objects.create(collection=collection, user=other, role=role)
    client.force_login(other)


def test_another_curator_of_the_collection_sees_and_undoes_the_import(client, pumps):
    job = run_job_inline(start(client, pumps, rows("a")))
    sign_in_as_another(client, role="curator", collection=pumps)
    assert "notes.jsonl" in client.get(reverse("admin:workers_job_changelist")).content.decode()
    assert undo_url(job) in page(client, job)
    client.post(undo_url(job))
    undo = run_job_inline(Job.objects.get(type="undo_import"))
    assert (undo.state, undo.owner.username) == ("succeeded", "other")
    assert not Document.objects.exists()


@pytest.mark.parametrize("role", ["reader", "curator"])
def test_who_does_not_curate_the_collection_neither_sees_nor_undoes_its_imports(client, pumps, role):
    job = run_job_inline(start(client, pumps, rows("a")))
    Job.objects.create(type="encode", owner=job.owner)
    sign_in_as_another(client, role=role, collection=pumps if role == "reader" else make_collection("other"))
    assert "Nothing is here yet" in client.get(reverse("admin:workers_job_changelist")).content.decode()
    assert client.get(undo_url(job)).status_code == 404
    assert client.post(undo_url(job)).status_code == 404


def listed(client, **asked: object) -> str:
    return client.get(reverse("admin:workers_job_changelist"), asked).content.decode()


def test_the_list_of_jobs_names_collections_and_is_filtered_by_them(client, curator, pumps):
    valves = collection_create(name="Valves", owner=curator)
    start(client, pumps, rows("a"), name="of-pumps.jsonl")
    start(client, valves, rows("a"), name="of-valves.jsonl")
    Job.objects.create(type="encode", owner=curator)
    everything = listed(client)
    assert '<td class="field-collection">Pumps</td>' in everything
    assert '<td class="field-collection">Valves</td>' in everything
    assert "encode" in everything
    filtered = listed(client, collection=pumps.pk)
    assert "of-pumps.jsonl" in filtered
    assert "of-valves.jsonl" not in filtered


def test_a_collection_that_one_does_not_curate_is_no_name_and_no_filter_in_the_list_of_jobs(
    client, curator, pumps
):
    start(client, pumps, rows("a"))
    Membership.objects.filter(user=curator).delete()
    collection_create(name="Valves", owner=curator)
    shown = listed(client)
    assert "notes.jsonl" in shown
    assert "Valves" in shown
    assert "Pumps" not in shown
    for value in (pumps.pk, "x", "0"):
        assert "notes.jsonl" not in listed(client, collection=value)
