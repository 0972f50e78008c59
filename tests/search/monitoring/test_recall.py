"""Recall of an index against an exact scan, on a corpus large enough for the index to miss something."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from django.db import connection

from retrieval_site.errors import AppError
from search.models import RecallMeasurement, SearchSetting
from search.monitoring.intervals import wilson
from search.monitoring.kept import WatchedDirection, kept_vectors
from search.monitoring.recall import LADDERS, measure_recall, recall
from search.retrieval import statements
from search.retrieval.dense import make_plan, plan_by_index, planned
from search.services.search_settings import search_setting_apply, search_setting_undo
from search.vectors.tuned import settings_forget
from tests.support.corpus import clustered
from tests.support.queries import make_query
from tests.support.searched import scope_of, searched

ROWS, DIM, QUERIES = 4_000, 32, 40

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def corpus(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), searched("recalled", rows=ROWS, dim=DIM) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_settings_of_others():
    settings_forget()
    yield
    settings_forget()


def ask_often(version, modality="image", count=QUERIES, seed=5):
    for vector in clustered(count, version.dim, seed=seed, spread=1.6):
        make_query(version=version, modality=modality, embedding=vector.astype("<f4").tobytes(), match="good")


def measured(version, modality="image"):
    return measure_recall(WatchedDirection(version, "passage", modality), lambda: None)


def test_recall_is_that_of_a_loop_over_all_vectors(corpus):
    ask_often(corpus.version)
    row = measured(corpus.version)
    scope = scope_of(corpus.version, [corpus.public, corpus.private])
    plan = plan_by_index("hnsw", 48, 48)
    shares = []
    for kept in kept_vectors(WatchedDirection(corpus.version, "passage", "image"), 200):
        truth = ranked(statements.exact(scope, DIM), scope, kept.vectors[0], 10)
        with planned(plan):
            found = ranked(statements.by_index(scope, DIM, plan), scope, kept.vectors[0])
        shares.append(len(set(found) & set(truth)) / 10)
    assert row.recall == pytest.approx(np.mean(shares))
    assert row.low < row.recall <= row.high
    assert (row.queries, row.setting, row.index) == (QUERIES, 48, "hnsw")
    assert dict(row.ladder)[row.setting] == pytest.approx(row.recall, abs=1e-4)


def ranked(statement, scope, vector, count=None):
    more = {} if count is None else {"count": count}
    with connection.cursor() as cursor:
        cursor.execute(statement, statements.parameters(scope, vector, **more))
        rows = sorted(cursor.fetchall(), key=lambda row: row[2])
    return [row[0] for row in rows][:10]


def test_the_smallest_setting_is_the_first_of_the_ladder_that_reaches_the_target(corpus, settings):
    ask_often(corpus.version)
    settings.CONFIG = replace(settings.CONFIG, recall_target=1.0)
    row = measured(corpus.version)
    reached = [setting for setting, share in row.ladder if share >= 1.0]
    assert row.smallest == (reached[0] if reached else None)
    assert [setting for setting, _ in row.ladder] == sorted({setting for setting, _ in row.ladder})
    assert {setting for setting, _ in row.ladder} <= {*LADDERS["hnsw"]}


def test_a_setting_that_is_applied_counts_in_searches_of_its_modality_until_it_is_undone(corpus):
    by_image = replace(scope_of(corpus.version, [corpus.public]), asked_with="image")
    by_text = replace(by_image, asked_with="text")
    row = RecallMeasurement.objects.create(
        version=corpus.version, kind="passage", modality="image", index="hnsw", queries=9, rows=ROWS,
        setting=48, recall=0.9, low=0.8, high=0.95, target=0.95, smallest=192,
    )  # fmt: skip
    large = type("Expected", (), {"rows": 10**6, "matching": 10**6, "index": "hnsw"})()
    setting = search_setting_apply(measurement=row)
    assert make_plan(corpus.version, by_image, 10, large).ef_search == 192
    assert make_plan(corpus.version, by_text, 10, large).ef_search == 48
    search_setting_undo(setting=setting)
    assert make_plan(corpus.version, by_image, 10, large).ef_search == 48
    assert SearchSetting.objects.get().undone_at is not None


def test_a_scan_that_goes_by_the_index_is_not_taken_for_an_exact_one(corpus, monkeypatch):
    ask_often(corpus.version, count=2)
    plan = plan_by_index("hnsw", 48)
    monkeypatch.setattr(statements, "exact", lambda scope, dim: statements.by_index(scope, dim, plan))
    with pytest.raises(AppError) as refused, planned(plan):
        measured(corpus.version)
    assert refused.value.id == "monitoring.not_exact"


def test_a_search_that_does_not_go_by_the_index_is_not_taken_for_one(corpus, monkeypatch):
    ask_often(corpus.version, count=2)
    exact = statements.exact
    monkeypatch.setattr(
        statements, "by_index", lambda scope, dim, plan: exact(scope, dim).replace("%(count)s", "10")
    )
    with pytest.raises(AppError) as refused:
        measured(corpus.version)
    assert refused.value.id == "monitoring.not_by_index"


def test_without_kept_searches_nothing_is_measured(corpus):
    assert measured(corpus.version) is None
    ask_often(corpus.version, count=2)
    assert measured(corpus.version, "text") is None


def test_recall_counts_what_was_found():
    assert recall([1, 2, 3], [2, 3, 4, 5]) == 0.5
    assert recall([], []) == 1.0


def test_wilsons_interval_is_that_of_the_book():
    low, high = wilson(0.9, 100)  # Newcombe (1998): 0.8256 to 0.9448
    assert (round(low, 4), round(high, 4)) == (0.8256, 0.9448)
    assert wilson(1.0, 50)[0] < 1.0
