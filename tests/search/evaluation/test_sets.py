"""Evaluation sets from pairs, judgements and files, and what a version's measuring by them keeps."""

from __future__ import annotations

import io
import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from models_admin.models import Alias, ModelVersion, VersionState
from models_admin.services import champion, version_activate, version_move
from retrieval_site.errors import AppError
from search.evaluation import asking, measure
from search.evaluation.gate import QUERIES_MIN, evaluation_verdict
from search.evaluation.making import (
    NewSet,
    evaluation_set_create,
    evaluation_set_delete,
    evaluation_start,
    evaluation_start_all,
)
from search.judged import asking as judged_asking
from search.judged import searches
from search.models import Document, DocumentImage, EvaluationResult, EvaluationSet, Judgement
from search.vectors.copy import vectors_write
from search.vectors.tables import VectorTable, table_drop
from tests.support.corpus import make_collection, make_documents, make_version, picture, store
from tests.support.queries import make_query
from workers.inference.manifest import ImageSpec
from workers.jobs.runner import run_job_inline
from workers.models import Blob, Job
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db
DIM = 8
GREY_STEP = 20
QUERIES = b"q0\t0\nq1\t1\nq2\t2\n"
QRELS = b"q0 0 d0 1\nq1 0 d1 1\nq2 0 d2 1\n"


class FakeEncoder:
    """Text with an “n”, and a photo n steps of grey above black, are the n-th axis; so is document n."""

    device, dim = "cpu", DIM
    manifest = SimpleNamespace(image=ImageSpec(resize=32, size=32, mean=(0, 0, 0), std=(1, 1, 1)))

    def encode_texts(self, texts):
        numbers = [int("".join(sign for sign in text if sign.isdigit())[:1] or 0) for text in texts]
        return np.eye(DIM, dtype=np.float32)[numbers]

    def encode_pixels(self, pixels):
        greys = pixels.mean(axis=(1, 2, 3)) * 255 / GREY_STEP
        return np.eye(DIM, dtype=np.float32)[greys.round().astype(int)]


@pytest.fixture(autouse=True)
def _fakes(monkeypatch):
    for module in (asking, judged_asking, measure):
        monkeypatch.setattr(module, "encoder_of", lambda version: FakeEncoder())
    monkeypatch.setattr(searches, "MEASURING_PERCENT", 100)


@pytest.fixture
def passages():
    return make_documents(make_collection(), DIM)


def version_of(passages, *, moved=0, **fields):
    """A version that finds document n for question n, or, `moved`, the one so many places on."""
    version = make_version(dim=DIM, **fields)
    store(version, passages, np.roll(np.eye(DIM, dtype=np.float32), moved, axis=0))
    return version


def grey(number):
    return picture((GREY_STEP * number,) * 3)


def measured(evaluation_set, version):
    run_job_inline(evaluation_start(evaluation_set=evaluation_set, version=version))
    return {row.direction: row for row in evaluation_set.results.filter(version=version)}


def qrels_set(name="filed", queries=QUERIES, qrels=QRELS):
    return evaluation_set_create(
        new=NewSet(name=name, source="qrels", collection="public", queries=io.BytesIO(queries), qrels=qrels)
    )


def test_words_with_qrels_measure_a_version_that_is_right_and_one_that_is_not(passages):
    made = qrels_set()
    (good,) = measured(made, version_of(passages, name="good")).values()
    (bad,) = measured(made, version_of(passages, name="bad", moved=1, champion=False)).values()
    assert good.direction == "text → passages"
    assert good.queries == 3
    assert {name: one["value"] for name, one in good.measures.items()} == {
        "r_at_1": 1, "r_at_10": 1, "mrr": 1, "ndcg_at_10": 1,
    }  # fmt: skip
    assert bad.measures["r_at_1"]["value"] == 0
    assert bad.measures["r_at_10"]["value"] == 1
    assert bad.against["version"] == "good@1"
    assert bad.against["differences"]["r_at_1"]["high"] < 0
    assert good.coverage["passage"]["stored"] == DIM
    assert good.cost["caption_ms"] >= 0


@pytest.mark.django_db(transaction=True)
def test_a_version_that_is_retired_before_its_coverage_is_counted_ends_the_job_in_a_sentence(
    passages, monkeypatch
):
    version, cost = version_of(passages, name="good"), measure.cost_of

    def retired_meanwhile(*asked):
        found = cost(*asked)
        table_drop(version)
        version_move(version, VersionState.RETIRED)
        monkeypatch.setattr(VectorTable, "exists", lambda _: True)  # it was there a moment ago
        return found

    job = evaluation_start(evaluation_set=qrels_set(), version=version)
    monkeypatch.setattr(measure, "cost_of", retired_meanwhile)
    assert run_job_inline(job).error_id == "model.not_ready"


