"""Drift, tables, how searches end, the page that shows them, and the numbers for Prometheus."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from retrieval_site.accounts.models import User
from retrieval_site.events import listener_register
from retrieval_site.health.gauges import gauges_forget
from retrieval_site.health.middleware import metrics
from search.models import DriftMeasurement, Query, RecallMeasurement, SearchSetting
from search.monitoring import measure
from search.monitoring.alerts import HealthAlert, alerts_now
from search.monitoring.curves import HEIGHT, MARGIN, WIDTH, curve
from search.monitoring.drift import drift_in_words, measure_drift
from search.monitoring.kept import WatchedDirection
from search.monitoring.outcomes import outcomes, repeated_failures
from search.monitoring.storage import tables_health
from search.relevance.shift import deciles, index_by_chance, stability_index
from search.vectors.background import backgrounds_forget
from search.vectors.index import index_build, index_drop
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store
from tests.support.queries import make_query
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db
DIM = 16


@pytest.fixture
def version():
    backgrounds_forget()
    found = make_version("watched", dim=DIM)
    passages = make_documents(make_collection(), 60)
    store(found, passages, clustered(60, DIM, seed=1))
    yield found
    backgrounds_forget()


def ask(version, count, *, near, days_ago, text="", match="good", **fields):
    """Kept searches whose best score is about `near`."""
    draw = np.random.default_rng(days_ago)
    for vector in clustered(count, DIM, seed=days_ago + 10):
        answer = [{"document": 1, "passage": 1, "score": near + draw.normal() / 50}]
        query = make_query(
            version=version, modality="text", text=text, embedding=vector.astype("<f4").tobytes(),
            answer=fields.get("answer", answer), match=match, target="passages",
        )  # fmt: skip
        Query.objects.filter(pk=query.pk).update(created_at=timezone.now() - timedelta(days=days_ago))


def row(version, **fields):
    index_build(version, "passage")
    return RecallMeasurement.objects.create(
        **{
            "version": version, "kind": "passage", "modality": "image", "index": "hnsw", "queries": 90,
            "rows": 60, "setting": 48, "recall": 0.8, "low": 0.7, "high": 0.9, "target": 0.95,
            "smallest": 128, "ladder": [[48, 0.8], [128, 0.96]],
        }
        | fields
    )  # fmt: skip


def test_the_index_is_that_of_a_loop():
    draw = np.random.default_rng(0)
    reference, later = draw.normal(size=400), draw.normal(0.5, size=300)
    edges = deciles(reference)
    total = 0.0
    for low, high in zip([-np.inf, *edges], [*edges, np.inf], strict=True):
        share = (sum(low <= value < high for value in later) + 0.5) / (300 + 5)
        total += (share - 0.1) * np.log(share / 0.1)
    assert stability_index(edges, later) == pytest.approx(total)
    assert stability_index(edges, later) > 0.2


def test_of_samples_of_one_distribution_one_in_twenty_is_beyond_chance():
    draw = np.random.default_rng(1)
    beyond = [
        stability_index(deciles(draw.normal(size=300)), draw.normal(size=200)) > index_by_chance(200, 300)
        for _ in range(400)
    ]
    assert 0.01 < np.mean(beyond) < 0.1


def test_searches_like_those_before_are_stable_and_others_have_changed(version):
    direction = WatchedDirection(version, "passage", "text")
    ask(version, 60, near=0.6, days_ago=20)
    ask(version, 60, near=0.6, days_ago=1)
    same = measure_drift(direction)
    assert (same.reference, same.queries, same.reference_queries) == ("earlier", 60, 60)
    assert drift_in_words(same) == "stable"
    Query.objects.filter(created_at__gt=timezone.now() - timedelta(days=7)).delete()
    ask(version, 60, near=0.1, days_ago=2)
    assert drift_in_words(measure_drift(direction)) == "changed a lot"


def test_too_few_searches_say_nothing(version):
    ask(version, 60, near=0.6, days_ago=20)
    ask(version, 49, near=0.1, days_ago=1)
    assert measure_drift(WatchedDirection(version, "passage", "text")) is None


def test_searches_are_counted_by_day_and_by_how_they_end(version):
    ask(version, 3, near=0.6, days_ago=1)
    ask(version, 2, near=0.2, days_ago=1, match="weak", text="a pump")
    ask(version, 1, near=0.1, days_ago=1, match="none", text="A Pump")
    ask(version, 4, near=0.1, days_ago=0, match="", answer=[])
    ask(version, 5, near=0.1, days_ago=0, match="")
    days = {(day.total, day.low, day.none) for day in outcomes()}
    assert days == {(6, 2, 1), (4, 0, 4)}
    [pump] = repeated_failures()
    assert (pump.text, pump.times) == ("a pump", 3)


def test_dead_rows_are_seen(version):
    [table] = [one for one in tables_health() if one.model == version.key and one.kind == "passage"]
    assert table.table_bytes > 0
    assert table.index is None
    dead = replace(table, live=70, dead=30)
    assert dead.needs_vacuum
    assert not replace(table, live=90, dead=10).needs_vacuum


def test_an_alert_that_lasts_is_told_once(version, monkeypatch):
    told = []
    listener_register(lambda event, data: told.append(data["alert"]) if event == "health.alert" else None)
    row(version)
    assert [alert.name for alert in alerts_now()] == ["recall watched@1 image passage"]
    for _ in range(2):
        job = run_job_inline(measure.monitor_start())
        assert job.state == "succeeded", job.error
    assert told == ["recall watched@1 image passage"]
    monkeypatch.setattr(measure, "alerts_now", lambda: [HealthAlert("another", "s", 1.0, 2.0)])
    run_job_inline(measure.monitor_start())
    assert told == ["recall watched@1 image passage", "another"]


@pytest.mark.parametrize(
    ("low", "limit", "alerts"), [(25, 0.5, ["low confidence"]), (25, 0.51, []), (24, 0.5, [])]
)
def test_a_share_of_searches_of_low_confidence_is_an_alert(version, settings, low, limit, alerts):
    settings.CONFIG = replace(settings.CONFIG, low_confidence_alert=limit)
    ask(version, 25, near=0.6, days_ago=0)
    ask(version, low, near=0.2, days_ago=0, match="weak")
    assert [alert.name for alert in alerts_now()] == alerts


def test_recall_that_may_reach_the_target_is_no_alert(version):
    row(version, high=0.96)
    assert alerts_now() == []


def test_what_is_not_measured_any_more_is_no_alert(version):
    drift = DriftMeasurement.objects.create(
        version=version, kind="passage", modality="text", psi=0.5, chance=0.1, queries=90,
        reference="calibration", reference_queries=300,
    )  # fmt: skip
    recall = row(version, modality="text")
    assert [alert.name.split()[0] for alert in alerts_now()] == ["recall", "drift"]
    days_ago = timezone.now() - timedelta(days=10)
    DriftMeasurement.objects.filter(pk=drift.pk).update(at=days_ago)
    RecallMeasurement.objects.filter(pk=recall.pk).update(at=days_ago)
    assert alerts_now() == []
    assert "sightline_query_drift_psi{" not in scraped()
    assert "sightline_index_measured_timestamp_seconds{" not in scraped()
    ask(version, 1, near=0.1, days_ago=0)  # can be measured, and is not: its age is an alert of Prometheus
    assert [alert.name.split()[0] for alert in alerts_now()] == ["recall"]
    assert "sightline_index_measured_timestamp_seconds{" in scraped()


def test_the_recall_of_an_index_that_is_gone_is_no_alert(version):
    row(version)
    assert alerts_now()
    assert "sightline_index_recall{" in scraped()
    index_drop(version, "passage")
    assert alerts_now() == []
    assert "sightline_index_recall{" not in scraped()


def scraped():
    gauges_forget()
    told = metrics(RequestFactory().get("/metrics")).content.decode()
    gauges_forget()
    return told


def test_the_page_shows_applies_and_undoes_for_superusers_alone(client, version):
    measured = row(version)
    row(version, recall=0.9)
    DriftMeasurement.objects.create(
        version=version, kind="passage", modality="text", psi=0.3, chance=0.1, queries=90,
        reference="calibration", reference_queries=300,
    )  # fmt: skip
    ask(version, 2, near=0.1, days_ago=1, match="none", text="<script>pump")
    page = reverse("admin:search_recallmeasurement_changelist")
    apply = reverse("admin:search_recallmeasurement_apply", args=[measured.pk])
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.get(page).status_code == 403
    assert client.post(apply).status_code == 403
    chief = User.objects.create_superuser("chief")
    client.force_login(chief)
    shown = client.get(page).content.decode()
    for words in ("Search with ef_search 128", "changed a lot", "&lt;script&gt;pump", "2 times", "<polyline"):
        assert words in shown
    client.get(apply)
    assert not SearchSetting.objects.exists()
    client.post(apply)
    setting = SearchSetting.objects.get()
    assert (setting.value, setting.by) == (128, chief)
    assert "Undo 128" in client.get(page).content.decode()
    undo = reverse("admin:search_recallmeasurement_undo", args=[setting.pk])
    client.post(undo)
    refused = client.post(undo, follow=True).content.decode()
    assert "monitoring.not_applied" in refused
    assert "Search with ef_search 128" in refused
    setting.refresh_from_db()
    assert setting.undone_by == chief


def test_an_empty_installation_has_the_page(client):
    client.force_login(User.objects.create_superuser("chief"))
    shown = client.get(reverse("admin:search_recallmeasurement_changelist"))
    assert shown.status_code == 200
    assert "Nothing was measured yet" in shown.content.decode()


def test_prometheus_reads_the_last_measurements(version, settings):
    settings.CONFIG = replace(
        settings.CONFIG, no_match_alert=0.25, low_confidence_alert=0.6, recall_target=0.8
    )
    row(version, recall=0.5)
    row(version)
    ask(version, 1, near=0.1, days_ago=0, match="none")
    read = scraped()
    labels = 'kind="passage",modality="image",model="watched@1"'
    assert f"sightline_index_recall{{{labels}}} 0.8" in read
    assert 'sightline_searches_last_day{match="none"} 1.0' in read
    assert "sightline_searches_no_match_limit 0.25" in read
    assert "sightline_searches_low_confidence_limit 0.6" in read
    assert f"sightline_index_setting_needed{{{labels}}} 128.0" in read
    assert "sightline_index_recall_target 0.8" in read
    assert 'sightline_vector_rows_dead{kind="passage",model="watched@1"}' in read


def test_a_curve_stays_in_its_box_and_goes_from_left_to_right():
    start = timezone.now()
    drawn = curve([(start + timedelta(days=day), value) for day, value in enumerate([-1, 0.5, 2])], "x")
    points = [tuple(map(float, point.split(","))) for point in drawn.points.split()]
    assert points == [(MARGIN, HEIGHT - MARGIN), (WIDTH / 2, HEIGHT / 2), (WIDTH - MARGIN, MARGIN)]
    assert curve([(start, 1.0)], "x") is None
