"""The schema is valid, and what the API answers is what the schema says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from io import StringIO
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from search.curating.start import change_start, picked_documents
from search.models import Judgement, SavedSearch, SearchFinding, Source
from search.services.guest_links import guest_link_create
from tests.search.api.conftest import make_document
from tests.support.queries import make_query

API = "/api/v1"
# what the schema must not promise before it is built
NOT_BUILT_YET = ("negative_text",)


@cache
def schema() -> dict[str, Any]:
    return APIClient().get(f"{API}/schema/").json()


def test_the_schema_is_valid_and_complete():
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_the_schema_is_json_and_yaml_on_demand(db):
    assert schema()["openapi"].startswith("3.")
    yaml = APIClient().get(f"{API}/schema/", HTTP_ACCEPT="application/vnd.oai.openapi")
    assert yaml.content.startswith(b"openapi:")


def test_what_is_not_built_is_absent_from_the_schema(db):
    text = APIClient().get(f"{API}/schema/").content.decode()
    assert [word for word in NOT_BUILT_YET if f'"{word}"' in text] == []


def answered(document: dict[str, Any], path: str, method: str, status: str) -> dict[str, Any]:
    """The JSON schema of one answer, with the components it refers to."""
    answer = document["paths"][path][method]["responses"][status]
    return {**answer["content"]["application/json"]["schema"], "components": document["components"]}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/announcements/", {}),
        ("/audit/", {}),
        ("/collections/", {}),
        ("/collections/{slug}/", {"slug": "secret"}),
        ("/collections/{slug}/", {"slug": "open"}),
        ("/documents/", {}),
        ("/documents/{document_id}/", {"document_id": "document"}),
        ("/documents/{document_id}/former-files/", {"document_id": "document"}),
        ("/jobs/", {}),
        ("/jobs/{job_id}/", {"job_id": "job"}),
        ("/jobs/{job_id}/failed/", {"job_id": "job"}),
        ("/collections/{slug}/sources/", {"slug": "secret"}),
        ("/collections/{slug}/changes/", {"slug": "secret"}),
        ("/collections/{slug}/changes/{change_id}/", {"slug": "secret", "change_id": "change"}),
        ("/collections/{slug}/changes/{change_id}/documents/", {"slug": "secret", "change_id": "change"}),
        ("/collections/{slug}/trash/", {"slug": "secret"}),
        ("/collections/{slug}/guest-links/", {"slug": "secret"}),
        ("/collections/{slug}/fields/", {"slug": "secret"}),
        ("/collections/{slug}/quality/", {"slug": "secret"}),
        ("/collections/{slug}/duplicates/", {"slug": "secret"}),
        ("/models/", {}),
        ("/models/{model}/", {"model": "champion"}),
        ("/judgements/", {}),
        ("/searches/", {}),
        ("/suggestions/", {}),
        ("/searches/saved/", {}),
        ("/searches/saved/{saved_id}/", {"saved_id": "saved"}),
        ("/searches/saved/{saved_id}/new/", {"saved_id": "saved"}),
        ("/evaluation-sets/", {}),
        ("/side-by-side/", {}),
        ("/side-by-side/preferences/", {}),
    ],
)
def test_an_answer_is_what_the_schema_says(path, values, world):
    Judgement.objects.create(
        query=world.query, document=world.open_document, user=world.users["curator"], grade=2
    )
    known = {"document": world.open_document.pk, "job": world.job.pk, "saved": saved_of(world, "curator").pk}
    known["change"] = curated(world)
    filled = path.format(**{name: known.get(value, value) for name, value in values.items()})
    for who in ("curator", "root"):
        response = world.client(who).get(API + filled)
        if response.status_code == 200 or who == "curator":
            assert_described(response, API + path, "get")


def curated(world) -> int:
    """A source, a document in the trash and a change of the secret collection; the id of the change."""
    Source.objects.create(collection=world.secret, name="S", kind="iiif", address="https://example.com/")
    by, slug = world.users["curator"], {"collection": world.secret}
    guest_link_create(collection=world.secret, by=by, ends_at=timezone.now() + timedelta(1))
    for action, name in (("trash", "secret-2"), ("add_tags", "secret-3")):
        picked = picked_documents(world.secret, [make_document(world.secret, name).pk])
        done = change_start(**slug, action=action, detail={"tags": ["x"]}, documents=picked, by=by)
    return done.pk


def saved_of(world, who: str) -> SavedSearch:
    """A search that this person made and saved."""
    query = make_query(modality="document", document=world.open_document, user=world.users[who])
    saved = SavedSearch.objects.create(query=query, user=world.users[who], name="Pumps")
    SearchFinding.objects.create(saved=saved, document=world.open_document)
    return saved


def assert_described(response: Any, path: str, method: str) -> None:
    """The answer is valid, and every field that the schema knows is there."""
    document = schema()
    described = nullable_as_json_schema(answered(document, path, method, str(response.status_code)))
    jsonschema.Draft202012Validator(strict(described)).validate(response.json())


def nullable_as_json_schema(value: Any) -> Any:
    """OpenAPI 3.0 says `nullable`, JSON Schema a list of types."""
    if isinstance(value, list):
        return [nullable_as_json_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {key: nullable_as_json_schema(item) for key, item in value.items() if key != "nullable"}
    return {"anyOf": [inner, {"type": "null"}]} if value.get("nullable") is True else inner


def strict(value: Any) -> Any:
    """Forbid fields that the schema does not know, wherever it names the fields of an object."""
    if isinstance(value, list):
        return [strict(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {key: strict(item) for key, item in value.items()}
    if isinstance(value.get("properties"), dict):
        inner.setdefault("additionalProperties", False)
    return inner


def test_an_error_is_what_the_schema_says(world):
    document = schema()
    described = answered(document, f"{API}/documents/", "get", "400")
    response = APIClient().get(f"{API}/documents/?limit=0")
    jsonschema.Draft202012Validator(strict(described)).validate(response.json())


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in schema()["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_refusal_is_declared_with_its_status_and_the_one_shape(db):
    for path, method, operation in operations():
        refusals = {code: answer for code, answer in operation["responses"].items() if int(code) >= 400}
        assert {"400", "401", "403", "406", "429", "500", "503"} <= set(refusals), (path, method)
        assert ("404" in refusals) >= ("{" in path), (path, method)
        assert {"413", "415"} <= set(refusals) or "requestBody" not in operation, (path, method)
        for answer in refusals.values():
            reference = answer["content"]["application/json"]["schema"]["$ref"]
            assert reference == "#/components/schemas/ErrorAnswer"


def test_files_are_binary_and_in_forms_only(db):
    for path, method, operation in operations():
        content = operation.get("requestBody", {}).get("content", {})
        pieces = (
            {"application/offset+octet-stream"} if operation["operationId"] == "uploads_append" else set()
        )
        assert set(content) <= {"application/json", "multipart/form-data", *pieces}, (path, method)
        for kind, body in content.items():
            text = str(resolved(body["schema"]))
            assert ("'format': 'binary'" in text) == (kind != "application/json"), (path, method)


def test_what_takes_two_kinds_of_body_has_an_optional_parameter(db):
    """Without one the code that openapi-python-client makes of it does not run."""
    for path, method, operation in operations():
        kinds = operation.get("requestBody", {}).get("content", {})
        optional = [one for one in operation.get("parameters", []) if not one.get("required")]
        assert optional or len(kinds) < 2, (path, method)


def request_examples() -> dict[str, list[tuple[str, Any]]]:
    """The examples of requests by operation, each with its media type."""
    return {
        operation["operationId"]: [
            (kind, example["value"])
            for kind, body in operation.get("requestBody", {}).get("content", {}).items()
            for example in body.get("examples", {}).values()
        ]
        for _, _, operation in operations()
    }


def test_requests_that_make_or_find_something_have_an_example_that_fits_their_schema(db):
    shown = request_examples()
    wanted = {
        "search",
        "embeddings",
        "documents_save",
        "documents_import",
        "collections_create",
        "judgements_create",
        "saved_searches_create",
        "uploads_import",
    }
    assert {operation for operation, examples in shown.items() if examples} == wanted
    for _, _, operation in operations():
        for kind, value in shown[operation["operationId"]]:
            body = operation["requestBody"]["content"][kind]["schema"]
            described = {**resolved(body), "components": schema()["components"]}
            jsonschema.Draft202012Validator(nullable_as_json_schema(described)).validate(value)


def test_what_a_page_would_make_up_of_a_pattern_has_a_sample(db):
    def without_sample(value: Any, where: str) -> list[str]:
        if isinstance(value, list):
            return [found for item in value for found in without_sample(item, where)]
        if not isinstance(value, dict):
            return []
        made_up = "pattern" in value and "example" not in value
        inner = [found for key, item in value.items() for found in without_sample(item, f"{where}.{key}")]
        return [where] * made_up + inner

    bodies = {name: body for name, body in schema()["components"]["schemas"].items() if "Answer" not in name}
    assert without_sample(bodies, "schemas") == []


def resolved(value: Any) -> Any:
    """A schema with what it refers to."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return resolved(schema()["components"]["schemas"][value["$ref"].rpartition("/")[2]])
    return {key: resolved(item) for key, item in value.items()}