def test_a_collections_own_pairs_ask_in_both_directions(passages):
    images = []
    for number, passage in enumerate(passages[:4]):
        blob = blob_store(grey(number), "image/png")
        images.append(DocumentImage.objects.create(document=passage.document, ordinal=0, blob=blob))
    made = evaluation_set_create(new=NewSet(name="pairs", source="pairs", collection="public"))
    version = version_of(passages)
    vectors_write(version, "image", [image.pk for image in images], np.eye(DIM, dtype=np.float32)[:4])
    found = measured(made, version)
    assert made.size == 8
    assert found["image → passages"].measures["r_at_1"]["value"] == 1
    assert found["text → images"].queries == 4
    assert found["text → images"].measures["mrr"]["value"] == 1


def test_judged_searches_are_asked_again_and_leave_the_set_with_the_search(passages):
    documents = list(Document.objects.order_by("pk"))
    kept = [make_query(modality="text", text=str(number)) for number in range(2)]
    for number, query in enumerate(kept):
        Judgement.objects.create(query=query, document=documents[number], grade=3, session="rater")
    made = evaluation_set_create(new=NewSet(name="judged", source="judgements"))
    (found,) = measured(made, version_of(passages)).values()
    assert found.queries == 2
    assert found.measures["r_at_1"]["value"] == 1
    kept[0].delete()
    assert made.queries.count() == 1
    assert made.size == 2


def test_a_zip_brings_pictures_that_ask(passages):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "set/queries.jsonl", "\n".join(json.dumps({"id": f"q{n}", "image": f"{n}.png"}) for n in (1, 2))
        )
        for number in (1, 2):
            archive.writestr(f"set/{number}.png", grey(number))
    made = qrels_set(queries=packed.getvalue(), qrels=b"q1 0 public/d1 2\nq2 0 d2 1\n")
    (found,) = measured(made, version_of(passages)).values()
    assert found.direction == "image → passages"
    assert found.measures["r_at_1"]["value"] == 1
    evaluation_set_delete(evaluation_set=made)
    assert not Blob.objects.exclude(pk="f" * 64).exists()


def test_a_job_that_runs_again_keeps_no_second_row(passages):
    made, version = qrels_set(), version_of(passages)
    job = evaluation_start(evaluation_set=made, version=version)
    run_job_inline(job)
    Job.objects.filter(pk=job.pk).update(state="queued")
    run_job_inline(Job.objects.get(pk=job.pk))
    assert EvaluationResult.objects.count() == 1
    measured(made, version)
    assert EvaluationResult.objects.count() == 2


@pytest.mark.parametrize("change", ["document", "gone", "none"])
def test_a_champion_that_was_measured_before_documents_changed_is_measured_again(passages, change):
    made, good = qrels_set(), version_of(passages, name="good")
    other = version_of(passages, name="other", champion=False)
    measured(made, good)
    if change == "document":
        Document.objects.order_by("pk")[7].save()
    if change == "gone":
        Document.objects.order_by("pk")[7].delete()
    (row,) = measured(made, other).values()
    runs = list(made.results.filter(version=good).values_list("run", flat=True))
    assert len(runs) == (1 if change == "none" else 2)
    assert (runs[-1] == row.run) is (change != "none")
    assert row.against["differences"]["r_at_1"]["value"] == 0


def test_a_champion_that_was_never_measured_is_measured_along(passages):
    made, good = qrels_set(), version_of(passages, name="good")
    (bad,) = measured(made, version_of(passages, name="bad", moved=1, champion=False)).values()
    assert bad.against["version"] == good.key
    assert made.results.filter(version=good, run=bad.run).count() == 1


def test_a_document_that_is_gone_takes_only_its_own_answers_away(passages):
    made, version = qrels_set(), version_of(passages)
    Document.objects.order_by("pk")[0].delete()
    (found,) = measured(made, version).values()
    assert found.queries == 2


def test_every_ready_version_is_measured_the_champion_first(passages):
    made = qrels_set()
    other, first = version_of(passages, name="other", champion=False), version_of(passages, name="first")
    jobs = evaluation_start_all(evaluation_set=made)
    assert [job.params["version"] for job in jobs] == [first.pk, other.pk]


def test_only_a_version_with_vectors_is_measured(passages):
    made, version = qrels_set(), version_of(passages)
    ModelVersion.objects.filter(pk=version.pk).update(state="retired")
    with pytest.raises(AppError) as refused:
        evaluation_start(evaluation_set=made, version=ModelVersion.objects.get(pk=version.pk))
    assert refused.value.id == "version.wrong_state"


@pytest.mark.parametrize(
    ("queries", "qrels", "error"),
    [
        (b"q0 without a tab", QRELS, "evaluation.line"),
        (b"q0\t0\nq0\t1", QRELS, "evaluation.line"),
        (b'{"id": "q0", "image": "0.png"}', QRELS, "evaluation.line"),
        (b'{"id": "q0"', QRELS, "evaluation.line"),
        (b"\xff\xfe", QRELS, "evaluation.file_not_text"),
        (b"PK\x03\x04 no zip", QRELS, "evaluation.file_damaged"),
        (QUERIES, b"q0 0 d0 high", "evaluation.line"),
        (QUERIES, b"q0 d0", "evaluation.line"),
        (QUERIES, b"q0 0 nowhere 1", "evaluation.line_document"),
        (QUERIES, b"q0 0 d0 0", "evaluation.nothing"),
        (QUERIES, b"q\x000 0 d0 1\nq0 0 d0 1", "evaluation.line"),
        (b"x" * 4_000_001, QRELS, "evaluation.file_too_large"),
        ("\n".join(f"q{n}\tw" for n in range(2001)).encode(), QRELS, "evaluation.file_too_large"),
    ],
)
def test_files_that_cannot_be_used_are_refused_with_nothing_kept(passages, queries, qrels, error):
    with pytest.raises(AppError) as refused:
        qrels_set(queries=queries, qrels=qrels)
    assert refused.value.id == error
    assert not EvaluationSet.objects.exists()


