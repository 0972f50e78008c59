"""A binary index is searched with as many candidates as its table needs, by measured recall."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection

from retrieval_site.errors import AppError
from search.models import RecallMeasurement, SearchSetting
from search.monitoring import tuning
from search.monitoring.kept import WatchedDirection
from search.monitoring.recall import RecallTrial, measure_recall
from search.monitoring.tuning import candidates_choose, candidates_follow
from search.retrieval.dense import CODED_CANDIDATES, RowEstimate, make_plan
from search.services.search_settings import search_setting_apply, search_setting_undo
from search.vectors.index import IndexState
from search.vectors.tuned import settings_forget
from tests.support.corpus import clustered
from tests.support.queries import make_query
from tests.support.searched import scope_of, searched

ROWS, DIM = 2_000, 32
LEAST = CODED_CANDIDATES["binary"]
TARGET = 0.998
"""Beyond what the default finds of whatever questions are drawn (.978 to .990 of them)."""
LARGE = RowEstimate(10**7, 10**7, "binary")

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def corpus(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), searched("tuned", rows=ROWS, dim=DIM, vector_index="binary") as found:
        yield found


@pytest.fixture(autouse=True)
def _small_tables_count(monkeypatch, corpus, db):
    monkeypatch.setattr(tuning, "ROWS_MIN", 100)
    settings_forget()
    with connection.cursor() as cursor:  # else it would not go by the index for a tenth of so small a table
        cursor.execute("SET LOCAL enable_sort = off")
    yield
    settings_forget()


def nothing() -> None: ...


def candidates(corpus, modality: str = "") -> int:
    scope = replace(scope_of(corpus.version, [corpus.public]), asked_with=modality)
    return make_plan(corpus.version, scope, 10, LARGE).candidates


def test_the_number_of_candidates_is_the_smallest_that_reaches_the_target(corpus, settings, monkeypatch):
    tried = {}
    measured = RecallTrial.recall_at

    def noted(trial, setting, checkpoint):
        tried[setting] = measured(trial, setting, checkpoint)
        return tried[setting]

    monkeypatch.setattr(RecallTrial, "recall_at", noted)
    settings.CONFIG = replace(settings.CONFIG, recall_target=TARGET)
    chosen = candidates_choose(corpus.version, "passage", nothing)
    assert chosen is not None
    assert chosen > LEAST, "thirty-two signs find little"
    *less, (last, share) = tried.items()
    assert last == chosen
    assert share >= TARGET
    assert all(found < TARGET for _, found in less)
    assert candidates(corpus) == candidates(corpus, "image") == chosen


def test_measuring_anew_takes_the_place_of_what_was_measured_before(corpus, settings):
    settings.CONFIG = replace(settings.CONFIG, recall_target=0.99)
    candidates_choose(corpus.version, "passage", nothing)
    settings.CONFIG = replace(settings.CONFIG, recall_target=0.1)
    assert candidates_choose(corpus.version, "passage", nothing) == LEAST
    assert SearchSetting.objects.filter(undone_at__isnull=True).count() == 1
    assert candidates(corpus) == LEAST


def test_a_table_of_which_so_much_is_sorted_sooner_keeps_the_default(corpus):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = on")
    assert candidates_choose(corpus.version, "passage", nothing) is None


def test_small_tables_and_other_indexes_keep_their_default(corpus, monkeypatch):
    monkeypatch.setattr(tuning, "ROWS_MIN", ROWS + 10_000)
    assert candidates_choose(corpus.version, "passage", nothing) is None
    monkeypatch.setattr(tuning, "ROWS_MIN", 100)
    monkeypatch.setattr(tuning, "index_state", lambda *_: IndexState("hnsw", 1))
    assert candidates_choose(corpus.version, "passage", nothing) is None
    assert not SearchSetting.objects.exists()


def test_what_people_search_for_raises_it_for_their_modality(corpus, settings):
    for vector in clustered(20, DIM, seed=5, spread=1.6):
        make_query(
            version=corpus.version, modality="image", embedding=vector.astype("<f4").tobytes(), match="good"
        )
    settings.CONFIG = replace(settings.CONFIG, recall_target=0.999)
    row = measure_recall(WatchedDirection(corpus.version, "passage", "image"), nothing)
    assert row is not None
    assert row.smallest is not None
    applied = candidates_follow(row)
    assert applied is not None
    assert candidates(corpus, "image") == row.smallest > candidates(corpus, "text") == LEAST


def measurement(corpus, **fields) -> RecallMeasurement:
    values = {"recall": 0.8, "target": 0.95, "smallest": 1500, "index": "binary", **fields}
    return RecallMeasurement.objects.create(
        version=corpus.version, kind="passage", modality="image", queries=50, rows=ROWS, setting=400,
        low=0.7, high=0.9, **values,
    )  # fmt: skip


def test_only_what_a_binary_index_lacks_is_applied_and_what_somebody_chose_stays(corpus, admin_user):
    assert candidates_follow(measurement(corpus, index="hnsw")) is None
    assert candidates_follow(measurement(corpus, recall=0.96)) is None
    assert candidates_follow(measurement(corpus, smallest=None)) is None
    assert candidates_follow(measurement(corpus, smallest=192)) is None, "fewer than there are now"
    setting = candidates_follow(measurement(corpus))
    assert setting is not None
    search_setting_undo(setting=setting, by=admin_user)
    assert candidates_follow(measurement(corpus)) is None
    search_setting_apply(measurement=measurement(corpus, smallest=800), by=admin_user)
    assert candidates_follow(measurement(corpus)) is None
    assert candidates(corpus, "image") == 800


def test_where_no_number_reaches_the_target_the_one_that_finds_most_is_applied(corpus, admin_user):
    out_of_reach = {"smallest": None, "target": 0.97}
    falls_short = measurement(corpus, ladder=[[400, 0.8], [6000, 0.965], [8000, 0.965]], **out_of_reach)
    applied = candidates_follow(falls_short)
    assert applied is not None
    assert candidates(corpus, "image") == applied.value == 6000
    more_is_no_help = measurement(corpus, ladder=[[192, 0.7], [400, 0.8], [600, 0.8]], **out_of_reach)
    assert candidates_follow(more_is_no_help) is None
    graph = measurement(corpus, index="hnsw", ladder=[[48, 0.8], [1000, 0.9]], **out_of_reach)
    assert search_setting_apply(measurement=graph, by=admin_user).value == 1000
    with pytest.raises(AppError) as untried:
        search_setting_apply(measurement=measurement(corpus, smallest=None), by=admin_user)
    assert untried.value.id == "monitoring.no_setting"
