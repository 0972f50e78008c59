"""What a backup asks this site, and a restored one again: documents, titles and kept searches, over all collections.

No encoder is needed: documents and kept searches bring their vectors, and titles are searched for by their words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from django.contrib.auth import get_user_model
from django.db.models import TextField
from django.db.models.functions import MD5, Cast

from models_admin.services import champion
from search.models import Document, QueryPart
from search.retrieval.asking import prepare
from search.retrieval.runner import Asked, run
from search.retrieval.scope import scope_for
from search.retrieval.types import DocumentPart, EmbeddingPart, SearchRequest, TextPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from models_admin.models import ModelVersion
    from search.retrieval.types import Mode, Part, Scope

OF_EACH_KIND = 10
DEEP = 10


def sample_questions() -> Iterator[dict[str, Any]]:
    """Yield questions, chosen by a hash of their ids, so that the same rows give the same ones."""
    version = champion()
    if version is None:
        return
    documents = _some(Document.objects.filter(passages__isnull=False).distinct())
    yield from ({"document": pk, "model": version.key} for pk in documents.values_list("pk", flat=True))
    titles = _some(Document.objects.exclude(title="")).values_list("title", flat=True)
    yield from ({"title": title, "model": version.key} for title in titles)
    kept = QueryPart.objects.filter(query__version=version, embedding__isnull=False)
    one_vector = (
        pk for pk, vectors in _some(kept).values_list("pk", "embedding") if len(vectors) == version.dim * 4
    )
    yield from ({"part": str(pk), "model": version.key} for pk in one_vector)


def _some(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.order_by(MD5(Cast("pk", TextField())))[:OF_EACH_KIND]


def sample_answer(question: dict[str, Any]) -> list[int]:
    """Return the ids of the documents that answer a question, best first; raises AppError as a search does."""
    everybody = get_user_model()(is_active=True, is_staff=True, is_superuser=True)
    mode: Mode = "lexical" if "title" in question else "dense"
    request = SearchRequest(
        everybody, (_part(question),), mode=mode, model=question["model"], as_written=True
    )

    def scope(version: ModelVersion) -> Scope:
        return scope_for(version, everybody, request.target)

    ready = prepare(request, 0, scope)
    ranking = run(Asked(ready.encoding, ready.scope, DEEP, DEEP, retrievers=ready.retrievers))
    return [document.document_id for document in ranking.documents[:DEEP]]


def _part(question: dict[str, Any]) -> Part:
    if "document" in question:
        return DocumentPart(question["document"])
    if "title" in question:
        return TextPart(question["title"])
    vectors = QueryPart.objects.values_list("embedding", flat=True).get(pk=question["part"])
    return EmbeddingPart(tuple(map(float, np.frombuffer(vectors or b"", dtype="<f4"))))