def test_a_zip_bomb_and_a_missing_picture_are_refused(passages):
    for members in ({"q.tsv": b"id\timage\nq0\tnone.png"}, {"q.tsv": b"0" * 8_000_000}):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        with pytest.raises(AppError) as refused:
            qrels_set(queries=packed.getvalue())
        assert refused.value.id in ("evaluation.line", "evaluation.file_damaged")


def test_a_name_is_taken_once(passages):
    qrels_set()
    with pytest.raises(AppError) as refused:
        qrels_set()
    assert refused.value.id == "evaluation.name_taken"


def test_other_separators_than_line_ends_are_part_of_the_words(passages):
    made = qrels_set(queries="q0\ta\u2028b\x85c\nq1\t1\n".encode(), qrels=b"q0 0 d0 1\nq1 0 d1 1\n")
    assert list(made.queries.order_by("pk").values_list("text", flat=True)) == ["a\u2028b\x85c", "1"]


def test_an_id_that_begins_like_an_exported_one_is_found_as_it_is_written(passages):
    Document.objects.filter(external_id="d0").update(external_id="public/d0")
    made = qrels_set(qrels=b"q0 0 public/d0 1\nq1 0 public/d1 1\n")
    wanted = [Document.objects.get(external_id=name).pk for name in ("public/d0", "d1")]
    found = made.queries.order_by("pk").values_list("grades", flat=True)
    assert [list(grades) for grades in found] == [[str(pk)] for pk in wanted]


def test_windows_lines_and_a_header_are_read(passages):
    made = qrels_set(
        queries=b"query-id\ttext\r\nq0\t0\r\n", qrels=b"query-id\tcorpus-id\tscore\r\nq0\td0\t1\r\n"
    )
    assert made.size == 1


def qrels_of(queries):
    """So many queries, each with the document that the good version finds first."""
    asked = "".join(f"q{number}\t{number % DIM}\n" for number in range(queries)).encode()
    answers = "".join(f"q{number} 0 d{number % DIM} 1\n" for number in range(queries)).encode()
    return qrels_set(queries=asked, qrels=answers)


def test_the_gate_refuses_what_a_set_finds_worse_and_is_overridden(passages, monkeypatch):
    monkeypatch.setattr("models_admin.services._warm", lambda version: None)
    good = version_of(passages, name="good")
    bad = version_of(passages, name="bad", moved=1, champion=False)
    measured(qrels_of(QUERIES_MIN), bad)
    with pytest.raises(AppError, match=r"version\.judged_worse") as refused:
        version_activate(version=bad)
    words = f"filed, text → passages, nDCG@10 on {QUERIES_MIN} queries: worse than good@1: -"
    assert refused.value.message.startswith(words)
    version_activate(version=bad, force=True)
    assert champion() == bad
    assert evaluation_verdict(good, bad).says == "It was not measured beside bad@1 by an evaluation set."


def test_what_a_set_finds_better_or_of_too_few_queries_is_shown_and_stops_nothing(passages):
    good = version_of(passages, name="good", champion=False)
    bad = version_of(passages, name="bad", moved=1)
    assert evaluation_verdict(good, bad) is None
    made = qrels_of(QUERIES_MIN - 1)
    measured(made, good)
    Alias.objects.update(version=good)
    measured(made, bad)
    found = evaluation_verdict(bad, good)
    assert ("worse than good@1" in found.says, "too few" in found.says, found.is_worse) == (True, True, False)
    found = evaluation_verdict(good, bad)
    assert ("better than bad@1: +" in found.says, found.is_worse) == (True, False)


def test_the_newest_result_counts_and_what_is_worse_stands_first(passages):
    good = version_of(passages, name="good")
    bad = version_of(passages, name="bad", moved=1, champion=False)
    made = qrels_of(QUERIES_MIN)
    (worse,) = measured(made, bad).values()
    kept = {"version": bad, "direction": "image → passages", "queries": QUERIES_MIN}
    close = {
        "version": "good@1",
        "queries": QUERIES_MIN,
        "differences": {"ndcg_at_10": {"value": 0.0, "low": -0.1, "high": 0.1}},
    }
    made.results.create(**kept, against=close)
    found = evaluation_verdict(bad, good)
    assert found.says.index("worse than") < found.says.index("no clear difference")
    assert found.is_worse
    made.results.create(**kept | {"direction": worse.direction}, against=close)
    assert not evaluation_verdict(bad, good).is_worse
