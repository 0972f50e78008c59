"""The schema is valid, and what the API answers is what the schema says."""

from __future__ import annotations

from functools import cache
from io import StringIO
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from search.models import Judgement

API = "/api/v1"
# what the schema must not promise before it is built
NOT_BUILT_YET = ("image_url", "negative_text", "explain", "lexical", "hybrid")


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
        ("/collections/", {}),
        ("/collections/{slug}/", {"slug": "secret"}),
        ("/collections/{slug}/", {"slug": "open"}),
        ("/documents/", {}),
        ("/documents/{document_id}/", {"document_id": "document"}),
        ("/jobs/", {}),
        ("/jobs/{job_id}/", {"job_id": "job"}),
        ("/jobs/{job_id}/failed/", {"job_id": "job"}),
        ("/models/", {}),
        ("/models/{model}/", {"model": "champion"}),
        ("/judgements/", {}),
    ],
)
def test_an_answer_is_what_the_schema_says(path, values, world):
    Judgement.objects.create(
        query=world.query, document=world.open_document, user=world.users["curator"], grade=2
    )
    known = {"document": world.open_document.pk, "job": world.job.pk}
    filled = path.format(**{name: known.get(value, value) for name, value in values.items()})
    for who in ("curator", "root"):
        response = world.client(who).get(API + filled)
        if response.status_code == 200 or who == "curator":
            assert_described(response, API + path, "get")


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
    described = answered(document, f"{API}/documents/", "get", "4XX")
    response = APIClient().get(f"{API}/documents/?limit=0")
    jsonschema.Draft202012Validator(strict(described)).validate(response.json())
