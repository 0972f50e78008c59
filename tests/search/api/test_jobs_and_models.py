"""Jobs and model versions over HTTP."""

from __future__ import annotations

from dataclasses import fields

import pytest
from django.core.files.base import ContentFile
from rest_framework.test import APIClient

from models_admin.judged import Measures
from models_admin.models import Alias, ModelVersion
from search.models import Document, InterleavedAnswer, Membership
from tests.search.api.conftest import error_id, make_version
from tests.support.queries import make_query
from tests.support.tiny_bundle import make_tiny_bundle
from workers.jobs.runner import run_job_inline
from workers.models import Job

JOBS, MODELS = "/api/v1/jobs/", "/api/v1/models/"


def refused(response) -> tuple[int, str]:
    return response.status_code, error_id(response)


def test_people_see_their_own_jobs_and_superusers_all(world):
    Job.objects.create(type="encode", owner=world.users["reader"])
    counts = {
        who: len(world.client(who).get(JOBS).json()["results"]) for who in ("reader", "stranger", "root")
    }
    assert counts == {"reader": 1, "stranger": 0, "root": 2}
    assert refused(APIClient().get(JOBS)) == (401, "auth.required")


def test_curators_of_the_collection_see_its_imports_and_nobody_elses_jobs(world):
    encode = Job.objects.create(type="encode", owner=world.users["curator"])
    Document.objects.create(collection=world.secret, external_id="gone", import_job=world.job)
    Membership.objects.create(collection=world.secret, user=world.users["stranger"], role="curator")
    stranger = world.client("stranger")
    assert [job["id"] for job in stranger.get(JOBS).json()["results"]] == [str(world.job.pk)]
    assert refused(stranger.get(f"{JOBS}{encode.pk}/")) == (404, "job.not_found")
    assert stranger.post(f"{JOBS}{world.job.pk}/undo/").json()["type"] == "undo_import"


def test_jobs_are_listed_newest_first_by_type_and_state(world):
    Job.objects.create(type="encode", owner=world.users["curator"])
    curator = world.client("curator")
    assert [job["type"] for job in curator.get(JOBS).json()["results"]] == ["encode", "import"]
    assert [job["type"] for job in curator.get(JOBS, {"state": "failed"}).json()["results"]] == ["import"]
    assert curator.get(JOBS, {"type": "prepare"}).json()["results"] == []


def test_failed_items_say_why(world):
    (item,) = world.client("curator").get(f"{JOBS}{world.job.pk}/failed/").json()["results"]
    assert (item["key"], item["error_id"], item["reason"]) == ("line 1", "import.bad", "Bad line.")


def test_a_job_is_paused_resumed_cancelled_and_retried(world):
    job = Job.objects.create(type="encode", owner=world.users["curator"])
    curator = world.client("curator")
    for action, state in [
        ("pause", "paused"),
        ("resume", "queued"),
        ("cancel", "cancelled"),
        ("retry", "queued"),
    ]:
        assert curator.post(f"{JOBS}{job.pk}/{action}/").json()["state"] == state


def test_retrying_a_job_with_failed_items_tries_these_alone(world):
    assert world.client("curator").post(f"{JOBS}{world.job.pk}/retry/").json()["state"] == "queued"
    world.job.refresh_from_db()
    assert world.job.params["only_failed"] is True


def test_an_action_that_a_state_does_not_allow_is_a_conflict(world):
    assert refused(world.client("curator").post(f"{JOBS}{world.job.pk}/resume/")) == (409, "job.wrong_state")


def test_an_import_is_undone_by_a_job_after_saying_what_goes(world):
    address, secret = f"{JOBS}{world.job.pk}/undo/", world.secret
    world.job.params = {"collection": secret.pk, "filename": "notes.jsonl"}
    world.job.save()
    for name, changed in [("kept", True), ("gone", False), ("gone too", False)]:
        Document.objects.create(
            collection=secret, external_id=name, import_job=world.job, changed_since_import=changed
        )
    curator = world.client("curator")
    assert curator.get(address).json() == {"documents": 2, "judgements": 0, "changed_since": 1}
    answer = curator.post(address)
    assert (answer.status_code, answer.json()["type"]) == (202, "undo_import")
    assert answer["Location"] == f"{JOBS}{answer.json()['id']}/"
    run_job_inline(Job.objects.get(pk=answer.json()["id"]))
    left = Document.objects.filter(collection=secret).values_list("external_id", flat=True)
    assert sorted(left) == ["kept", "secret-1"]
    assert curator.get(f"{JOBS}{world.job.pk}/").json()["result"]["undone_by"] == answer.json()["id"]
    assert refused(curator.post(f"{JOBS}{world.job.pk}/retry/")) == (409, "job.undone")
    assert refused(curator.post(address)) == (409, "import.nothing_to_undo")


