"""TREC runs: read beside the qrels by ir_measures, that is trec_eval, they measure what Sightline measures."""

from __future__ import annotations

import ir_measures
import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser

from search.exports import qrels_lines, run_lines
from search.judged.measures import ndcg, success_at_1, success_at_10
from search.models import Collection, Document, Judgement
from tests.support.corpus import make_version
from tests.support.queries import make_query

pytestmark = pytest.mark.django_db
NDCG, AP = ir_measures.nDCG @ 10, ir_measures.AP(rel=2)
FIRST, TEN = ir_measures.Success(rel=2) @ 1, ir_measures.Success(rel=2) @ 10


@pytest.fixture
def documents():
    collection = Collection.objects.create(slug="open", name="Open", visibility="public")
    rows = [Document(collection=collection, external_id=f"no {number}") for number in range(30)]
    return Document.objects.bulk_create(rows)


@pytest.fixture
def judged(documents):
    """Six searches, whose scores tie, rise and fall, with some judged documents that they did not find."""
    random = np.random.default_rng(3)
    found = []
    for _ in range(6):
        order = random.permutation(documents)[:25]
        answer = [{"document": row.pk, "score": float(random.integers(-9, 9)) / 10} for row in order]
        query = make_query(
            modality="text", text="pump", answer=answer, version=make_version() if not found else None
        )
        grades = {row.pk: int(random.integers(0, 4)) for row in random.permutation(documents)[:12]}
        Judgement.objects.bulk_create(
            Judgement(query=query, document_id=pk, grade=grade, session="s") for pk, grade in grades.items()
        )
        found.append((query, [hit["document"] for hit in answer], grades))
    return found


def average_precision(ranking: list[int], grades: dict[int, int]) -> float:
    relevant = {pk for pk, grade in grades.items() if grade >= 2}
    hits = [place for place, pk in enumerate(ranking, 1) if pk in relevant]
    return sum(number / place for number, place in enumerate(hits, 1)) / len(relevant)


def files() -> tuple[str, str]:
    judgements = Judgement.objects.all()
    return "".join(qrels_lines(judgements)), "".join(run_lines(judgements, Document.objects.all()))


def test_trec_eval_measures_on_both_files_what_sightline_does(judged):
    qrels, run = map(str, files())
    asked = [NDCG, AP, FIRST, TEN]
    measured = {
        (row.query_id, row.measure): row.value
        for row in ir_measures.iter_calc(
            asked, list(ir_measures.read_trec_qrels(qrels)), list(ir_measures.read_trec_run(run))
        )
    }
    own = {NDCG: ndcg, AP: average_precision, FIRST: success_at_1, TEN: success_at_10}
    expected = {
        (str(query.pk), measure): value(ranking, grades)
        for query, ranking, grades in judged
        for measure, value in own.items()
    }
    assert measured == pytest.approx(expected, abs=1e-6)


def test_a_run_keeps_the_order_where_scores_tie_or_rise(judged):
    lines = files()[1].splitlines()
    for query, ranking, _ in judged:
        mine = [line.split() for line in lines if line.startswith(str(query.pk))]
        assert [line[3] for line in mine] == [str(rank) for rank in range(1, len(ranking) + 1)]
        scores = np.array([float(line[4]) for line in mine], np.float32)
        assert (np.diff(scores) < 0).all()


def test_a_run_names_documents_as_the_qrels_do_and_the_version_that_answered(documents):
    query = make_query(
        modality="text", version=make_version(), answer=[{"document": documents[0].pk, "score": 0.5}]
    )
    Judgement.objects.create(query=query, document=documents[0], grade=2, session="s")
    qrels, run = files()
    assert qrels == f"{query.pk} 0 open/no%200 2\n"
    assert run == f"{query.pk} Q0 open/no%200 1 0.5 {query.version}\n"


def test_a_run_leaves_out_what_its_reader_may_not_see(documents, settings):
    hidden = Collection.objects.create(slug="secret", name="Secret")
    secret = Document.objects.create(collection=hidden, external_id="s")
    answer = [{"document": row.pk, "score": 0.5} for row in (secret, documents[0])]
    query = make_query(modality="text", answer=answer)
    Judgement.objects.create(query=query, document=documents[0], grade=2, session="s")
    seen = Document.objects.visible_to(AnonymousUser())
    assert list(run_lines(Judgement.objects.all(), seen)) == [f"{query.pk} Q0 open/no%200 1 0.5 unknown\n"]
