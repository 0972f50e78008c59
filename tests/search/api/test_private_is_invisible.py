"""Private collections are invisible at every address of the API to whoever is not a member.

The table below must name every address in the urlconf, so a new endpoint cannot be forgotten. For each it says how to
ask for the secret thing there; a stranger's answer must equal the answer for something that does not exist.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.urls import get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from search.models import (
    ChangeSet,
    Collection,
    Document,
    DocumentFile,
    DocumentImage,
    GuestLink,
    Judgement,
    JudgingPair,
    JudgingQueue,
    Query,
    Source,
)
from search.services.guest_links import guest_link_create
from search.services.members import member_set
from tests.search.api.conftest import World

MEMBERS, OUTSIDERS = ("reader", "curator", "root"), ("anonymous", "stranger", "staff")
MARK = re.compile(r"secret")
NEW = {"title": "x"}


@dataclass(frozen=True)
class Ask:
    """One request. `{…}` in the path is filled with the secret thing, then with one that does not exist."""

    method: str = "get"
    path: str = ""
    body: dict[str, Any] = field(default_factory=dict)


LISTS = {  # addresses without an id: what they answer may not mention the secret collection at all
    "announcements": [Ask()],
    "audit": [Ask(), Ask(path="?q=secret")],
    "collections": [Ask()],
    "documents": [Ask(), Ask(path="?tag=pump")],
    "fields": [Ask()],
    "fields-values": [
        Ask(path="?field=tags"),
        Ask(path="?field=collection"),
        Ask(path="?field=metadata.kind"),
    ],
    "search-kept": [Ask()],
    "search-export-csv": [Ask()],
    "search-export-json": [Ask()],
    "judgements": [Ask()],
    "searches": [Ask()],
    "photo-batches": [Ask()],
    "suggestions": [Ask(path="?q=secret"), Ask(path="?q=title of")],
    "saved-searches": [Ask()],
    "judging-queues": [Ask()],
    "judgements-qrels": [Ask(), Ask(path="?query={query}")],
    "judgements-run": [Ask(), Ask(path="?query={query}")],
    "judgements-csv": [Ask()],
    "jobs": [Ask()],
    "models": [Ask()],
    "schema": [Ask()],
    "docs": [Ask()],
}
ROWS = {  # addresses (or bodies) with an id: secret and missing must be answered alike
    "collection": [Ask(), Ask("patch", body={"name": "Taken"}), Ask("delete")],
    "document": [Ask(), Ask("patch", body=NEW), Ask("delete")],
    "former-files": [Ask()],
    "former-file": [Ask("delete")],
    "sources": [Ask(), Ask("post", body={"kind": "iiif", "address": "https://example.com/"})],
    "source": [Ask(), Ask("patch", body={"name": "N"}), Ask("delete")],
    "source-rounds": [Ask(), Ask("post")],
    "changes": [Ask(), Ask("post", body={"action": "trash", "matching": {}})],
    "change": [Ask()],
    "change-documents": [Ask()],
    "change-undo": [Ask("post")],
    "trash": [Ask(), Ask("delete")],
    "guest-links": [Ask(), Ask("post", body={"ends_at": f"{timezone.now() + timedelta(1):%Y-%m-%dT%H:%MZ}"})],
    "guest-link": [Ask("delete")],
    "collection-fields": [Ask(), Ask("post", body={"name": "metadata.kind"})],
    "quality": [Ask()],
    "duplicates": [Ask(), Ask("post")],
    "documents": [
        Ask(path="?collection={slug}"),
        Ask(path="?external_id={external_id}"),
        Ask("post", body={"collection": "{slug}", "external_id": "n"}),
    ],
    "documents-import": [Ask("post", body={"collection": "{slug}", "file": "FILE"})],
    "judgement": [Ask(), Ask("patch", body={"grade": 1}), Ask("delete")],
    "judgements": [
        Ask(path="?document={document_id}"),
        Ask("post", body={"query": "{query}", "document": "{document_id}", "grade": 0}),
    ],
    "judgements-qrels": [Ask(path="?collection={slug}")],
    "judgements-run": [Ask(path="?collection={slug}")],
    "judgements-csv": [Ask(path="?collection={slug}")],
    "judging-queues": [Ask("post", body={"name": "N", "collection": "{slug}", "source": "unsure"})],
    "judging-queue": [Ask(), Ask("delete")],
    "judging-next": [Ask()],
    "judging-skip": [Ask("post", body={"pair": 1})],
    "judging-back": [Ask("post")],
    "job": [Ask()],
    "job-failed": [Ask()],
    "job-cancel": [Ask("post")],
    "job-pause": [Ask("post")],
    "job-resume": [Ask("post")],
    "job-retry": [Ask("post")],
    "job-undo": [Ask(), Ask("post")],
}
ELSEWHERE = {
    "uploads": "test_uploads.py: what is begun is named in headers",
    "uploads-import": "test_uploads.py: one person's alone",
    "upload": "test_uploads.py: one person's alone",
    "photo-batch": "test_photo_batches.py: one person's alone",
    "photo-batch-photos": "test_photo_batches.py",
    "photo-batch-table": "test_photo_batches.py",
    "saved-search-new": "test_saved_searches.py and test_alerts.py",
    "saved-search": "test_saved_searches.py: what one person asks is nobody else's",
    "search": "test_search_for_real.py, beside others",
    "search-marks": "test_marks.py: moved by one's own judgements alone, and searched as a search",
    "embeddings": "touches no collection",
    "model": "models belong to no collection",
    "model-challenger": "operators only, who see everything",
    "model-measure": "operators only, who see everything",
    "model-prepare": "operators only, who see everything",
    "model-activate": "operators only, who see everything",
    "model-retire": "operators only, who see everything",
    "models-rollback": "operators only, who see everything",
    "evaluation-sets": "operators only, who see everything",
    "evaluation-set": "operators only, who see everything",
    "evaluation-queries": "operators only, who see everything",
    "evaluation-results": "operators only, who see everything",
    "evaluation-measure": "operators only, who see everything",
    "side-by-side": "test_side_by_side.py: searches as a search, one person's alone",
    "side-by-side-one": "test_side_by_side.py: one person's alone",
    "side-by-side-preference": "test_side_by_side.py: one person's alone",
    "side-by-side-preferences": "counts of versions, which belong to no collection",
}


def patterns() -> dict[str, str]:
    """Name → path of every address of the API, read from the urlconf."""
    (api,) = [entry for entry in get_resolver().url_patterns if getattr(entry, "namespace", None) == "api"]
    return {entry.name: "/api/v1/" + str(entry.pattern) for entry in api.url_patterns}


def test_every_address_of_the_api_is_in_the_table():
    assert set(patterns()) == set(LISTS) | set(ROWS) | set(ELSEWHERE)


def secret_values(world: World, judgement: Judgement) -> dict[str, Any]:
    return {
        "slug": "secret",
        "external_id": world.secret_document.external_id,
        "document_id": world.secret_document.pk,
        "judgement_id": judgement.pk,
        "job_id": world.job.pk,
        "queue_id": secret_queue(world).pk,
        "source_id": secret_source(world).pk,
        "file_id": secret_former_file(world).pk,
        "link_id": guest_link_to(world)[0].pk,
        "change_id": ChangeSet.objects.create(collection=world.secret, action="trash").pk,
        "query": world.query.pk,
        "query_id": world.query.pk,
    }


def secret_former_file(world: World) -> DocumentFile:
    return DocumentFile.objects.create(
        document=world.secret_document, name="secret.pdf", size=1, replaced_at=timezone.now()
    )


def secret_queue(world: World) -> JudgingQueue:
    queue = JudgingQueue.objects.create(
        name="secret", collection=world.secret_document.collection, source="file"
    )
    JudgingPair.objects.create(queue=queue, place=1, query=world.query, document=world.secret_document)
    return queue


def guest_link_to(world: World) -> tuple[GuestLink, str]:
    return guest_link_create(
        collection=world.secret, by=world.users["root"], ends_at=timezone.now() + timedelta(1)
    )


def secret_source(world: World) -> Source:
    return Source.objects.create(
        collection=world.secret, name="secret", kind="iiif", address="https://secret/"
    )


def missing_values(world: World) -> dict[str, Any]:
    return {
        "slug": "missing",
        "external_id": "missing-1",
        "document_id": 10**9,
        "judgement_id": 10**9,
        "job_id": uuid.UUID(int=1),
        "queue_id": 10**9,
        "file_id": 10**9,
        "source_id": 10**9,
        "change_id": 10**9,
        "link_id": 10**9,
        "query": world.query.pk,
    }


def send(client: Any, address: str, ask: Ask, values: dict[str, Any]) -> tuple[int, str]:
    path = re.sub(r"<\w+:(\w+)>", lambda found: str(values[found[1]]), address)
    body = {
        key: value.format(**values) if isinstance(value, str) else value for key, value in ask.body.items()
    }
    kind = "json"
    if "file" in body:
        from django.core.files.base import ContentFile

        body["file"], kind = ContentFile(b"{}\n", "a.jsonl"), "multipart"
    response = getattr(client, ask.method)(path + ask.path.format(**values), body or None, format=kind)
    return response.status_code, text_of(response)


def text_of(response: Any) -> str:
    """The answer's text, without what names the request itself."""
    content = b"".join(response) if response.streaming else response.content
    return re.sub(r'"(next|previous)":"[^"]*"', "", content.decode())