def test_undoing_needs_the_write_scope_and_the_collection(world):
    address = f"{JOBS}{world.job.pk}/undo/"
    assert refused(world.client("curator", "read").post(address)) == (403, "scope.missing")
    Membership.objects.filter(user=world.users["curator"]).delete()
    assert refused(world.client("curator").get(address)) == (403, "job.not_permitted")
    assert refused(world.client("curator").post(address)) == (403, "job.not_permitted")


def test_a_job_can_be_read_but_not_moved_without_the_write_scope(world):
    reads = world.client("curator", "read")
    assert reads.get(f"{JOBS}{world.job.pk}/").status_code == 200
    assert refused(reads.post(f"{JOBS}{world.job.pk}/retry/")) == (403, "scope.missing")


def test_how_much_of_the_whole_corpus_has_vectors_is_for_operators(world):
    Job.objects.update(result={"new": 2, "coverage": {"small@1": {"passages": 99}}})
    address = f"{JOBS}{world.job.pk}/"
    assert world.client("curator").get(address).json()["result"] == {"new": 2}
    assert "coverage" in world.client("root").get(address).json()["result"]


def test_versions_that_cannot_be_used_are_known_to_operators_only(world):
    make_version(number=2, state="refused", error_id="bundle.bad", error="Bad.", note="try")
    names = {who: models(world.client(who)) for who in ("anonymous", "staff", "root")}
    assert names == {"anonymous": ["small@1"], "staff": ["small@1"], "root": ["small@1", "small@2"]}
    assert refused(world.client("staff").get(f"{MODELS}small@2/")) == (404, "model.not_found")
    told = world.client("root").get(f"{MODELS}small@2/").json()
    assert (told["error"], told["note"]) == ({"id": "bundle.bad", "message": "Bad."}, "try")


def models(client) -> list[str]:
    return [row["model"] for row in client.get(MODELS).json()["results"]]


def test_a_version_is_known_by_alias_too(world):
    shown = APIClient().get(f"{MODELS}champion/").json()
    assert (shown["model"], shown["aliases"], shown["licence"]) == ("small@1", ["champion"], "Apache-2.0")
    assert (shown["error"], shown["report"], shown["note"]) == (None, None, None)


def test_an_uploaded_bundle_is_validated_by_a_job(world, tmp_path):
    path = make_tiny_bundle(tmp_path / "tiny.zip")
    form = {"bundle": ContentFile(path.read_bytes(), "tiny.zip"), "note": "first"}
    response = world.client("root").post(MODELS, form, format="multipart")
    assert response.status_code == 202
    told = response.json()
    assert (told["version"]["state"], told["version"]["note"]) == ("uploaded", "first")
    assert Job.objects.get(pk=told["job"]["id"]).type == "validate"


def test_what_is_no_bundle_is_refused_with_its_reason(world):
    form = {"bundle": ContentFile(b"no zip", "x.zip")}
    response = world.client("root").post(MODELS, form, format="multipart")
    assert response.status_code == 400
    assert error_id(response).startswith("bundle.")
    assert ModelVersion.objects.count() == 1


def test_preparing_is_a_job(world):
    response = world.client("root").post(f"{MODELS}small@1/prepare/")
    assert response.status_code == 202
    assert Job.objects.get(pk=response.json()["id"]).params == {"version": world.version.pk}


def test_measuring_by_judgements_is_a_job_for_operators(world):
    answer = world.client("root").post(f"{MODELS}small@1/measure/")
    assert (answer.status_code, answer.json()["type"]) == (202, "measure")
    assert world.client("reader").post(f"{MODELS}small@1/measure/").status_code == 403


def test_a_version_that_was_judged_worse_is_activated_by_force_alone(world, complete):
    other, root = make_version(number=2), world.client("root")
    found = {"value": -0.2, "low": -0.3, "high": -0.1}
    measures = dict.fromkeys((field.name for field in fields(Measures)), 0.5)
    judged = {
        "measured_at": "2026-11-28T12:00:00+00:00", "searches": 9, "left_out": 0, "measures": measures,
        "champion": "small@1", "champion_measures": measures, "differences": dict.fromkeys(measures, found),
    }  # fmt: skip
    type(other).objects.filter(pk=other.pk).update(judged=judged)
    answer = root.post(f"{MODELS}small@2/activate/")
    assert (answer.status_code, answer.json()["error"]["id"]) == (409, "version.judged_worse")
    assert root.post(f"{MODELS}small@2/activate/", {"force": True}).json()["judged"] == judged
    assert world.client("reader").get(f"{MODELS}small@2/").json()["judged"] is None


