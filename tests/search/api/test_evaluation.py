"""Evaluation sets for programs: made, measured, read over time, deleted; by those who manage models alone."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from rest_framework.test import APIClient

from models_admin.models import Alias
from search.models import EvaluationSet
from search.services.tokens import token_create
from tests.search.api.conftest import error_id
from tests.search.api.test_schema import assert_described
from tests.support.corpus import make_collection, make_documents, make_version
from tests.support.evaluated import evaluated_pairs
from workers.models import Blob, Job

pytestmark = pytest.mark.django_db
SETS = "/api/v1/evaluation-sets/"
FILES = {"queries": b"a\tfirst\nb\tsecond\n", "qrels": b"a 0 d0 1\nb 0 d1 2\n"}


def client_of(user) -> APIClient:
    client = APIClient()
    _, key = token_create(user=user, name="test", scopes=("read", "write"))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def root(admin_user):
    return client_of(admin_user)


@pytest.fixture
def measured():
    return evaluated_pairs(2)


def filed(root, **files):
    made = {name: ContentFile(content, name) for name, content in (FILES | files).items()}
    body = {"name": "Filed", "source": "qrels", "collection": "public", "note": "Field test", **made}
    return root.post(SETS, body, format="multipart")


def test_a_set_of_files_is_made_shown_measured_and_deleted(root):
    make_documents(make_collection(), 2)
    version = make_version(dim=8)
    made = filed(root)
    assert made.status_code == 201, made.content
    address = made.headers["Location"]
    assert (made.json()["size"], made.json()["queries"], made.json()["collection"]) == (2, 2, "public")
    assert_described(root.get(address), f"{SETS}{{set_id}}/", "get")
    queries = root.get(f"{address}queries/")
    assert [row["text"] for row in queries.json()["results"]] == ["first", "second"]
    assert_described(queries, f"{SETS}{{set_id}}/queries/", "get")
    started = root.post(f"{address}measure/", {"model": version.key}, format="json")
    assert_described(started, f"{SETS}{{set_id}}/measure/", "post")
    assert [job["id"] for job in started.json()["jobs"]] == [str(Job.objects.get().pk)]
    assert root.post(f"{address}measure/").json()["jobs"][0]["id"] == str(Job.objects.get().pk)
    assert root.delete(address).status_code == 204
    assert error_id(root.get(address)) == "evaluation.not_found"


def test_a_wrong_line_is_named_and_nothing_is_kept(root):
    make_documents(make_collection(), 2)
    refused = filed(root, qrels=b"a 0 d0 1\nb 0 nowhere 2\n")
    assert (refused.status_code, error_id(refused)) == (422, "evaluation.line_document")
    assert refused.json()["error"]["detail"]["line"] == 2
    nothing = root.post(SETS, {"name": "J", "source": "judgements"}, format="json")
    assert error_id(nothing) == "evaluation.nothing"
    elsewhere = root.post(SETS, {"name": "P", "source": "pairs", "collection": "none"}, format="json")
    assert error_id(elsewhere) == "collection.not_found"
    assert not EvaluationSet.objects.exists()


def test_a_name_is_given_once(root, measured):
    again = root.post(SETS, {"name": measured.name, "source": "pairs", "collection": "public"}, format="json")
    assert (again.status_code, error_id(again)) == (409, "evaluation.name_taken")


def test_results_are_read_over_time_with_cost_and_coverage(root, measured):
    address = f"{SETS}{measured.pk}/results/"
    answer = root.get(address)
    assert_described(answer, f"{SETS}{{set_id}}/results/", "get")
    newest, *_, oldest = answer.json()["results"]
    assert (newest["model"], oldest["model"]) == ("second@1", "first@1")
    assert newest["measures"]["r_at_1"]["value"] == pytest.approx(0.55)
    assert newest["against"]["model"] == "first@1"
    assert oldest["against"] is None
    assert newest["cost"]["photo_ms"] == 7.1
    assert newest["coverage"] == [{"kind": "passage", "total": 10, "stored": 9, "broken": 0, "missing": 1}]
    narrowed = root.get(f"{address}?model=champion&direction=text → images").json()["results"]
    assert [(row["model"], row["direction"]) for row in narrowed] == [("first@1", "text → images")]
    assert error_id(root.get(f"{address}?model=no@1")) == "model.not_found"


def test_a_version_that_is_not_ready_is_not_measured(root, measured):
    Alias.objects.all().delete()
    for version in {row.version for row in measured.results.select_related("version")}:
        version.state = "retired"
        version.save()
    address = f"{SETS}{measured.pk}/measure/"
    assert error_id(root.post(address, {"model": "second@1"}, format="json")) == "version.wrong_state"
    assert error_id(root.post(address)) == "model.none_active"


def test_others_than_operators_are_refused_before_a_file_is_read(measured, django_user_model):
    staff = client_of(django_user_model.objects.create_user("staff", is_staff=True))
    for response in (
        staff.get(SETS),
        staff.get(f"{SETS}{measured.pk}/"),
        staff.get(f"{SETS}{measured.pk}/queries/"),
        staff.get(f"{SETS}{measured.pk}/results/"),
        staff.post(f"{SETS}{measured.pk}/measure/"),
        staff.delete(f"{SETS}{measured.pk}/"),
        filed(staff),
    ):
        assert (response.status_code, error_id(response)) == (403, "permission.denied")
    assert EvaluationSet.objects.count() == 1
    assert not Blob.objects.filter(content_type="").exists()