def test_what_a_change_leaves_out_has_no_default(db):
    """A client made of the schema would send it, and so empty what nobody named."""
    patched = [name for name in schema()["components"]["schemas"] if name.startswith("Patched")]
    assert len(patched) == 7
    for name in patched:
        assert "'default'" not in str(schema()["components"]["schemas"][name])


def open_operations() -> set[str]:
    described = APIClient().get(f"{API}/schema/").json()["paths"]
    return {
        operation["operationId"]
        for methods in described.values()
        for operation in methods.values()
        if {} in operation["security"]
    }


def test_what_nobody_in_particular_may_do_is_declared(db):
    assert open_operations() == {
        "search", "search_get", "search_export_csv", "search_export_json", "suggestions",
        "announcements_list", "embeddings", "collections_list",
        "collections_get",
        "documents_list", "documents_get", "fields_list", "fields_values", "models_list", "models_get",
    }  # fmt: skip


def test_where_searching_needs_an_account_nothing_is_declared_open(db, settings):
    settings.CONFIG = replace(settings.CONFIG, anonymous_search=False)
    assert open_operations() == set()


def test_what_is_declared_open_is_open_and_the_rest_is_not(world):
    values = {"slug": "open", "document_id": world.open_document.pk, "model": "champion"}
    values |= {
        "query_id": world.query.pk,
        "job_id": world.job.pk,
        "judgement_id": 1,
        "saved_id": 1,
        "batch_id": world.query.pk,
        "queue_id": 1,
        "source_id": 1,
        "change_id": 1,
        "upload_id": world.query.pk,
        "set_id": 1,
        "side_by_side_id": world.query.pk,
    }
    for path, method, operation in operations():
        if method == "get":
            status = APIClient().get(path.format(**values)).status_code
            assert (status == 401) == ({} not in operation["security"]), path