@pytest.mark.parametrize("who", OUTSIDERS)
@pytest.mark.parametrize(("name", "ask"), [(name, ask) for name, asks in LISTS.items() for ask in asks])
def test_a_list_does_not_mention_what_is_secret(who, name, ask, world, secret_judgement):
    values = secret_values(world, secret_judgement)
    status, text = send(world.client(who), patterns()[name], ask, values)
    assert status in (200, 401, 403)
    assert not MARK.search(text), text
    assert str(world.secret_document.pk) not in re.findall(r'"(?:id|document)":(\d+)', text)


@pytest.mark.parametrize("who", OUTSIDERS)
@pytest.mark.parametrize(("name", "ask"), [(name, ask) for name, asks in ROWS.items() for ask in asks])
def test_what_is_secret_is_answered_as_what_is_missing(who, name, ask, world, secret_judgement):
    before = everything()
    address = patterns()[name]
    secret = send(world.client(who), address, ask, secret_values(world, secret_judgement))
    missing = send(world.client(who), address, ask, missing_values(world))
    assert secret == missing
    assert everything() == before


def everything() -> list[list[Any]]:
    """All rows that an outsider must not have changed."""
    return [list(model.objects.order_by("pk").values()) for model in (Collection, Document, Judgement)]


def client_of(world: World, who: str) -> APIClient:
    """A client of somebody who sees what is secret: by name, as one of a group, or as a guest."""
    if who == "guest":
        client = APIClient()
        client.post("/guest/", {"key": guest_link_to(world)[1]}, format="multipart")
        return client
    if who == "group":
        world.users["stranger"].groups.create(name="crew")
        member_set(collection=world.secret, role="reader", name="crew", group=True)
        return world.client("stranger")
    return world.client(who)


