"""Kept searches end by their age, with the files of their photos; what was judged stays."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from search.job_types import EXPIRE_QUERIES
from search.models import Judgement, Query, QueryPart, SideBySide
from search.services import query_ages
from search.services.judgements import judgement_set
from search.services.query_ages import queries_due
from tests.support.corpus import make_collection, make_documents, make_version, picture
from tests.support.queries import make_query
from workers.jobs.context import JobContext
from workers.jobs.daily import start_daily
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create_once
from workers.jobs.sweeper import sweep
from workers.jobs.types import JobParameters
from workers.models import Blob, Job
from workers.storage.blobs import blob_store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean_redis")]


@pytest.fixture(autouse=True)
def ages(settings):
    """A year for searches, 90 days for photos; `ages(…)` sets others."""

    def set_ages(searches: int, photos: int) -> None:
        settings.CONFIG = replace(settings.CONFIG, query_keep_days=searches, query_photo_keep_days=photos)

    set_ages(365, 90)
    return set_ages


@pytest.fixture
def document():
    return make_documents(make_collection(), 1)[0].document


def kept(days: float, *, seed: int = 0, **fields) -> Query:
    """A search by photo of so many days ago; the same seed, the same photo."""
    preview = blob_store(picture((200, 20, 20), seed=seed), "image/jpeg")
    query = make_query(**({"modality": "image", "preview": preview, "embedding": b"\0" * 64} | fields))
    Query.objects.filter(pk=query.pk).update(created_at=timezone.now() - timedelta(days=days))
    return query


def judge(query: Query, document) -> Judgement:
    return Judgement.objects.create(query=query, document=document, session="s", grade=2)


def expire() -> dict:
    done = run_job_inline(job_create_once(EXPIRE_QUERIES, JobParameters())[0])
    assert done.state == "succeeded", done.error
    return done.result


def test_the_photo_goes_first_then_the_search() -> None:
    young, middle, old = kept(89, seed=1), kept(91, seed=2), kept(366, seed=3)
    names = {query.pk: query.part.preview.storage_name for query in (young, middle, old)}

    assert expire() == {"stripped": 2, "removed": 1}

    left = {
        query.pk: (query.part.preview_id, query.part.embedding and bytes(query.part.embedding))
        for query in Query.objects.all()
    }
    assert left == {young.pk: (young.part.preview_id, b"\0" * 64), middle.pk: (None, None)}
    assert [default_storage.exists(names[query.pk]) for query in (young, middle, old)] == [True, False, False]
    assert list(Blob.objects.values_list("pk", flat=True)) == [young.part.preview_id]
    assert expire() == {"stripped": 0, "removed": 0}


def test_a_photo_that_a_younger_search_has_too_stays() -> None:
    old, young = kept(400), kept(1)
    assert old.part.preview_id == young.part.preview_id

    expire()

    assert default_storage.exists(young.part.preview.storage_name)
    assert Query.objects.get().part.preview_id == young.part.preview_id


def test_what_was_judged_stays_whole_until_its_last_judgement_goes(document) -> None:
    query = kept(1000)
    judgement = judge(query, document)

    assert expire() == {"stripped": 0, "removed": 0}
    query.refresh_from_db()
    assert query.part.preview_id
    assert query.part.embedding
    assert default_storage.exists(query.part.preview.storage_name)

    judgement.delete()
    assert expire()["removed"] == 1
    assert not Query.objects.exists()


def test_answers_side_by_side_stay_once_somebody_preferred_one(django_user_model) -> None:
    versions = [make_version(name) for name in ("first", "second")]
    compared, undecided = (
        [kept(1000, seed=seed + place, version=version) for place, version in enumerate(versions)]
        for seed in (1, 3)
    )
    person = django_user_model.objects.create_user("ann")
    for queries, preference in ((compared, "second"), (undecided, "")):
        SideBySide.objects.create(
            user=person,
            first=queries[0],
            second=queries[1],
            first_version=versions[0],
            second_version=versions[1],
            asked="a" * 64,
            blind=True,
            preference=preference,
        )
    assert expire()["removed"] == 2
    assert {query.pk for query in Query.objects.all()} == {query.pk for query in compared}


@pytest.mark.parametrize(
    ("searches", "photos", "stripped", "ended"),
    [(0, 0, 0, 0), (0, 90, 1, 0), (365, 0, 1, 1), (30, 90, 1, 1)],
    ids=["for ever", "photos only", "photos as long as searches", "photos no longer than searches"],
)
def test_an_age_of_0_is_for_ever(ages, searches, photos, stripped, ended) -> None:
    ages(searches, photos)
    kept(400)
    assert queries_due() == bool(stripped)
    assert expire() == {"stripped": stripped, "removed": ended}


def test_after_a_kill_the_next_run_goes_on_and_counts_all(monkeypatch, document) -> None:
    monkeypatch.setattr(query_ages, "BATCH_QUERIES", 2)
    judge(kept(400, seed=9), document)
    for seed in range(5):
        kept(400 - seed, seed=seed)
    job, _ = job_create_once(EXPIRE_QUERIES, JobParameters())
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(JobContext, "checkpoint", _killed_after_two_batches())
        run_job_inline(job)
    assert QueryPart.objects.filter(preview=None).count() == 2
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(minutes=1))
    assert sweep().taken_back == 1

    done = run_job_inline(job)

    assert done.result == {"stripped": 5, "removed": 5}
    assert Query.objects.count() == Blob.objects.exclude(size=1).count() == 1


def _killed_after_two_batches():
    """A checkpoint that is passed at a stage's begin and does not come back behind the first batch."""
    passed = []

    def checkpoint(ctx) -> None:
        passed.append(1)
        if len(passed) == 2:
            raise KeyboardInterrupt

    return checkpoint