@pytest.fixture
def complete(monkeypatch):
    """Vectors that answer as if nothing were missing, and workers that are warm: neither is under test here."""
    from models_admin import services

    monkeypatch.setattr(services, "check_complete", lambda version: None)
    monkeypatch.setattr(services, "_warm", lambda version: None)


def test_switching_and_rolling_back(world, complete):
    make_version(number=2)
    root = world.client("root")
    assert root.post(f"{MODELS}small@2/activate/", {"reason": "better"}).json()["aliases"] == ["champion"]
    assert root.post(f"{MODELS}rollback/").json()["model"] == "small@1"
    assert Alias.objects.get(name="champion").version == world.version


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("rollback/", "version.nothing_to_roll_back"),
        ("small@1/activate/", "version.already_active"),
        ("small@1/retire/", "version.in_use"),
        ("small@2/activate/", "version.wrong_state"),
    ],
)
def test_what_the_registry_refuses_is_a_conflict(path, expected, world, complete):
    make_version(number=2, state="valid")
    assert refused(world.client("root").post(MODELS + path)) == (409, expected)


def test_an_operator_deletes_a_refused_version_and_no_other(world):
    version = make_version(name="bad", state="refused")
    url = f"{MODELS}{version.key}/"
    assert refused(world.client("curator").delete(url)) == (403, "permission.denied")
    root = world.client("root")
    assert root.delete(url).status_code == 204
    assert refused(root.get(url)) == (404, "model.not_found")
    assert refused(root.delete(f"{MODELS}small@1/")) == (409, "version.wrong_state")


def test_operators_tag_versions_and_everybody_who_sees_them_finds_them_by_a_tag(world):
    version = make_version(number=2)
    root, reader = world.client("root"), world.client("reader")
    tagged = root.patch(
        f"{MODELS}{version.key}/", {"tags": ["autumn", " pumps ", "autumn", ""]}, format="json"
    )
    assert tagged.status_code == 400  # an empty tag is none
    tagged = root.patch(f"{MODELS}{version.key}/", {"tags": ["autumn", " pumps ", "autumn"]}, format="json")
    assert tagged.json()["tags"] == ["autumn", "pumps"]
    for who, tag, found in [(root, "pumps", [version.key]), (root, "pump", []), (root, "spring", [])]:
        assert [one["model"] for one in who.get(MODELS, {"tag": tag}).json()["results"]] == found
    assert refused(reader.patch(f"{MODELS}champion/", {"tags": ["x"]}, format="json"))[0] == 403
    for tags in (["x" * 51], [str(n) for n in range(21)], "x"):
        answer = root.patch(f"{MODELS}{version.key}/", {"tags": tags}, format="json")
        assert refused(answer) == (400, "parameter.invalid")


def test_a_challenger_is_made_compared_and_ended(world, complete):
    make_version(number=2)
    root, address = world.client("root"), f"{MODELS}small@2/challenger/"
    assert error_id(root.get(address)) == "model.not_found"
    made = root.post(address, {"share": 0.2})
    assert made.json() == {
        "model": "small@2", "share": 0.2, "interleaved": 0.0, "budget_ms": 50, "by_turns": None,
    }  # fmt: skip
    changed = root.post(address, {"interleaved": 0.05, "budget_ms": 80}).json()
    assert (changed["share"], changed["interleaved"], changed["budget_ms"]) == (0.2, 0.05, 80)
    InterleavedAnswer.objects.create(
        query=make_query(modality="text", text="pump"),
        version=Alias.objects.get(name="challenger").version,
        answered_by=world.version,
        outcome=InterleavedAnswer.Outcome.LATE,
        waited_ms=80.0,
    )
    found = root.get(address).json()["by_turns"]
    assert (found["late"], found["wins"], found["counts"]) == (1, 0, False)
    assert error_id(root.post(address, {"share": 2})) == "parameter.invalid"
    assert world.client("reader").post(address, {"share": 0.1}).status_code == 403
    assert world.client("reader").get(address).status_code == 403
    assert root.delete(address).status_code == 204
    assert not Alias.objects.filter(name="challenger").exists()
    assert root.delete(address).status_code == 404
