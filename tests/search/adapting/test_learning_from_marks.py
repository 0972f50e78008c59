"""The whole story: marks → a job → a version that is ready, whose vectors and answers are the base's, mapped."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from models_admin import services
from models_admin.adapted import adapter_of, base_of
from models_admin.job_types import LEARN, MEASURE
from models_admin.learning import version_learn
from models_admin.models import ModelVersion, VersionState
from retrieval_site.errors import AppError
from search.adapting import collect
from search.adapting.collect import examples_of
from search.adapting.searches import learnable_searches
from search.indexing import remap
from search.indexing.encoders import encoder_of
from search.judged.searches import judged_searches
from search.models import DocumentImage, Judgement, Passage, Query
from search.retrieval.encode import Known
from search.retrieval.runner import Asked, run
from search.retrieval.scope import make_scope
from search.retrieval.types import EncodedPart, EncodedQuery
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_save, encode_soon
from search.vectors.coverage import coverage
from search.vectors.read import unit_vectors
from search.vectors.tables import VectorTable, table_drop
from tests.search.adapting.conftest import mark
from tests.support.corpus import picture
from workers.inference.pictures import open_picture, to_pixels
from workers.jobs.errors import JobPaused
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_resume
from workers.models import Job

pytestmark = pytest.mark.django_db


def learned(version, **asked):
    job = run_job_inline(version_learn(version=version, **asked))
    assert job.state == "succeeded", job.error
    return LEARN.result_of(job)


def vectors_of(version, kind):
    units = (Passage if kind == "passage" else DocumentImage).objects.values_list("pk", flat=True)
    found = unit_vectors(version, kind, units)
    return np.array([found[unit] for unit in sorted(found)])


def photo_of(version, rgb):
    encoder = encoder_of(version)
    return encoder.encode_pixels(to_pixels(open_picture(picture(rgb, seed=77)), encoder.manifest.image)[None])


def test_marks_become_a_version_that_is_ready_and_answers_as_the_map_of_its_base_does(
    encoded_version, collection
):
    mark(encoded_version, count=90)
    found = learned(encoded_version)
    assert "First hits" in found.said
    assert "95 % interval" in found.said
    new = ModelVersion.objects.get(pk=found.new_id)
    assert (new.key, new.state, found.new) == ("tiny@2", VersionState.READY, "tiny@2")
    assert new.manifest["training"]["adapted_from"] == "tiny@1"
    measured = new.manifest["metrics"]["learned_from_marks"]
    assert measured["first_hits_after"] > measured["first_hits_before"]
    assert measured["mean_reciprocal_rank_gain_low"] > 0
    assert measured["searches"] == found.searches == len(list(learnable_searches(encoded_version)))
    assert found.coverage["passage"].missing == found.coverage["image"].missing == 0

    maps = adapter_of(new)
    assert set(maps) == {"image"}
    assert np.array_equal(vectors_of(new, "passage"), vectors_of(encoded_version, "passage"))
    mapped = maps["image"].vectors(vectors_of(encoded_version, "image"))
    np.testing.assert_allclose(vectors_of(new, "image"), mapped, atol=1e-3)
    assert not np.allclose(vectors_of(new, "image"), vectors_of(encoded_version, "image"), atol=0.02)

    asked = photo_of(new, (200, 40, 40))
    np.testing.assert_allclose(
        asked, maps["image"].vectors(photo_of(encoded_version, (200, 40, 40))), atol=1e-4
    )
    scope = make_scope(VectorTable(new.pk, "passage"), (collection.pk,), {})
    answer = run(Asked(Known(EncodedQuery(new, (EncodedPart("image", asked),))), scope, 10, 10)).documents
    scores = np.sort(vectors_of(encoded_version, "passage") @ asked[0])[::-1]
    np.testing.assert_allclose([hit.score for hit in answer], scores[:10], atol=2e-3)


def test_what_comes_of_it_passes_the_gate_and_learns_again_from_all_marks(taken_for_valid, version):
    services.alias_point("champion", version, None, by=None, reason="")
    mark(version, count=90)
    new = ModelVersion.objects.get(pk=learned(version).new_id)
    measuring = Job.objects.get(type=MEASURE.name, params__version=new.pk)
    assert run_job_inline(measuring).state == "succeeded"
    new.refresh_from_db()
    assert new.judged["searches"] == len(judged_searches()) > 10
    assert not {query.pk for query in learnable_searches(version)} & {
        search.query.pk for search in judged_searches()
    }
    # The learned version learns from its base, so that maps do not pile up.
    again = learned(new)
    assert again.searches == len(list(learnable_searches(version)))
    third = ModelVersion.objects.get(pk=again.new_id)
    assert third.manifest["training"]["adapted_from"] == version.key
    assert base_of(third) == base_of(new) == version


def test_marks_that_mean_nothing_make_no_version(version):
    mark(version, count=90, is_random=True)
    found = learned(version)
    assert found.said.startswith("Nothing to learn: on ")
    assert (found.new, ModelVersion.objects.count()) == (None, 1)


def test_too_few_marks_say_how_many_are_needed(version):
    out = StringIO()
    mark(version, count=4)
    call_command("learn_from_marks", version.key, stdout=out)
    assert "and 10 are needed" in out.getvalue()
    assert ModelVersion.objects.count() == 1


def test_the_command_learns_from_one_collection_and_knows_its_name(taken_for_valid, version, collection):
    mark(version, count=90)
    out = StringIO()
    call_command("learn_from_marks", version.key, collection=collection.slug, stdout=out)
    assert "tiny@2 is ready" in out.getvalue()
    with pytest.raises(CommandError, match="no collection elsewhere"):
        call_command("learn_from_marks", version.key, collection="elsewhere")


def test_searches_of_another_version_are_encoded_again_and_those_that_measure_left_out(encoded_version):
    mark(encoded_version, count=30)
    kept = list(learnable_searches(encoded_version))
    ids = [query.pk for query in kept]
    assert 10 < len(ids) < 30
    Query.objects.update(version=None)
    found = examples_of(encoded_version, None, _Quiet())
    assert len(found.judged) == len(ids)
    dark = photo_of(encoded_version, (9, 9, 9))[0]
    assert float(found.judged[0].query @ dark) > 0.9
    assert {len(one.relevant) for one in found.judged} == {1}
    assert found.images.shape == found.texts.shape == (12, encoded_version.dim)


def test_related_documents_count_neither_way_and_the_best_grade_weighs_most(version):
    best, right, related, wrong = Passage.objects.order_by("pk")[:4]
    vectors = unit_vectors(version, "passage", [one.pk for one in (best, right, related, wrong)])
    mark(version, count=30)
    query = next(iter(learnable_searches(version)))
    query.judgements.all().delete()
    for passage, grade in ((right, 2), (wrong, 0), (best, 3), (related, 1)):
        Judgement.objects.create(query=query, document=passage.document, grade=grade, session="rater")
    (found,) = (one for one in examples_of(version, None, _Quiet()).judged if len(one.relevant) == 2)
    np.testing.assert_array_equal(found.relevant, [vectors[best.pk], vectors[right.pk]])
    np.testing.assert_allclose(found.right, [1, 2 / 3])
    np.testing.assert_array_equal(found.rejected, [vectors[wrong.pk]])


def test_a_run_that_was_stopped_goes_on_with_the_version_that_it_made(taken_for_valid, version, monkeypatch):
    mark(version, count=90)
    job = version_learn(version=version)
    real, calls = remap.vectors_write, []

    def stop(*args):
        calls.append(args)
        if len(calls) == 1:
            raise JobPaused
        return real(*args)

    monkeypatch.setattr(remap, "vectors_write", stop)
    monkeypatch.setattr(remap, "FLOATS_AT_ONCE", 5 * version.dim)
    assert run_job_inline(job).state == "paused"
    assert ModelVersion.objects.count() == 2
    assert run_job_inline(job_resume(Job.objects.get(pk=job.pk))).state == "succeeded"
    new = ModelVersion.objects.get(number=2)
    assert new.state == VersionState.READY
    assert len(calls) == 4  # 12 pictures, five at a time, and the first once more
    assert all(one.complete for one in coverage(new).values())


@pytest.mark.django_db(transaction=True)
def test_a_base_that_is_retired_while_it_is_learned_from_ends_the_job_in_a_sentence(version, monkeypatch):
    mark(version, count=90)
    job, sample = version_learn(version=version), collect.units_sample

    def retired_meanwhile(*asked):
        table_drop(version)
        services.version_move(version, VersionState.RETIRED)
        return sample(*asked)

    monkeypatch.setattr(collect, "units_sample", retired_meanwhile)
    done = run_job_inline(job)
    assert (done.state, done.error_id) == ("failed", "model.not_ready")


def test_what_the_base_lacks_is_encoded(taken_for_valid, encoded_version, collection):
    mark(encoded_version, count=90)
    new = ModelVersion.objects.get(pk=learned(encoded_version).new_id)
    services.version_retire(version=new)
    documents_save(
        collection=collection, records=[DocumentRecord("late", DocumentFields(body="a rusty red pump"))]
    )
    new.refresh_from_db()
    assert run_job_inline(services.version_prepare(version=new)).state == "succeeded"
    assert coverage(new)["passage"].complete
    assert not coverage(encoded_version)["passage"].complete
    assert run_job_inline(encode_soon()).state == "succeeded"
    np.testing.assert_allclose(vectors_of(new, "passage"), vectors_of(encoded_version, "passage"), atol=1e-3)


def test_without_the_bases_vectors_everything_is_encoded_and_nothing_can_be_learned(
    taken_for_valid, encoded_version
):
    mark(encoded_version, count=90)
    new = ModelVersion.objects.get(pk=learned(encoded_version).new_id)
    mapped = vectors_of(new, "image")
    for one in (encoded_version, new):
        table_drop(one)
        ModelVersion.objects.filter(pk=one.pk).update(state=VersionState.RETIRED)
        one.refresh_from_db()
    assert run_job_inline(services.version_prepare(version=new)).state == "succeeded"
    np.testing.assert_allclose(vectors_of(new, "image"), mapped, atol=2e-3)
    new.refresh_from_db()
    with pytest.raises(AppError, match=r"version\.cannot_learn") as refused:
        version_learn(version=new)
    assert refused.value.detail["base"] == encoded_version.key
    with pytest.raises(AppError, match=r"version\.wrong_state"):
        version_learn(version=encoded_version)


class _Quiet:
    """A job's context that nobody watches."""

    def stage(self, *_args, **_more):
        pass

    advance = checkpoint = stage