def test_a_search_that_is_being_judged_at_this_moment_stays(document) -> None:
    query, written, over = kept(400, session="s"), threading.Event(), threading.Event()

    def judging() -> None:
        with transaction.atomic():
            judgement_set(query_id=query.pk, document_id=document.pk, viewer=None, session="s", grade=2)
            written.set()
            over.wait(20)
        connection.close()

    judges = threading.Thread(target=judging)
    judges.start()
    assert written.wait(20)
    try:
        assert expire() == {"stripped": 0, "removed": 0}
    finally:
        over.set()
        judges.join(20)
    query.refresh_from_db()
    assert query.part.preview_id
    assert query.judgements.count() == 1


def test_memory_does_not_hold_what_the_searches_hold(django_assert_max_num_queries, monkeypatch) -> None:
    """A batch reads ids alone: no vector and no answer is fetched on the way to removing them."""
    for seed in range(3):
        kept(400, seed=seed, answer=[{"document": 1}])
    # Of these twelve are of the tables of evaluation sets, side by side, challengers, opened hits and webhooks.
    with django_assert_max_num_queries(111) as asked:
        expire()
    reading = [query["sql"] for query in asked.captured_queries if query["sql"].startswith("SELECT")]
    assert not [sql for sql in reading if '"embedding",' in sql or '"answer",' in sql]


def test_the_days_job_is_started_once_and_only_where_there_is_something_to_do() -> None:
    assert start_daily() == []
    kept(400)
    assert [job.type for job in start_daily()] == [EXPIRE_QUERIES.name]
    assert start_daily() == []
    run_job_inline(Job.objects.get())
    kept(400)
    assert start_daily() == []
    Job.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert len(start_daily()) == 1
    assert Job.objects.count() == 2


def test_the_command_says_how_much_would_go_and_then_removes_it(capsys) -> None:
    kept(100, seed=1)
    kept(400, seed=2)
    call_command("queries_expire", "--dry-run")
    assert capsys.readouterr().out == "2 photos or vectors and 1 searches would be removed.\n"
    assert Query.objects.count() == 2
    call_command("queries_expire")
    assert capsys.readouterr().out.endswith("2 photos or vectors and 1 searches were removed.\n")
    assert Query.objects.count() == 1


def test_vectors_go_without_a_photo_too() -> None:
    make_version(dim=16)
    query = kept(100, modality="text", text="a pump", preview=None)
    assert expire()["stripped"] == 1
    query.refresh_from_db()
    assert (query.text, query.part.embedding) == ("a pump", None)
