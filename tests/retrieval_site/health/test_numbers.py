"""What `/metrics` says beside requests: workers, stages of a search, jobs, models, the database, the disk, backups."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from models_admin.deaths import WINDOW, version_died
from models_admin.services import alias_point
from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from retrieval_site.health import checks, gauges
from retrieval_site.health.alive import alive_note
from retrieval_site.health.gauges import Gauge, gauges_forget
from search.monitoring.stages import stages_note
from tests.support.corpus import make_version
from tests.support.probe_jobs import PROBE, ProbeParameters
from tests.support.workers import worker_environment
from workers.encoding import wire
from workers.jobs import services
from workers.jobs.sweeper import sweep
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def scraped(client, clean_redis):
    """Return a function that asks `/metrics` anew: samples by name and labels."""

    def ask() -> dict[tuple[str, ...], float]:
        gauges_forget()
        families = text_string_to_metric_families(client.get("/metrics").content.decode())
        return {
            (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
            for family in families
            for sample in family.samples
        }

    yield ask
    gauges_forget()


def test_query_workers_tell_of_their_batches(scraped, clean_redis):
    clean_redis.set(f"{wire.HEARTBEAT_PREFIX}host-1", wire.Beat((3, 5), 7, 0.0, 12).packed(), ex=3)
    before = (
        wire.Beat((3,), 1, 0.0).packed().replace(b', "items": 0', b"")
    )  # of a worker of the release before
    clean_redis.set(f"{wire.HEARTBEAT_PREFIX}host-2", before, ex=3)
    found = scraped()
    assert found["sightline_encoder_batches_total", "host-1"] == 7
    assert found["sightline_encoder_items_total", "host-1"] == 12
    assert found["sightline_encoder_versions", "host-1"] == 2
    assert found["sightline_encoder_items_total", "host-2"] == 0
    assert found["sightline_query_workers",] == 2


def test_stages_of_a_search_are_measured_in_seconds(scraped):
    before = scraped().get(("sightline_search_stage_seconds_sum", "encode"), 0.0)
    stages_note({"encode": 27.0, "total": 36.0})
    assert scraped()["sightline_search_stage_seconds_sum", "encode"] == pytest.approx(before + 0.027)


def test_jobs_are_counted_by_state_and_the_one_that_waits_longest_says_how_long(scraped):
    assert scraped()["sightline_jobs_oldest_queued_seconds",] == 0
    waits, fails, failed_before = (services.job_create(PROBE, ProbeParameters()) for _ in range(3))
    Job.objects.filter(pk=waits.pk).update(queued_at=timezone.now() - timedelta(seconds=90))
    for job, age in ((fails, timedelta(0)), (failed_before, timedelta(hours=2))):
        Job.objects.filter(pk=job.pk).update(state="failed", finished_at=timezone.now() - age)
    found = scraped()
    assert found["sightline_jobs", "queued"] == 1
    assert found["sightline_jobs", "running"] == 0
    assert 90 <= found["sightline_jobs_oldest_queued_seconds",] < 120
    assert found["sightline_jobs_ended_last_hour", "failed", PROBE.name] == 1


def _failed(job):
    services.job_fail(services.job_claim(job.pk), error_id="job.crashed", error="")
    services.job_retry(job)


def _paused(job):
    services.job_request_pause(job)
    services.job_resume(job)


def _put_off(job):
    services.job_release(services.job_claim(job.pk), counts=False, send_now=False)


def _lost(job):
    services.job_claim(job.pk)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    sweep()


@pytest.mark.parametrize("moved", [_failed, _paused, _put_off, _lost])
def test_a_job_of_last_week_waits_since_it_was_queued_again(scraped, moved):
    job = services.job_create(PROBE, ProbeParameters())
    week_ago = timezone.now() - timedelta(days=7)
    Job.objects.filter(pk=job.pk).update(created_at=week_ago, queued_at=week_ago)
    assert scraped()["sightline_jobs_oldest_queued_seconds",] > 600_000
    moved(job)
    found = scraped()
    assert found["sightline_jobs", "queued"] == 1
    assert found["sightline_jobs_oldest_queued_seconds",] < 60


def test_a_champion_and_the_deaths_of_encoders_show(scraped):
    assert scraped()["sightline_champion",] == 0
    version = make_version("watched", champion=False)
    alias_point("champion", version, None, by=None, reason="")
    version_died(version_id=version.pk, reason="SIGSEGV")
    found = scraped()
    assert found["sightline_champion",] == 1
    assert found["sightline_encoder_deaths_last_day", "watched@1"] == 1
    old = (timezone.now() - WINDOW - timedelta(minutes=1)).isoformat()
    type(version).objects.filter(pk=version.pk).update(deaths=[{"at": old, "reason": "SIGSEGV"}])
    assert ("sightline_encoder_deaths_last_day", "watched@1") not in scraped()


def test_the_latest_backup_of_the_audit_log_counts(scraped):
    assert scraped()["sightline_backup_timestamp_seconds",] == 0
    audit_note("backup.made")
    audit_note("backup.restored")
    assert scraped()["sightline_backup_timestamp_seconds",] == pytest.approx(
        timezone.now().timestamp(), abs=60
    )


def test_the_database_and_the_disk_have_sizes(scraped):
    found = scraped()
    assert found["sightline_database_bytes",] > 1_000_000
    assert 1 <= found["sightline_database_connections",] <= found["sightline_database_connections_max",]
    assert found["sightline_database_blocks_hit_total",] > 0
    assert found["sightline_database_archive_on",] == found["sightline_database_archive_failing",] == 0
    assert 0 < found["sightline_disk_free_bytes",] <= found["sightline_disk_bytes",]


def test_connections_are_those_of_the_whole_server_and_their_limit_is_what_it_takes_of_anybody(scraped):
    server = urlsplit(worker_environment()["DATABASE_URL"])
    before = scraped()
    with ExitStack() as open_there:
        for _ in range(5):
            beside = psycopg.connect(server._replace(path="/postgres").geturl())
            open_there.enter_context(beside)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_stat_clear_snapshot()"
            )  # a transaction sees the numbers of its first look
        found = scraped()
    assert found["sightline_database_connections",] >= before["sightline_database_connections",] + 4
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('max_connections')::int")
        assert found["sightline_database_connections_max",] == cursor.fetchone()[0] - 3


def test_a_look_up_that_fails_leaves_out_its_own_numbers_alone(scraped, monkeypatch):
    def fails():
        yield Gauge("half", "Said before the rest fails.", (), {(): 1.0})
        raise AppError("shards.address", place=1)

    monkeypatch.setattr(gauges, "_look_ups", [fails, *gauges._look_ups])
    found = scraped()
    assert ("sightline_half",) not in found
    assert found["sightline_jobs", "queued"] == 0
    assert found["sightline_failed_look_ups",] == 1
    assert found["sightline_database_answers",] == 1


def test_without_the_database_its_numbers_are_missing_and_that_is_a_number(scraped, monkeypatch):
    def refuse() -> None:
        raise OperationalError("connection refused")

    assert scraped()["sightline_failed_look_ups",] == 0
    monkeypatch.setattr(checks.connection, "cursor", refuse)
    found = scraped()
    assert found["sightline_database_answers",] == 0
    assert ("sightline_jobs", "queued") not in found
    assert found["sightline_query_workers",] == 0


def test_a_disk_that_cannot_be_asked_takes_no_other_number_away(scraped, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "gone"
    found = scraped()
    assert ("sightline_disk_bytes",) not in found
    assert found["sightline_database_answers",] == 1


def test_a_worker_renews_the_file_that_says_that_it_lives(settings, tmp_path):
    alive_note()
    settings.CONFIG = replace(settings.CONFIG, alive_file=tmp_path / "alive")
    alive_note()
    assert (tmp_path / "alive").exists()