@pytest.mark.parametrize("who", [*MEMBERS, "group", "guest"])
def test_members_see_what_is_secret(who, world, secret_judgement):
    client = client_of(world, who)
    assert "secret" in text_of(client.get("/api/v1/collections/"))
    assert "secret-1" in text_of(client.get("/api/v1/documents/"))
    assert client.get("/api/v1/collections/secret/").json()["documents"] == 1
    assert client.get(f"/api/v1/documents/{world.secret_document.pk}/").status_code == 200


def test_a_reader_is_refused_what_only_curators_do(world):
    client = world.client("reader")
    for response in (
        client.patch("/api/v1/collections/secret/", {"name": "Mine"}),
        client.delete("/api/v1/collections/secret/"),
        client.patch(f"/api/v1/documents/{world.secret_document.pk}/", NEW),
        client.delete(f"/api/v1/documents/{world.secret_document.pk}/"),
        client.post("/api/v1/documents/", {"collection": "secret", "external_id": "n", "title": "n"}),
        client.get("/api/v1/collections/secret/changes/"),
        client.get("/api/v1/collections/secret/trash/"),
        client.get("/api/v1/collections/secret/sources/"),
        client.get("/api/v1/collections/secret/quality/"),
        client.get("/api/v1/collections/secret/guest-links/"),
        client.delete(f"/api/v1/collections/secret/guest-links/{guest_link_to(world)[0].pk}/"),
        client.post("/api/v1/collections/secret/fields/", {"name": "tags"}),
    ):
        assert (response.status_code, response.json()["error"]["id"]) == (403, "permission.denied")
    assert Document.objects.count() == 2


def test_members_names_are_told_to_curators_only(world):
    told = {who: world.client(who).get("/api/v1/collections/secret/").json()["curators"] for who in MEMBERS}
    assert told == {"reader": None, "curator": ["curator"], "root": ["curator"]}
    assert world.client("stranger").get("/api/v1/collections/open/").json()["readers"] is None


def test_a_former_reader_no_longer_sees_their_own_judgements_of_secret_documents(world):
    mine = Judgement.objects.create(
        query=world.query,
        document=world.secret_document,
        user=world.users["reader"],
        grade=2,
        comment="secret!",
    )
    client = world.client("reader")
    assert json.loads(text_of(client.get("/api/v1/judgements/")))["results"]
    world.secret.members.clear()
    assert json.loads(text_of(client.get("/api/v1/judgements/")))["results"] == []
    assert client.get(f"/api/v1/judgements/{mine.pk}/").status_code == 404
    assert Query.objects.count() == 1


def test_a_closed_collections_pictures_go_with_it(world):
    assert DocumentImage.objects.filter(document=world.secret_document).exists()
    world.client("curator").delete("/api/v1/collections/secret/")
    assert not DocumentImage.objects.filter(document__collection__slug="secret").exists()
