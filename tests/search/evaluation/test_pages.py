"""The pages of an evaluation set: making one, its curves and table, and the version's page and activation page."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.timezone import localtime

from search.evaluation.charts import charts_of
from search.evaluation.tables import cost_panel, results_of
from search.models import EvaluationSet
from search.monitoring.storage import tables_health
from search.vectors.index import index_build
from tests.support.corpus import make_collection, make_documents, make_version, store
from tests.support.evaluated import evaluated_pairs
from workers.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def measured():
    return evaluated_pairs(3)


def test_the_page_draws_a_curve_for_each_measure_and_says_every_number(measured, admin_client):
    page = admin_client.get(reverse("admin:search_evaluationset_change", args=[measured.pk])).content.decode()
    assert page.count('<figure class="chart">') == 8
    assert "better than first@1: +8.0 points (+2.0 to +13.0)" in page
    for words in (
        "7.1 ms",
        "0.8 ms",
        "90.0 %",
        "55.0 <small>49.0 to 60.0</small>",
        "Measure 2 ready versions",
    ):
        assert words in page
    assert "style=" not in page.partition('<div class="charts">')[2]


def test_dots_stand_inside_the_chart_and_intervals_around_them(measured):
    for chart in charts_of(results_of(measured)):
        assert {series.name for series in chart.series} == {"first", "second"}
        for dot in (dot for series in chart.series for dot in series.dots):
            assert 40 < dot.x < 348
            assert 12 <= dot.high <= dot.y <= dot.low <= 164


def test_a_versions_page_says_what_it_is_good_at_and_what_it_costs(measured, admin_client):
    second = measured.results.last().version
    page = admin_client.get(f"/admin/models_admin/modelversion/{second.pk}/change/").content.decode()
    for words in ("What it is good at", "Our pairs", "What it costs", "What changed since first@1"):
        assert words in page
    assert f"<td>{localtime(measured.results.last().at):%Y-%m-%d %H:%M}</td>" in page


def test_a_version_that_no_set_measured_costs_what_its_validation_measured(admin_client):
    version = make_version(dim=8)
    where = f"/admin/models_admin/modelversion/{version.pk}/change/"
    assert "What it costs" not in admin_client.get(where).content.decode()
    version.report = {"probes": {"image": {"milliseconds": 12.5}, "text": {"milliseconds": 1.25}}}
    version.save()
    store(version, make_documents(make_collection(), 8), np.eye(8, dtype=np.float32))
    index_build(version, "passage")
    panel = cost_panel(version)
    size = sum(table.index_bytes for table in tables_health())
    assert size > 0
    (row,) = panel.rows
    assert row == ("12.5 ms", "1.2 ms", "–", filesizeformat(size), "–", "when it was validated")
    page = admin_client.get(where).content.decode()
    assert "What it costs" in page
    assert "12.5 ms" in page


def test_sets_are_made_measured_and_deleted_by_buttons(admin_client):
    make_documents(make_collection(), 2)
    make_version(dim=8)
    files = {
        "queries": SimpleUploadedFile("q.tsv", b"a\tfirst\nb\tsecond\n"),
        "qrels": SimpleUploadedFile("q.qrels", b"a 0 d0 1\nb 0 d1 2\n"),
    }
    sent = {"name": "Filed", "source": "qrels", "collection": "public"}
    page = admin_client.post(reverse("admin:search_evaluationset_add"), sent | files, follow=True)
    assert "“Filed” has 2 queries." in page.content.decode()
    made = EvaluationSet.objects.get()
    do = "admin:search_evaluationset_do"
    admin_client.post(reverse(do, args=[made.pk, "measure"]))
    assert Job.objects.get(type="evaluate").params["evaluation_set"] == made.pk
    refused = admin_client.post(reverse("admin:search_evaluationset_add"), sent)
    assert "evaluation." in refused.content.decode()
    admin_client.post(reverse(do, args=[made.pk, "delete"]))
    assert not EvaluationSet.objects.exists()


def test_what_deleting_a_set_loses_is_said_before(measured, admin_client):
    where = reverse("admin:search_evaluationset_confirm", args=[measured.pk])
    panel = admin_client.get(
        reverse("admin:search_evaluationset_change", args=[measured.pk])
    ).content.decode()
    assert where in panel
    assert "/do/delete/" not in panel
    page = " ".join(admin_client.get(where).content.decode().split())
    for words in ("Its 6 queries go,", "4 measurements of 2 model", "/do/delete/"):
        assert words in page
    assert EvaluationSet.objects.exists()


def test_only_those_who_manage_models_see_sets(measured, client, django_user_model):
    client.force_login(django_user_model.objects.create_user("staff", is_staff=True))
    where = reverse("admin:search_evaluationset_change", args=[measured.pk])
    assert client.get(where).status_code in (302, 403)
    confirm = reverse("admin:search_evaluationset_confirm", args=[measured.pk])
    assert client.get(confirm).status_code == 403
    assert (
        client.post(reverse("admin:search_evaluationset_do", args=[measured.pk, "delete"])).status_code == 403
    )
    assert EvaluationSet.objects.exists()
