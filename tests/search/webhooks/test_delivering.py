"""Messages of state changes, from the event to a server of this machine, which only these tests' settings allow."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from models_admin.models import ModelVersion, VersionState
from models_admin.services import version_move
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from retrieval_site.events import EVENTS, event_tell
from search.job_types import DELIVER_WEBHOOKS, EXPIRE_RECORDS
from search.models import Webhook, WebhookDelivery
from search.services.record_ages import records_due
from search.services.webhooks import CHOSEN, webhook_renew_key, webhook_save, webhook_try
from search.webhooks import sending
from search.webhooks.listening import webhooks_start_due
from search.webhooks.sending import WAITS
from search.webhooks.signing import signing_key
from tests.support.corpus import make_version
from tests.support.picture_server import redirects, sends, served
from tests.support.probe_jobs import PROBE
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_claim, job_create, job_create_once, job_fail
from workers.models import Job

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).parents[3] / "docs" / "monitoring.md"


@pytest.fixture(scope="module")
def receiver():
    with served({}) as server:
        yield server


@pytest.fixture
def hook(receiver, settings):
    """A webhook that hears everything, at a server that takes all."""
    receiver.routes.clear()
    receiver.posted.clear()
    receiver.routes["/in"] = sends(b"thanks", 202)
    settings.CONFIG = replace(
        settings.CONFIG, webhook_networks=["127.0.0.0/8"], webhook_ports=[80, 443, receiver.port]
    )
    return add(f"http://127.0.0.1:{receiver.port}/in")


def add(url, events=CHOSEN):
    return webhook_save(webhook=Webhook(name="ours", url=url), events=events)


def deliver():
    for job in Job.objects.filter(type=DELIVER_WEBHOOKS.name, state="queued"):
        assert run_job_inline(job).state == "succeeded"


def test_a_version_that_becomes_ready_is_told_and_signed_as_the_docs_verify_it(hook, receiver):
    version = make_version(champion=False)
    ModelVersion.objects.filter(pk=version.pk).update(state="preparing")
    version_move(version, VersionState.READY)
    deliver()
    told = next(one for one in receiver.posted if one.headers["Sightline-Event"] == "version.ready")
    assert json.loads(told.body)["data"] == {"model": version.key, "state": "ready", "error_id": ""}
    verified = documented_verification()
    key = signing_key(hook)
    assert verified(told.body, told.headers["Sightline-Signature"], key)
    assert not verified(told.body + b" ", told.headers["Sightline-Signature"], key)
    assert not verified(told.body, told.headers["Sightline-Signature"], "another key")
    old = re.sub(r"t=\d+", f"t={int(time.time()) - 3600}", told.headers["Sightline-Signature"])
    assert not verified(told.body, old, key)
    row = WebhookDelivery.objects.get(event="version.ready")
    assert (row.status, row.answer, row.outcome, row.attempts) == (202, "thanks", "delivered", 1)


def documented_verification():
    """The function that docs/monitoring.md shows."""
    [code] = re.findall(r"```python\n(import hashlib.*?)```", DOCS.read_text(), re.DOTALL)
    names = {}
    exec(code, names)
    return names["verified"]


def test_a_version_that_stays_as_it_is_is_not_told_again(hook):
    version = make_version(champion=False)
    version_move(version, VersionState.READY)
    assert not WebhookDelivery.objects.filter(event="version.ready").exists()


def test_a_failed_job_is_told_without_whose_it_is_or_what_it_holds(hook, receiver):
    job = job_create(
        PROBE, PROBE.parameters(), owner=User.objects.create_user("anna", email="anna@x.example")
    )
    job_fail(job_claim(job.pk), error_id="file.damaged", error="anna's file of patients")
    deliver()
    [told] = receiver.posted
    assert json.loads(told.body)["data"] == {
        "id": str(job.pk),
        "type": PROBE.name,
        "error_id": "file.damaged",
    }
    assert b"anna" not in told.body


def test_deliveries_do_not_tell_of_their_own_job(hook):
    webhook_try(webhook=hook)
    deliver()
    assert [row.event for row in WebhookDelivery.objects.all()] == ["webhook.test"]


def test_a_server_that_fails_is_asked_again_later_each_time_and_given_up_in_the_end(hook, receiver):
    receiver.routes["/in"] = sends(b"down", 503)
    row = webhook_try(webhook=hook)
    waits = []
    for _ in range(len(WAITS) + 1):
        before = timezone.now()
        WebhookDelivery.objects.filter(pk=row.pk).update(next_at=before)
        webhooks_start_due()
        deliver()
        row.refresh_from_db()
        waits.append(row.next_at and row.next_at - before)
    assert waits[-1] is None
    for waited, wanted in zip(waits, WAITS, strict=False):
        assert wanted <= waited < wanted + timedelta(seconds=60)
    assert (row.outcome, row.status, row.error_id, row.answer) == ("given up", 503, "webhook.status", "down")
    assert len(receiver.posted) == len(WAITS) + 1
    assert len({one.headers["Sightline-Delivery"] for one in receiver.posted}) == 1


def test_what_waits_for_a_webhook_that_is_switched_off_is_given_up(hook, receiver):
    receiver.routes["/in"] = sends(b"down", 503)
    row = webhook_try(webhook=hook)
    deliver()
    hook.is_active = False
    webhook_save(webhook=hook, events=CHOSEN)
    row.refresh_from_db()
    assert (row.next_at, row.outcome, row.status) == (None, "given up", 503)
    hook.is_active = True
    webhook_save(webhook=hook, events=CHOSEN)
    webhooks_start_due()
    deliver()
    assert len(receiver.posted) == 1


def test_messages_older_than_a_month_go_also_where_nothing_is_delivered(hook):
    old, new = webhook_try(webhook=hook), webhook_try(webhook=hook)
    WebhookDelivery.objects.filter(pk=new.pk).update(created_at=timezone.now() - timedelta(days=29))
    assert not records_due()
    WebhookDelivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert records_due()
    job, _ = job_create_once(EXPIRE_RECORDS, EXPIRE_RECORDS.parameters())
    assert run_job_inline(job).state == "succeeded"
    tests = WebhookDelivery.objects.filter(event="webhook.test")  # the job's end is told, too
    assert tests.get() == new


def test_a_webhook_that_is_deleted_while_its_message_is_sent_fails_nothing(hook, receiver, monkeypatch):
    other = add(f"http://127.0.0.1:{receiver.port}/in")
    plain = sending._sent

    def deleted_meanwhile(delivery):
        if delivery.webhook_id == hook.pk:
            Webhook.objects.filter(pk=hook.pk).delete()
        return plain(delivery)

    monkeypatch.setattr(sending, "_sent", deleted_meanwhile)
    for one in (hook, other):
        webhook_try(webhook=one)
    deliver()
    row = WebhookDelivery.objects.get()
    assert (row.webhook, row.status, row.attempts) == (other, 202, 1)
    assert row.delivered_at


def test_a_message_that_waits_is_not_sent_before_its_time(hook, receiver):
    row = webhook_try(webhook=hook)
    WebhookDelivery.objects.filter(pk=row.pk).update(next_at=timezone.now() + timedelta(minutes=1))
    deliver()
    assert receiver.posted == []


def test_a_private_address_is_refused_unless_the_operator_allows_its_network(hook, receiver, settings):
    settings.CONFIG = replace(settings.CONFIG, webhook_networks=[])
    row = webhook_try(webhook=hook)
    deliver()
    row.refresh_from_db()
    assert (row.error_id, row.status, receiver.posted) == ("webhook.not_public", None, [])


def test_a_redirect_is_not_followed(hook, receiver):
    receiver.routes |= {"/in": redirects("/elsewhere"), "/elsewhere": sends(b"", 200)}
    row = webhook_try(webhook=hook)
    deliver()
    row.refresh_from_db()
    assert (row.status, row.error_id) == (302, "webhook.status")
    assert [one.path for one in receiver.posted] == ["/in"]


def test_of_a_long_answer_the_beginning_is_kept(hook, receiver):
    receiver.routes["/in"] = sends(b"x" * 1_000_000)
    row = webhook_try(webhook=hook)
    deliver()
    row.refresh_from_db()
    assert row.outcome == "delivered"
    assert 0 < len(row.answer) <= 2_000


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "https://a:b@a.example/", "https://a.example:22/", "nonsense", "http:///x"]
)
def test_an_address_that_can_never_be_told_anything_is_refused_when_it_is_kept(url):
    with pytest.raises(AppError) as refused:
        add(url)
    assert refused.value.id == "webhook.address_invalid"


def test_an_event_that_does_not_exist_is_refused():
    with pytest.raises(AppError) as refused:
        add("https://a.example/", ["job.finished", "made.up"])
    assert refused.value.id == "webhook.event"


def test_only_what_was_chosen_is_told_and_nothing_while_it_is_not_active(hook):
    chosen = add(hook.url, ["health.alert"])
    inactive = add(hook.url, ["health.alert"])
    Webhook.objects.filter(pk=inactive.pk).update(is_active=False)
    event_tell("health.alert", {"alert": "x"})
    event_tell("job.finished", {"type": "import"})
    told = WebhookDelivery.objects.values_list("webhook", "event")
    assert set(told) == {(hook.pk, "health.alert"), (hook.pk, "job.finished"), (chosen.pk, "health.alert")}


def test_a_new_key_is_another_one_and_stands_in_no_row(hook):
    before = signing_key(hook)
    webhook_renew_key(webhook=hook)
    assert signing_key(hook) != before
    assert signing_key(hook) not in json.dumps(list(Webhook.objects.values()), default=str)


def test_the_admin_keeps_tests_and_logs_a_webhook_for_superusers_alone(client, hook):
    page = reverse("admin:search_webhook_change", args=[hook.pk])
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.get(page).status_code == 403
    assert client.post(reverse("admin:search_webhook_test", args=[hook.pk])).status_code == 403
    client.force_login(User.objects.create_superuser("chief"))
    client.post(reverse("admin:search_webhook_test", args=[hook.pk]))
    deliver()
    shown = client.get(page).content.decode()
    assert signing_key(hook) in shown
    assert "webhook.test" in shown
    assert "thanks" in shown
    bad = {"name": "x", "url": "ftp://a.example/", "events": ["job.failed"], "is_active": "on"}
    refused = client.post(reverse("admin:search_webhook_add"), bad)
    assert "Webhook" in refused.content.decode()
    assert Webhook.objects.count() == 1
    client.post(reverse("admin:search_webhook_add"), bad | {"url": "https://a.example/"})
    assert Webhook.objects.get(name="x").events == ["job.failed"]


def test_every_event_is_in_the_docs():
    text = DOCS.read_text()
    assert [event for event in EVENTS if f"`{event}`" not in text] == []
