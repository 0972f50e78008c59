"""Queries with known answers take the place of marks: what is learned of them, from the page and from a terminal."""

from __future__ import annotations

import io
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.management import call_command
from django.urls import reverse

from models_admin import services
from models_admin.job_types import LEARN
from models_admin.models import ModelVersion
from retrieval_site.errors import AppError
from search.adapting import collect_set
from search.adapting.collect_set import examples_of_set
from search.adapting.from_set import set_learn
from search.api.presenting import version_json
from search.evaluation.gate import evaluation_verdict
from search.evaluation.making import NewSet, evaluation_set_create
from search.models import Passage
from search.vectors.read import unit_vectors
from tests.search.adapting.conftest import PARTS
from tests.support.corpus import unit_rows
from tests.support.pages import shown_page
from tests.support.tiny_bundle import COLOURS
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db
QUIET = SimpleNamespace(stage=lambda *_: None, advance=lambda *_: None, checkpoint=lambda: None)
GAIN = ("value", "low", "high")
NAMES = [f"{colour}-{part}" for part in PARTS for colour in COLOURS]


def filed(collection, queries=60, name="filed", grades="1"):
    """A set of words for one note each: the n-th asks for the n-th note."""
    asked = "".join(f"q{n}\tquestion {n}\n" for n in range(queries)).encode()
    answers = "".join(f"q{n} 0 {NAMES[n]} {grades}\n" for n in range(queries)).encode()
    new = NewSet(
        name=name, source="qrels", collection=collection.slug, queries=io.BytesIO(asked), qrels=answers
    )
    return evaluation_set_create(new=new)


@pytest.fixture
def _shifted(monkeypatch):
    """The model reads every question as its note's vector, shifted by something that all of them share."""

    def encoded(version, queries, ctx):
        draw = np.random.default_rng(5)
        shift = 4 * unit_rows(draw.normal(size=(1, version.dim)))
        passages = {row.document_id: row.pk for row in Passage.objects.all()}
        vectors = unit_vectors(version, "passage", passages.values())
        for query in queries:
            (document,) = query.grades
            near = vectors[passages[document]] + shift + 0.03 * draw.normal(size=(1, version.dim))
            yield query, unit_rows(near)

    monkeypatch.setattr(collect_set, "queries_encoded", encoded)


@pytest.mark.usefixtures("_shifted", "taken_for_valid")
def test_a_set_becomes_a_version_that_says_so_and_the_gate_says_that_the_set_favours_it(version, collection):
    services.alias_point("champion", version, None, by=None, reason="")
    made = filed(collection)
    job = run_job_inline(set_learn(evaluation_set=made, version=version))
    assert job.state == "succeeded", job.error
    new = ModelVersion.objects.get(pk=LEARN.result_of(job).new_id)
    found = new.manifest["metrics"]["learned_from_marks"]
    assert (found["evaluation_set"], found["searches"]) == ("filed", 60)
    assert found["mean_reciprocal_rank_gain_low"] > 0
    assert "Learned from the evaluation set “filed”, from tiny@1. First hits" in new.note
    difference = {"value": 0.2, "low": 0.1, "high": 0.3}
    against = {"version": version.key, "queries": 60, "differences": {"ndcg_at_10": difference}}
    made.results.create(version=new, direction="text → passages", queries=60, against=against)
    assert evaluation_verdict(new, version).says.endswith("It learned from this set, which favours it.")


@pytest.mark.usefixtures("_shifted", "taken_for_valid")
def test_a_version_does_not_tell_the_name_of_a_private_collections_set(version, collection):
    services.alias_point("champion", version, None, by=None, reason="")
    collection.visibility = "private"
    collection.save()
    made = filed(collection, name="zebrafish")
    job = run_job_inline(set_learn(evaluation_set=made, version=version))
    new = ModelVersion.objects.get(pk=LEARN.result_of(job).new_id)
    assert "zebrafish" not in f"{version_json(new, manages=False)} {new.note}"
    against = {"version": version.key, "queries": 60, "differences": {"ndcg_at_10": dict.fromkeys(GAIN, 0.2)}}
    made.results.create(version=new, direction="text → passages", queries=60, against=against)
    assert evaluation_verdict(new, version).says.endswith("It learned from this set, which favours it.")


@pytest.mark.usefixtures("_shifted")
def test_few_queries_teach_nothing_however_they_are_asked(version, collection):
    filed(collection, queries=4)
    out = StringIO()
    call_command("learn_from_marks", version.key, evaluation_set="filed", stdout=out)
    assert "and 10 are needed" in out.getvalue()
    assert ModelVersion.objects.count() == 1


def test_a_sets_own_words_are_encoded_and_its_grades_say_what_is_right(encoded_version, collection):
    made = filed(collection, queries=3)
    query = made.queries.get(name="q0")
    by_name = {row.document.external_id: row for row in Passage.objects.select_related("document")}
    graded = {NAMES[0]: 3, NAMES[1]: 2, NAMES[2]: 0}
    query.grades = {str(by_name[name].document_id): grade for name, grade in graded.items()}
    query.save()
    found = examples_of_set(encoded_version, made, QUIET)
    vectors = unit_vectors(encoded_version, "passage", [by_name[name].pk for name in graded])
    (example,) = (one for one in found.judged if len(one.relevant) == 2)
    np.testing.assert_array_equal(example.relevant, [vectors[by_name[name].pk] for name in NAMES[:2]])
    np.testing.assert_allclose(example.right, [1, 2 / 3])
    np.testing.assert_array_equal(example.rejected, [vectors[by_name[NAMES[2]].pk]])
    assert (example.asks, example.finds, example.query.shape) == ("text", "text", (encoded_version.dim,))
    assert len(found.judged) == 3


def test_documents_with_pictures_ask_both_ways_and_are_never_in_two_thirds(encoded_version, collection):
    made = evaluation_set_create(new=NewSet(name="pairs", source="pairs", collection=collection.slug))
    found = examples_of_set(encoded_version, made, QUIET)
    assert sorted({(one.asks, one.finds) for one in found.judged}) == [("image", "text"), ("text", "image")]
    assert len(found.judged) == made.size == 2 * len(COLOURS)
    assert found.groups().max() + 1 == len(COLOURS)
    assert len(found.images) == 0  # the pairs of a query that is held out would tell its answer


def test_no_model_learns_from_the_judged_searches_that_measure_it(version, collection, monkeypatch):
    made = filed(collection)
    made.source = "judgements"
    with pytest.raises(AppError, match=r"version\.cannot_learn"):
        set_learn(evaluation_set=made, version=version)
    assert not Job.objects.filter(type=LEARN.name).exists()


@pytest.mark.usefixtures("root")
def test_the_sets_page_offers_the_versions_that_may_learn_and_starts_one(client, version, collection):
    made = filed(collection)
    page = reverse("admin:search_evaluationset_change", args=[made.pk])
    assert "Learn from this set</button>" in shown_page(client.get(page))
    do = reverse("admin:search_evaluationset_do", args=[made.pk, "learn"])
    assert "model.not_found" in shown_page(client.post(do, {"model": "nobody@1"}, follow=True))
    said = shown_page(client.post(do, {"model": version.key}, follow=True))
    assert "tiny@1 learns from “filed”" in said
    assert "Learn from this set</button>" not in said  # one at a time
    job = Job.objects.get(type=LEARN.name)
    assert job.params["evaluation_set"] == made.pk
    made.source = "judgements"
    made.save()
    job.delete()
    assert "Learn from this set</button>" not in shown_page(client.get(page))
