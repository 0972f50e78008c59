"""What there is to ask about while requests are fuzzed: a model, collections, documents, people and their tokens."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.db import connection

from search.models import Collection, Document, DocumentImage, Judgement, Membership
from search.services.document_fields import image_input
from search.services.tokens import token_create
from tests.hostile.fuzzing.seeds import seed
from tests.support.corpus import clustered, make_collection, make_documents, store, tiny_version
from tests.support.queries import make_query
from workers.models import Job
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS, DIM = 20, 32
TABLES = ("search_collection", "search_document", "search_documentimage", "search_passage", "search_membership",
          "search_query", "search_judgement", "search_apitoken", "workers_blob", "workers_job", "workers_jobitem",
          "models_admin_modelversion", "models_admin_activation", "auth_user")  # fmt: skip
"""Not the sessions: judging begins one, whatever becomes of the judgement."""


@dataclass
class FuzzedWorld:
    """Whom to ask as, and the names that stand for what exists."""

    headers: dict[str, str]
    names: dict[str, str]


def make_world(folder: Path) -> FuzzedWorld:
    """Fill an empty database."""
    version = tiny_version(folder, dim=DIM)
    opened, secret = make_collection("open"), make_collection("secret", visibility="private")
    passages = make_documents(opened, DOCUMENTS, tags=["pump"]) + make_documents(secret, 5)
    store(version, passages, clustered(len(passages), DIM))
    headers = {"anonymous": ""} | {who: _token(who, secret) for who in ("reader", "curator", "staff", "root")}
    document, hidden = (
        Document.objects.filter(collection=opened)[0],
        Document.objects.filter(collection=secret)[0],
    )
    image = image_input(seed("png"), opened)
    DocumentImage.objects.create(document=document, ordinal=0, blob_id=image.blob_id, width=24, height=16)
    answer = [{"document": document.pk, "passage": passages[0].pk, "image": None, "score": 0.5}]
    preview = blob_store(ContentFile(seed("jpeg")), "image/jpeg")
    query = make_query(modality="image", version=version, answer=answer, preview=preview)
    root = get_user_model().objects.get(username="root")
    judgement = Judgement.objects.create(query=query, document=document, user=root, grade=2)
    job = Job.objects.create(
        type="import", owner=root, state="failed", error_id="import.not_json", error="Not JSON."
    )
    names = {"document": document.pk, "hidden": hidden.pk, "query": query.pk, "judgement": judgement.pk,
             "job": job.pk, "missing": uuid.UUID(int=4), "image": image.blob_id}  # fmt: skip
    return FuzzedWorld(headers, {name: str(value) for name, value in names.items()})


def _token(who: str, secret: Collection) -> str:
    user = get_user_model().objects.create_user(
        who, is_staff=who in ("staff", "root"), is_superuser=who == "root"
    )
    if who in ("reader", "curator"):
        Membership.objects.create(collection=secret, user=user, role=who)
    return f"Bearer {token_create(user=user, name='fuzz', scopes=['read', 'write'])[1]}"


def row_counts() -> dict[str, int]:
    """How many rows each table has."""
    counted = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in TABLES)
    with connection.cursor() as cursor:
        cursor.execute(counted)
        return dict(cursor.fetchall())
