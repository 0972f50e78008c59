"""Traces reach a collector with the spans of web, query worker and jobs in one tree; without one, nothing is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import replace
from types import SimpleNamespace

import pytest
from celery.signals import task_success
from django.db import connection
from django.test import Client

from retrieval_site import checks, tracing
from retrieval_site.clock import Clock
from retrieval_site.tracing import NO_REQUEST, REQUEST_ID, asked_by, carried, flush, laps_trace, span
from tests.support.collector import collector_running
from workers.encoding import answering, wire
from workers.encoding.wire import Ask
from workers.jobs import enqueue, job_process, task
from workers.jobs.enqueue import TRACE, send
from workers.models import Job

OFF = """
import os, sys
import django
django.setup()
import retrieval_site.wsgi, search.api.urls, workers.encoding.worker, workers.jobs.task, workers.jobs.job_process
from retrieval_site.tracing import carried, flush, laps_trace, span
from retrieval_site.clock import Clock
with span("nothing", {}, n=1) as current:
    assert current is None and carried() == {}
laps_trace(Clock(), "nothing")
flush()
assert span("a") is span("b")
ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "opentelemetry.proto")
print([name for name in sys.modules if name.startswith(ours)])  # the client of Redis brings metrics where they are
"""


def test_neither_spans_nor_exporter_are_imported_where_traces_are_off():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "retrieval_site.settings"}
    environment.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
    done = subprocess.run([sys.executable, "-c", OFF], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.fixture(scope="module")
def _collector():
    with collector_running() as running:
        yield running


@pytest.fixture
def collector(_collector, settings, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", _collector.endpoint)
    settings.CONFIG = replace(settings.CONFIG, traces_endpoint=_collector.endpoint)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE]
    settings.MIDDLEWARE.insert(2, "retrieval_site.tracing.TracingMiddleware")
    _collector.spans.clear()
    tracing._provider.cache_clear()
    yield _collector
    tracing._provider().shutdown()
    tracing._provider.cache_clear()


@pytest.mark.django_db
def test_a_request_is_a_span_that_tells_no_address(collector, settings):
    elsewhere = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "X-Request-ID": "mine"}
    Client().get("/login/password/MQ/a-token-of-somebody/", headers=elsewhere)
    flush()
    (request,) = collector.spans
    assert request.name == "GET /login/password/<uidb64>/<token>/"
    assert request.about["sightline.request_id"] == "mine"
    assert "a-token-of-somebody" not in repr(collector.spans)
    assert request.trace != "a" * 32
    settings.CONFIG = replace(settings.CONFIG, trusted_proxies=1)
    Client().get("/no-such-page/", headers=elsewhere)
    flush()
    assert (collector.spans[1].trace, collector.spans[1].parent) == ("a" * 32, "b" * 16)
    assert collector.spans[1].about["http.response.status_code"] == 404


def test_a_span_that_fails_names_the_kind_of_error_and_none_of_its_words(collector):
    with pytest.raises(ValueError, match="somebody"), span("fails"):
        raise ValueError("what somebody asked")
    flush()
    assert collector.named("fails").about["error.type"] == "ValueError"
    assert "what somebody asked" not in repr(collector.spans)


def test_a_question_to_the_query_worker_belongs_to_who_asks(collector, monkeypatch, clean_redis):
    def work(ask, data, seconds):
        clock = Clock()
        clock.lap("decode")
        clock.lap("encode")
        laps_trace(clock, "encoder")

    monkeypatch.setattr(answering, "_answer", work)
    with span("who asks"):
        sent = Ask("q-1", 1, "text", 0, "", trace=carried()).packed()
    wire.client().set(wire.INPUT_PREFIX + "q-1", b"what somebody wrote", px=10_000)
    answering.answer(Ask.read(sent))
    flush()
    asks, answers = collector.named("who asks"), collector.named("answer a question")
    assert (answers.trace, answers.parent) == (asks.trace, asks.id)
    assert collector.named("encoder decode").parent == collector.named("encoder encode").parent == answers.id
    assert "what somebody wrote" not in repr(collector.spans)


def test_a_question_names_its_request_and_says_nothing_of_traces_where_they_are_off():
    assert b"trace" not in Ask("q-1", 1, "text", 0, "", trace=carried()).packed()
    with asked_by("mine"):
        sent = Ask("q-1", 1, "text", 0, "", trace=carried())
    assert Ask.read(sent.packed()) == sent
    assert sent.trace == {"request_id": "mine"}


def test_what_a_newer_web_process_says_besides_is_passed_over():
    ask = Ask("q-1", 1, "text", 0, "")
    newer = json.loads(ask.packed()) | {"a field of tomorrow": [1]}
    assert Ask.read(json.dumps(newer).encode()) == ask


@pytest.mark.django_db(transaction=True)
def test_a_job_belongs_to_who_asked_for_it(collector, monkeypatch):
    job = Job.objects.create(type="no such type", state="queued")
    sent = {}
    monkeypatch.setattr(
        enqueue, "current_app", SimpleNamespace(send_task=lambda *_a, **more: sent.update(more))
    )
    with span("who asks"):
        send(job.pk)
    orders = []
    monkeypatch.setattr(task, "run_job_apart", lambda job_id: orders.append((job_id, "", carried())))
    task.run_job_task.apply(args=[str(job.pk)], headers=sent["headers"])
    ((_, _, trace),) = orders
    Job.objects.update(state="running", lease_token=(token := job.pk))
    monkeypatch.setattr(job_process, "_prepare", lambda: None)
    job_process.serve(_Orders((str(job.pk), str(token), trace)))
    asks, takes, works = (collector.named(name) for name in ("who asks", "take a job", "job no such type"))
    assert sent["headers"][TRACE]["traceparent"].split("-")[1] == asks.trace == takes.trace == works.trace
    assert (takes.parent, works.parent) == (asks.id, takes.id)
    assert works.about["state"] == "failed"


@pytest.mark.django_db(transaction=True)
def test_the_lines_of_a_job_have_the_id_of_its_request_where_traces_are_off(monkeypatch):
    job, lines, sent = Job.objects.create(type="no such type", state="queued"), [], {}
    client = SimpleNamespace(send_task=lambda *_a, **more: sent.update(more))
    monkeypatch.setattr(enqueue, "current_app", client)
    monkeypatch.setattr(task, "run_job_apart", lambda job_id: lines.append(("bulk", REQUEST_ID.get())))
    with asked_by("mine"):
        send(job.pk)
    task_success.connect(end := lambda **_: lines.append(("as Celery says its end", REQUEST_ID.get())))
    task.run_job_task.apply(args=[str(job.pk)], headers=sent["headers"])
    task_success.disconnect(end)
    assert [*lines, REQUEST_ID.get()] == [("bulk", "mine"), ("as Celery says its end", "mine"), NO_REQUEST]


@pytest.mark.django_db(transaction=True)
def test_a_job_names_its_request_to_the_database_and_the_next_job_its_own(monkeypatch):
    names = []
    monkeypatch.setattr(job_process, "_prepare", lambda: None)
    monkeypatch.setattr(job_process, "run_claimed", lambda job: names.append((_shown(), REQUEST_ID.get())))
    jobs = [Job.objects.create(type="any", state="running", lease_token=uuid.uuid4()) for _ in range(2)]
    traces = ({"request_id": "mine"}, {})
    orders = [(str(job.pk), str(job.lease_token), trace) for job, trace in zip(jobs, traces, strict=True)]
    job_process.serve(_Orders(*orders))
    own = connection.settings_dict["OPTIONS"]["application_name"]
    assert names == [(f"{own} mine", "mine"), (own, NO_REQUEST)]


def _shown():
    with connection.cursor() as cursor:
        cursor.execute("SHOW application_name")
        return cursor.fetchone()[0]


class _Orders:
    """The pipe of a job's process, with some orders in it."""

    def __init__(self, *orders):
        self._waiting = [*reversed(orders)]

    def recv(self):
        if not self._waiting:
            flush()
            raise EOFError
        return self._waiting.pop()

    def send(self, said):
        assert said == "done"


def test_what_is_not_installed_is_said_before_the_first_request(collector, monkeypatch):
    assert checks.traces_can_be_sent(None) == []
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    (error,) = checks.traces_can_be_sent(None)
    assert "server.tracing_library" in error.msg
