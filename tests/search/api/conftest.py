"""A small world to ask the API about: an open and a secret collection, and people who may see more or less."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from models_admin.models import Alias, ModelVersion
from search.api.base import ApiView
from search.models import Collection, Document, DocumentImage, Judgement, Membership, Query
from search.services.fields import field_values_write
from search.services.tokens import token_create
from tests.support.queries import make_query
from workers.error_table import errors_of
from workers.models import Blob, Job, JobItem

PEOPLE = ("anonymous", "stranger", "reader", "curator", "root")


@dataclass
class World:
    """What there is; `secret_*` belongs to the private collection, which only its members may know of."""

    users: dict[str, Any]
    open: Collection
    secret: Collection
    open_document: Document
    secret_document: Document
    query: Query
    version: ModelVersion
    job: Job
    clients: dict[str, APIClient] = field(default_factory=dict)

    def client(self, who: str, *scopes: str) -> APIClient:
        """A client with a token of this person; without scopes both; nobody's for `anonymous`."""
        client = APIClient()
        if who != "anonymous":
            _, key = token_create(user=self.users[who], name="test", scopes=scopes or ("read", "write"))
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client


def make_users() -> dict[str, Any]:
    users = get_user_model().objects
    people = {name: users.create_user(name) for name in ("stranger", "reader", "curator")}
    return people | {
        "root": users.create_superuser("root"),
        "staff": users.create_user("staff", is_staff=True),
    }


def make_document(collection: Collection, name: str, **values: Any) -> Document:
    document = Document.objects.create(
        collection=collection,
        external_id=name,
        title=f"Title of {name}",
        body=f"Body of {name}.",
        tags=["pump"],
        metadata={"kind": "pump"},
        **values,
    )
    field_values_write(collection_id=collection.pk, documents=[(document.pk, ["pump"], {"kind": "pump"})])
    blob, _ = Blob.objects.get_or_create(
        sha256=f"{document.pk:064x}", defaults={"size": 1, "content_type": "image/png"}
    )
    DocumentImage.objects.create(document=document, ordinal=0, blob=blob, width=4, height=3)
    return document


def make_version(**values: Any) -> ModelVersion:
    bundle, _ = Blob.objects.get_or_create(
        sha256="e" * 64, defaults={"size": 1, "content_type": "application/zip"}
    )
    manifest = {"modalities": ["image", "text"], "licence": "Apache-2.0", "metrics": {"rsum": 400.0}}
    defaults = {"name": "small", "number": 1, "state": "ready", "dim": 4, "manifest": manifest}
    return ModelVersion.objects.create(bundle=bundle, **(defaults | values))


@pytest.fixture
def world(db) -> World:
    users = make_users()
    opened = Collection.objects.create(slug="open", name="Open", visibility="public")
    secret = Collection.objects.create(slug="secret", name="Secret", visibility="private")
    Membership.objects.create(collection=secret, user=users["reader"], role="reader")
    Membership.objects.create(collection=secret, user=users["curator"], role="curator")
    open_document, secret_document = make_document(opened, "open-1"), make_document(secret, "secret-1")
    version = make_version()
    Alias.objects.create(name="champion", version=version)
    answer = [
        {"document": document.pk, "passage": None, "image": None, "score": 0.5}
        for document in (secret_document, open_document)
    ]
    query = make_query(modality="text", text="pump", version=version, answer=answer)
    job = Job.objects.create(
        type="import",
        owner=users["curator"],
        state="failed",
        error_id="x.y",
        error="Z.",
        params={"collection": secret.pk},
    )
    JobItem.objects.create(job=job, key="line 1", error_id="import.bad", reason="Bad line.")
    return World(users, opened, secret, open_document, secret_document, query, version, job)


@pytest.fixture
def secret_judgement(world) -> Judgement:
    """The curator's judgement of the secret document."""
    return Judgement.objects.create(
        query=world.query, document=world.secret_document, user=world.users["curator"], grade=3
    )


def error_id(response: Any) -> str:
    """The id of an answer that must be in the one error shape."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"id", "message", "detail"}
    assert body["error"]["message"]
    assert isinstance(body["error"]["detail"], dict)
    return body["error"]["id"]


@pytest.fixture(autouse=True)
def refusals_are_declared(monkeypatch):
    """Every refusal that a test here meets must be one that the table of errors names for the operation."""
    finalize = ApiView.finalize_response

    def checked(view: Any, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        schema = getattr(getattr(view, str(request.method).lower(), None), "kwargs", {}).get("schema")
        refused = (getattr(response, "data", None) or {}) if response.status_code >= 400 else {}
        if schema is not None and "error" in refused:
            operation = operation_of(schema, view)
            assert refused["error"]["id"] in errors_of(operation), (operation, refused)
        return finalize(view, request, response, *args, **kwargs)

    monkeypatch.setattr(ApiView, "finalize_response", checked)


def operation_of(schema: Any, view: Any) -> str:
    described = schema()
    described.view = view
    return described.get_operation_id()


def operations_of(client: APIClient) -> dict[str, Any]:
    """What the schema says of each operation, by its id."""
    paths = client.get("/api/v1/schema/").json()["paths"]
    return {one["operationId"]: one for methods in paths.values() for one in methods.values()}
