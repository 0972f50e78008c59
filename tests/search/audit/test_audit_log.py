"""The audit log says who did what, by which way; nothing changes it, administrators read it and take it away."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from models_admin.services import version_activate, version_rollback
from retrieval_site.accounts.models import User
from retrieval_site.audit import ACTIONS, audit_note
from search.curating.actions import Action
from search.curating.start import change_start
from search.job_types import EXPIRE_RECORDS
from search.models import AuditEntry, ChangeSet, Document, Judgement, Webhook
from search.services import audit
from search.services.audit import audit_csv_lines, audit_json_lines
from search.services.tokens import token_create
from tests.support.corpus import make_collection, make_documents, make_version
from tests.support.queries import make_query
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create_once
from workers.models import Job

pytestmark = pytest.mark.django_db
PASSWORD = "long enough to be one"


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", password=PASSWORD)


def _noted(**wanted):
    return [
        (entry.action, entry.actor, entry.via) for entry in AuditEntry.objects.filter(**wanted).order_by("pk")
    ]


def test_a_program_is_known_by_its_token_and_its_user(boss):
    _, key = token_create(user=boss, name="nightly", scopes=["read", "write"])
    client = APIClient(headers={"Authorization": f"Bearer {key}", "X-Request-ID": "r-17"})
    User.objects.create_user("anna")
    client.post("/api/v1/collections/", {"slug": "pumps", "name": "Pumps", "readers": ["anna"]})
    client.patch("/api/v1/collections/pumps/", {"name": "Old pumps"})
    client.delete("/api/v1/collections/pumps/")
    made, members, changed, deleted = AuditEntry.objects.filter(via="api").order_by("pk")
    assert [made.action, members.action] == ["collection.created", "members.changed"]
    anna = User.objects.get(username="anna")
    assert members.detail == {"reader_added": ["anna"], "people": {"anna": anna.pk}}
    assert (changed.action, changed.detail) == ("collection.changed", {"fields": ["name"]})
    assert (deleted.action, deleted.target_name) == ("collection.deleted", "Old pumps")
    assert (deleted.actor, deleted.token, deleted.request_id) == ("boss", "nightly", "r-17")


def test_changes_of_documents_point_at_the_change_set_that_has_the_details(boss):
    collection = make_collection()
    make_documents(collection, 3)
    changed = change_start(
        collection=collection, action=Action.TRASH, detail={}, documents=Document.objects.all(), by=boss
    )
    (entry,) = AuditEntry.objects.filter(action="documents.changed")
    assert (entry.actor, entry.collection_id) == ("boss", collection.pk)
    assert entry.detail == {"change": "trash", "change_set": changed.pk, "documents": 3}
    collection.delete()
    assert not ChangeSet.objects.exists()
    assert AuditEntry.objects.filter(pk=entry.pk).exists()


def test_activations_are_noted_with_their_reason(boss, monkeypatch):
    monkeypatch.setattr("models_admin.services._warm", lambda version: None)
    one, two = make_version(champion=False), make_version(champion=False)
    version_activate(version=one, by=boss)
    version_activate(version=two, by=boss, reason="better on pumps")
    version_rollback()
    second, back = AuditEntry.objects.order_by("pk")[1:]
    assert (second.target_name, second.detail["reason"]) == (two.key, "better on pumps")
    assert (back.action, back.actor, back.via) == ("version.rolled_back", "", "system")


def test_what_fails_is_not_noted():
    with pytest.raises(RuntimeError), transaction.atomic():
        audit_note("export.made", file="x")
        raise RuntimeError
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("change", [lambda rows: rows.update(actor="other"), lambda rows: rows.delete()])
def test_no_entry_is_changed_or_deleted_by_anybody(change):
    audit_note("export.made", file="x")
    with pytest.raises(DatabaseError, match="neither changed nor deleted"), transaction.atomic():
        change(AuditEntry.objects.all())
    assert AuditEntry.objects.get().detail == {"file": "x"}


def test_old_entries_end_and_that_is_noted(settings, monkeypatch):
    monkeypatch.setattr(audit, "BATCH_ROWS", 2)
    old = timezone.now() - timedelta(days=800)
    for name in ("a", "b", "c"):
        audit_note("export.made", file=name)
    with audit._maintained():
        AuditEntry.objects.update(at=old)
    audit_note("export.made", file="young")
    job = run_job_inline(job_create_once(EXPIRE_RECORDS, EXPIRE_RECORDS.parameters())[0])
    assert (job.state, job.result["entries"]) == ("succeeded", 3)
    assert _noted() == [("export.made", "", "system"), ("audit.ended", "", "job")]


def test_exports_have_every_column_and_are_safe_in_a_spreadsheet():
    audit_note("export.made", named="x", file="=1+1")
    (header, row) = list(csv.reader(io.StringIO("".join(audit_csv_lines(AuditEntry.objects.all())))))
    assert dict(zip(header, row, strict=True))["detail"] == '{"file": "=1+1"}'
    (line,) = audit_json_lines(AuditEntry.objects.all())
    assert json.loads(line)["detail"] == {"file": "=1+1"}


def test_administrators_filter_the_log_and_take_away_what_they_see(client, boss):
    client.force_login(boss)
    audit_note("backup.made", by=boss, backup="first")
    audit_note("export.made", by=boss, file="x")
    page = client.get("/admin/search/auditentry/?action=backup.made").content.decode()
    assert str(ACTIONS["backup.made"]) in page
    assert "first" in page
    lines = b"".join(client.get("/admin/search/auditentry/export.jsonl?action=backup.made").streaming_content)
    assert [json.loads(line)["action"] for line in lines.splitlines()] == ["backup.made"]
    assert _noted(via="admin") == [("export.made", "boss", "admin")]
    entry = AuditEntry.objects.first()
    assert client.post(f"/admin/search/auditentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403


def test_nobody_else_sees_the_log(client):
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.get("/admin/search/auditentry/").status_code == 403
    assert client.get("/admin/search/auditentry/export.csv").status_code == 403


def test_what_the_admin_saves_itself_is_noted(client, boss):
    client.force_login(boss)
    password = {"password1": PASSWORD, "password2": PASSWORD}
    client.post("/admin/accounts/user/add/", {"username": "anna", "usable_password": "true", **password})
    anna = User.objects.get(username="anna")
    client.post(f"/admin/accounts/user/{anna.pk}/delete/", {"post": "yes"})
    assert _noted(target_type="user", target_id=str(anna.pk)) == [
        ("user.created", "boss", "admin"),
        ("user.deleted", "boss", "admin"),
    ]
    assert _noted(target_name="anna") == []  # whoever is deleted is erased


def test_webhooks_are_noted_by_their_host_alone(client, boss):
    client.force_login(boss)
    form = {
        "name": "ops",
        "url": "https://hooks.example/secret-path",
        "events": ["job.failed"],
        "is_active": "on",
    }
    client.post("/admin/search/webhook/add/", form)
    webhook = Webhook.objects.get()
    client.post(f"/admin/search/webhook/{webhook.pk}/change/", form | {"name": "ops 2"})
    client.post(f"/admin/search/webhook/{webhook.pk}/key/")
    client.post(f"/admin/search/webhook/{webhook.pk}/delete/", {"post": "yes"})
    entries = AuditEntry.objects.filter(target_type="webhook").order_by("pk")
    done = [entry.action for entry in entries]
    assert done == [f"webhook.{what}" for what in ("created", "changed", "key_renewed", "deleted")]
    assert {entry.detail["host"] for entry in entries} == {"hooks.example"}
    assert not any("secret-path" in str(entry.detail) for entry in entries)


def test_nobody_changes_what_somebody_else_judged_and_deletions_are_noted(client, boss):
    notes = make_collection("notes")
    (passage,) = make_documents(notes, 1)
    rows = [
        Judgement.objects.create(
            query=make_query(modality="text", text="pump"),
            document=passage.document,
            user=user,
            grade=3,
            comment="so",
        )
        for user in (boss, User.objects.create_user("anna"))
    ]
    client.force_login(boss)
    for row in rows:
        client.post(f"/admin/search/judgement/{row.pk}/change/", {"grade": "0", "comment": "no"})
    assert [Judgement.objects.get(pk=row.pk).grade for row in rows] == [0, 3]
    client.post(f"/admin/search/judgement/{rows[1].pk}/delete/", {"post": "yes"})
    assert not Judgement.objects.filter(pk=rows[1].pk).exists()
    entries = AuditEntry.objects.filter(target_type="judgement").order_by("pk")
    assert [(entry.action, entry.target_id, entry.collection_id) for entry in entries] == [
        ("judgement.changed", str(rows[0].pk), notes.pk),
        ("judgement.deleted", str(rows[1].pk), notes.pk),
    ]


def test_a_deleted_job_is_noted(client, boss):
    job = Job.objects.create(type="import", state="failed")
    client.force_login(boss)
    client.post(f"/admin/workers/job/{job.pk}/delete/", {"post": "yes"})
    assert not Job.objects.exists()
    assert _noted(target_id=str(job.pk)) == [("job.deleted", "boss", "admin")]
